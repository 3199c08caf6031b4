// layergate audit: who did what.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/query_parameters.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Arguments {
  // Options of a call's query, by the names that both have.
  std::vector<std::pair<std::string, std::string>> filters;
  std::size_t limit = 100;
  std::string export_format = "jsonl";
  std::string expect;

  [[nodiscard]] Query query() const {
    Query query;
    for (const auto& [name, value] : filters) {
      if (!value.empty()) query.emplace_back(name, value);
    }
    return query;
  }
};

// Hands the items of one page after the other to `take`. Not fetch_all(): a page of records may be
// empty though there is more, and what is exported has no bound. The last reply, which may be a
// failure; its `next` is null if all was seen.
api::Reply each_page(Client& client, const api::Call& call, std::size_t most,
                     const std::function<bool(const Json& items)>& take) {
  std::string cursor;
  std::size_t seen = 0;
  while (true) {
    auto page = call;
    page.query.emplace_back(
        "limit", std::to_string(std::min(most - seen, api::QueryParameters::kMostLimit)));
    if (!cursor.empty()) page.query.emplace_back("cursor", cursor);
    auto reply = client.call(std::move(page));
    if (reply.failed()) return reply;
    const auto items = reply.body.value("items", Json::array());
    seen += items.size();
    const auto next = reply.body.value("next", Json());
    if (!take(items) || seen >= most || !next.is_string() || next == cursor) return reply;
    cursor = next.get<std::string>();
  }
}

int list(const Globals& globals, const Arguments& arguments, std::vector<std::string> path,
         const View& view) {
  return with_client(globals, [&](Client& client) {
    auto all = Json::array();
    auto reply = each_page(client, get(std::move(path), arguments.query()), arguments.limit,
                           [&](const Json& items) {
                             for (const auto& item : items) all.push_back(item);
                             return true;
                           });
    if (!reply.failed()) reply.body["items"] = std::move(all);
    return finish(globals, reply, view);
  });
}

// RFC 4180. What a client made up cannot end its field.
std::string csv_line(const Json& item) {
  std::string line;
  for (const auto& [key, value] : item.items()) {
    if (!line.empty()) line += ',';
    auto text = value.is_string() ? printable(value.get<std::string>())
                                  : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    // A spreadsheet would take it for a formula, and a stranger's user name is anything.
    if (value.is_string() && text.find_first_of("=+-@") == 0) text.insert(0, 1, '\'');
    line += '"';
    for (const char c : text) {
      if (c == '"') line += '"';
      line += c;
    }
    line += '"';
  }
  return line + "\r\n";
}

std::string csv_heading(const Json& item) {
  std::string line;
  for (const auto& [key, value] : item.items()) line += (line.empty() ? "" : ",") + key;
  return line + "\r\n";
}

int export_all(const Globals& globals, const Arguments& arguments) {
  const bool is_csv = arguments.export_format == "csv";
  return with_client(globals, [&](Client& client) {
    bool is_first = true;
    const auto reply =
        each_page(client, get({"records"}, arguments.query()), SIZE_MAX, [&](const Json& items) {
          std::string text;
          for (const auto& item : items) {
            if (is_csv && std::exchange(is_first, false)) text += csv_heading(item);
            text +=
                is_csv ? csv_line(item)
                       : printable_json(item.dump(-1, ' ', false, Json::error_handler_t::replace)) +
                             "\n";
          }
          std::cout << text;
          return std::cout.good();
        });
    std::cout.flush();
    if (!std::cout.good()) {
      print_error("the output cannot be written");
      return 4;
    }
    return reply.failed() ? finish(globals, reply) : 0;
  });
}

int verify(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    Query query;
    if (!arguments.expect.empty()) query.emplace_back("expect", arguments.expect);
    const auto reply = client.call(get({"records", "verify"}, query));
    if (reply.failed()) return finish(globals, reply);
    const auto& found = reply.body;
    const bool is_ok = found.value("ok", false);
    View view;
    view.done = is_ok ? "rows " + found.at("first").dump() + " to " + found.at("last").dump() +
                            ": the chain holds; it ends with " + found.value("head", "")
                      : found.at("problem").get<std::string>();
    const int code = finish(globals, reply, view);
    return is_ok ? code : 1;
  });
}

const View kRecords{{{"TIME", "time", Column::Kind::time},
                     {"USER", "user"},
                     {"ADDRESS", "address"},
                     {"ACTION", "action"},
                     {"REPOSITORY", "repository"},
                     {"TAG", "tag"},
                     {"REFERENCE", "reference"},
                     {"STATUS", "status", Column::Kind::number},
                     {"DECISION", "decision"},
                     {"IN", "bytes_in", Column::Kind::size},
                     {"OUT", "bytes_out", Column::Kind::size},
                     {"REASON", "reason"}}};

const View kAnomalies{{{"TIME", "time", Column::Kind::time},
                       {"KIND", "kind"},
                       {"USER", "user"},
                       {"ADDRESS", "address"},
                       {"DETAIL", "detail"}}};

// The columns that --by asks for.
View view_of_sums(const Arguments& arguments) {
  View view{{{"DAY", "day"}}};
  std::string by = "action,decision";
  for (const auto& [name, value] : arguments.filters) {
    if (name == "by" && !value.empty()) by = value;
  }
  for (const char* key : {"user", "repository", "action", "decision"}) {
    if (("," + by + ",").find("," + std::string(key) + ",") == std::string::npos) continue;
    std::string title;
    for (const char* c = key; *c != '\0'; ++c) title += static_cast<char>(*c - 'a' + 'A');
    view.columns.push_back({title, key});
  }
  view.columns.push_back({"REQUESTS", "requests", Column::Kind::number});
  view.columns.push_back({"BYTES", "bytes", Column::Kind::size});
  return view;
}

// The options of `names` among all that there are.
void add_filters(CLI::App& verb, Arguments& arguments, const std::vector<std::string>& names) {
  static const std::vector<std::pair<std::string, std::string>> kHelp{
      {"user", "Of this account"},
      {"image", "Of this image: NAME or NAME:TAG"},
      {"tag", "Of this tag"},
      {"action", "view, pull, push, delete, account.add, …"},
      {"decision", "allowed or denied"},
      {"address", "From this address or network"},
      {"since", "Not before: 2027-01-31T18:00:00Z, 2027-01-31, or how long ago, as 7d or 12h"},
      {"until", "Before, in the same forms"},
      {"by", "Sums by user, repository, action, decision; several with commas"}};
  // Options refer to the values: no reallocation from here on.
  arguments.filters.reserve(names.size());
  for (const auto& name : names) {
    for (const auto& [known, help] : kHelp) {
      if (known != name) continue;
      arguments.filters.emplace_back(name, "");
      verb.add_option("--" + name, arguments.filters.back().second, help);
    }
  }
}

}  // namespace

void add_audit(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* audit = app.add_subcommand("audit", "Who did what")->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, const std::vector<std::string>& filters,
                       int (*run)(const Globals&, const Arguments&)) {
    auto* verb = audit->add_subcommand(name, help);
    auto arguments = std::make_shared<Arguments>();
    add_filters(*verb, *arguments, filters);
    verb->callback(
        [&globals, &exit_code, arguments, run] { exit_code = run(globals, *arguments); });
    return std::pair(verb, arguments);
  };
  const auto add_limit = [](const auto& made) {
    made.first->add_option("--limit", made.second->limit, "How many, 100 unless told")
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000}));
  };
  add_limit(add("query", "The records, newest first",
                {"user", "image", "tag", "action", "decision", "address", "since", "until"},
                [](const Globals& with, const Arguments& arguments) {
                  return list(with, arguments, {"records"}, kRecords);
                }));
  add("daily", "Requests and bytes a day",
      {"user", "image", "action", "decision", "since", "until", "by"},
      [](const Globals& with, const Arguments& arguments) {
        return with_client(with, [&](Client& client) {
          return finish(with, client.call(get({"records", "daily"}, arguments.query())),
                        view_of_sums(arguments));
        });
      });
  add_limit(add("anomalies", "Unusual use, newest first", {"user", "since", "until"},
                [](const Globals& with, const Arguments& arguments) {
                  return list(with, arguments, {"records", "anomalies"}, kAnomalies);
                }));
  const auto exported =
      add("export", "All records, newest first, to standard output",
          {"user", "image", "tag", "action", "decision", "address", "since", "until"}, export_all);
  exported.first
      ->add_option("--format", exported.second->export_format, "jsonl (unless told) or csv")
      ->check(CLI::IsMember({"jsonl", "csv"}));
  const auto verified =
      add("verify", "Whether any record was changed or removed; 1 if so", {}, verify);
  verified.first->add_option("--expect", verified.second->expect,
                             "What an earlier verify, or the log, said the chain ended with");
}

}  // namespace layergate::cli

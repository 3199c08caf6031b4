#include "cli/acl_replay.h"

#include <iostream>
#include <memory>

#include "acl/replay.h"
#include "base/quantity.h"
#include "cli/load_config.h"
#include "cli/output.h"
#include "cli/policy_argument.h"
#include "index/store.h"
#include "oci/reference.h"
#include "records/database.h"
#include "records/past_records.h"

namespace layergate::cli {
namespace {

using api::Json;
using records::AccessRecord;

struct Arguments {
  std::string policy;
  std::vector<std::string> records;
  std::string since;
  bool exit_code = false;
};

void add(const AccessRecord& record, acl::Replay& replay) {
  const auto action = acl::parse_action(record.action);
  if (!action) {
    replay.pass_over("no right was asked for (a login, or a request that was refused before)");
    return;
  }
  // Every policy would refuse it again.
  if (!record.allowed && record.reason != "immutable" && !acl::parse_reason(record.reason)) {
    replay.pass_over("it was refused for another reason: " + record.reason);
    return;
  }
  acl::PastRequest request;
  request.time = record.time;
  request.user = record.user;
  request.address = record.address;
  request.action = *action;
  request.repository = record.repository;
  const bool is_tag = oci::is_tag(record.reference);
  request.tag = !record.tag.empty() || !is_tag ? record.tag : record.reference;
  request.by_digest = !is_tag && !record.reference.empty() &&
                      (*action == acl::Action::pull || *action == acl::Action::erase);
  request.allowed = record.allowed;
  request.reason = record.reason;
  request.rule = record.rule;
  if (oci::is_fallback_tag(request.tag)) {
    replay.pass_over("its tag stands for another manifest, which the registry of then would tell");
    return;
  }
  replay.add(request);
}

std::vector<std::string> covered_of(const config::Config& config) {
  const auto file = config.state / "index.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return {};
  return index::Store(file, index::Store::Mode::read).covered();
}

Json to_json(const acl::Replay& replay) {
  auto items = Json::array();
  for (const auto& each : replay.otherwise()) {
    items.push_back({{"now", each.allowed ? "allowed" : "refused"},
                     {"user", each.user},
                     {"action", acl::to_string(each.action)},
                     {"name", each.repository},
                     {"tag", each.tag},
                     {"requests", each.count},
                     {"first", format_time(each.first)},
                     {"last", format_time(each.last)},
                     {"before", each.before},
                     {"after", each.after}});
  }
  auto passed_over = Json::array();
  for (const auto& [why, count] : replay.passed_over()) {
    passed_over.push_back({{"why", why}, {"requests", count}});
  }
  return {{"items", std::move(items)},
          {"refused", replay.refused()},
          {"allowed", replay.allowed()},
          {"same", replay.same()},
          {"passed_over", std::move(passed_over)},
          {"left_out", replay.left_out()}};
}

void print_summary(const acl::Replay& replay) {
  const auto line = [](std::uint64_t count, const std::string& what) {
    std::cout << count << ' ' << printable(what) << '\n';
  };
  line(replay.refused(), "requests that were allowed would be refused");
  line(replay.allowed(), "requests that were refused would be allowed");
  line(replay.same(), "would be decided as they were");
  for (const auto& [why, count] : replay.passed_over()) line(count, "cannot be told: " + why);
  std::cout << std::flush;
}

// A time, or how long ago.
std::optional<WallTime> parse_since(const std::string& text) {
  if (const auto time = parse_time(text)) return time;
  const auto ago = parse_duration(text);
  if (!ago) return std::nullopt;
  return wall_now() - *ago;
}

int replay(const Globals& globals, const Arguments& arguments) {
  std::optional<WallTime> since;
  if (!arguments.since.empty()) {
    since = parse_since(arguments.since);
    if (!since) {
      print_error("--since takes a time, a date, or how long ago: 7d, 12h, 30m");
      return 2;
    }
  }
  const auto argument = find_policy(globals, arguments.policy);
  if (!argument) return argument.error();
  auto config = argument->config;
  if (!config && arguments.records.empty()) {
    config = load_config(globals);
    if (!config) return 3;
  }
  const auto open =
      open_policy(*argument, wall_now(), config ? covered_of(*config) : std::vector<std::string>{});
  if (!open) return open.error();
  std::vector<std::filesystem::path> files(arguments.records.begin(), arguments.records.end());
  if (files.empty()) {
    files = {records::database_in(config->state)};
    std::error_code ignored;
    if (!std::filesystem::exists(files.front(), ignored)) {
      print_error(files.front().string() + ": is not there; --records names another file");
      return 4;
    }
  }

  acl::Replay replay(*open->policy);
  for (const auto& file : files) {
    const auto read = records::read_records(
        file, since, [&](const AccessRecord& record) { add(record, replay); });
    if (!read) {
      print_error(read.error());
      return 4;
    }
    if (read->damaged > 0) {
      print_note(std::to_string(read->damaged) +
                 " lines were passed over; the first: " + read->first_damage);
    }
  }
  api::Reply reply;
  reply.body = to_json(replay);
  View view{{{"NOW", "now"},
             {"USER", "user"},
             {"ACTION", "action"},
             {"NAME", "name"},
             {"TAG", "tag"},
             {"REQUESTS", "requests", Column::Kind::number},
             {"FIRST", "first", Column::Kind::time},
             {"LAST", "last", Column::Kind::time},
             {"BEFORE", "before"},
             {"AFTER", "after"}},
            ""};
  const bool differs = replay.refused() + replay.allowed() > 0;
  if (!differs) view.done = "no request would be decided otherwise";
  const auto code = finish(globals, reply, view);
  if (code != 0) return code;
  if (globals.format == Format::table) print_summary(replay);
  if (replay.left_out() > 0) {
    print_note(std::to_string(replay.left_out()) + " requests of further kinds are only counted");
  }
  return arguments.exit_code && differs ? 1 : 0;
}

}  // namespace

void add_acl_replay(CLI::App& acl, const Globals& globals, int& exit_code) {
  auto* verb = acl.add_subcommand("replay", "Which recorded requests would be decided otherwise");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("new", arguments->policy, "A config dir, or an acl.yml")->required();
  verb->add_option("--records", arguments->records,
                   "records.db, or JSON lines in a file or - ; left out: those of --config-dir");
  verb->add_option("--since", arguments->since, "From this time on: 2027-01-31, 7d");
  verb->add_flag("--exit-code", arguments->exit_code,
                 "End with 1 if a request would be decided otherwise");
  verb->callback([&globals, &exit_code, arguments] { exit_code = replay(globals, *arguments); });
}

}  // namespace layergate::cli

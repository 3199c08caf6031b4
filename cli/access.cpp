#include <iostream>
#include <memory>

#include "cli/client.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Arguments {
  std::string user;
  std::string name;
  std::string tag;
  std::string action = "pull";
  std::string address = "127.0.0.1";
  bool explain = false;
  bool all = false;
};

// Of a larger policy only the rules that name the account or the image are shown, unless all are
// asked for.
constexpr std::size_t kManyRules = 100;

std::string sentence(const Json& answer) {
  const auto text = [&](const char* key) { return answer.value(key, ""); };
  const std::string decision = answer.value("allowed", false) ? "allowed" : "denied";
  auto why = text("why");
  if (why.starts_with(decision + ' ')) why.erase(0, decision.size() + 1);
  return decision + ": " + text("user") + " " + text("action") + " " + text("name") + ":" +
         text("tag") + ": " + why;
}

// "+ @research" if the condition matches, "- names ci" if not.
std::string marked(const Json& condition) {
  return std::string(condition.value("matches", false) ? "+ " : "- ") + condition.value("what", "");
}

// The conditions of the account itself, as the rules' are written.
Json account_items(const Json& account) {
  const auto item = [](const char* what, bool matches, const Json& is) {
    return Json{{"what", what}, {"is", is}, {"matches", matches}};
  };
  if (!account.is_object()) return Json::array({item("exists", false, nullptr)});
  return Json::array(
      {item("enabled", account.value("enabled", false), account.value("enabled", false)),
       item(
           "expires", account.value("unexpired", false),
           account.value("expires", Json()).is_null() ? "never" : account.value("expires", Json())),
       item("from", account.value("from_matches", false),
            account.value("from", Json()).empty() ? "anywhere" : account.value("from", Json())),
       item("permissions", account.value("permitted", false), account.value("permissions", Json())),
       item("groups", true, account.value("groups", Json()))});
}

void print_table(const Json& items, const View& view) {
  std::cout << shown({{"items", items}}, Format::table, view, Terminal::of_output());
}

void print_explanation(const Json& answer, bool all) {
  print_table(account_items(answer.value("account", Json())),
              {{{"ACCOUNT", "what"},
                {"", "matches", Column::Kind::text,
                 [](const Json& matches) { return matches == true ? "+" : "-"; }},
                {"IS", "is"}},
               ""});
  const auto rules = answer.value("rules", Json::array());
  auto items = Json::array();
  for (const auto& rule : rules) {
    const auto matches = [&](const char* what) {
      return rule.value(what, Json::object()).value("matches", false);
    };
    if (all || rules.size() <= kManyRules || (matches("who") && matches("images"))) {
      items.push_back(rule);
    }
  }
  std::cout << '\n';
  const auto mark = [](const Json& rule) {
    return rule.value("decides", false) ? "=>" : rule.value("applies", false) ? "+" : "-";
  };
  for (auto& item : items) item["mark"] = mark(item);
  print_table(items, {{{"", "mark"},
                       {"RULE", "name"},
                       {"PLACE", "place"},
                       {"EFFECT", "effect"},
                       {"WHO", "who", Column::Kind::text, marked},
                       {"IMAGES", "images", Column::Kind::text, marked},
                       {"ACTIONS", "actions", Column::Kind::text, marked},
                       {"FROM", "from", Column::Kind::text, marked},
                       {"EXPIRES", "expires", Column::Kind::text, marked}},
                      ""});
  std::cout << "=> decides, + matches, - does not match\n";
  if (items.size() < rules.size()) {
    print_note(std::to_string(rules.size() - items.size()) +
               " more rules do not name this account and image; --all shows them");
  }
  if (answer.value("policy_allows", false) != answer.value("allowed", false)) {
    print_note("account and rules alone would give another answer; what decided is: " +
               answer.value("why", ""));
  }
  if (!answer.value("in_force", true)) {
    print_note("the gate has another policy in force than its files hold: see its /readyz");
  }
}

int check(const Globals& globals, const Arguments& arguments, bool explain) {
  return with_client(globals, [&](Client& client) {
    auto reply = client.call(
        get({"access", explain ? "explain" : "check"}, {{"user", arguments.user},
                                                        {"name", arguments.name},
                                                        {"tag", arguments.tag},
                                                        {"action", arguments.action},
                                                        {"address", arguments.address}}));
    const auto code = finish(globals, reply, {{}, reply.failed() ? "" : sentence(reply.body)});
    if (code != 0) return code;
    if (explain && globals.format == Format::table) print_explanation(reply.body, arguments.all);
    return reply.body.value("allowed", false) ? 0 : 1;
  });
}

int who_can(const Globals& globals, const Arguments& arguments) {
  auto name = arguments.name;
  Query query;
  if (const auto colon = name.find(':'); colon != std::string::npos && arguments.tag.empty()) {
    query.emplace_back("tag", name.substr(colon + 1));
    name.resize(colon);
  } else if (!arguments.tag.empty()) {
    query.emplace_back("tag", arguments.tag);
  }
  query.emplace_back("name", name);
  query.emplace_back("action", arguments.action);
  return with_client(globals, [&](Client& client) {
    const View view{{{"USER", "user"}, {"ALLOWED", "allowed"}, {"FROM", "from"}, {"WHY", "why"}},
                    ""};
    return finish(globals, client.call(get({"access", "who-can"}, query)), view);
  });
}

void add_action(CLI::App& verb, Arguments& arguments) {
  verb.add_option("--action", arguments.action, "view, pull, push or delete")
      ->capture_default_str();
}

void add_question(CLI::App& verb, Arguments& arguments) {
  verb.add_option("user", arguments.user, "The account")->required();
  verb.add_option("name", arguments.name, "The repository")->required();
  verb.add_option("tag", arguments.tag, "The tag")->required();
  add_action(verb, arguments);
  verb.add_option("--address,--from", arguments.address, "The client's address")
      ->capture_default_str();
  verb.add_flag("--all", arguments.all, "Show each rule of a large policy too");
}

}  // namespace

void add_access(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* access = app.add_subcommand("access", "Who may do what")->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  auto* check_verb =
      access->add_subcommand("check", "Whether a user may do something with an image");
  add_question(*check_verb, *arguments);
  check_verb->add_flag("--explain", arguments->explain, "Say of each rule what matches");
  check_verb->callback([&globals, &exit_code, arguments] {
    exit_code = check(globals, *arguments, arguments->explain);
  });
  auto* explain_verb =
      access->add_subcommand("explain", "Why a user may or may not: each rule, and what matches");
  add_question(*explain_verb, *arguments);
  explain_verb->callback(
      [&globals, &exit_code, arguments] { exit_code = check(globals, *arguments, true); });
  auto* who_verb = access->add_subcommand("who-can", "Which accounts may do it, and why");
  who_verb->add_option("name", arguments->name, "The repository, or name:tag")->required();
  who_verb->add_option("tag", arguments->tag, "The tag; left out: at least one tag");
  add_action(*who_verb, *arguments);
  who_verb->callback(
      [&globals, &exit_code, arguments] { exit_code = who_can(globals, *arguments); });
  add_grants(*access, globals, exit_code);
}

}  // namespace layergate::cli

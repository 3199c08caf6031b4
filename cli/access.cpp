#include <iostream>
#include <memory>

#include "api/service.h"
#include "cli/load_config.h"
#include "cli/print_answer.h"

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

api::Reply ask(const config::Config& config, const char* what,
               std::vector<std::pair<std::string, std::string>> query) {
  api::Call call;
  call.path = {"access", what};
  call.query = std::move(query);
  call.caller = api::Caller::operator_here();
  return api::Service({config, {}, nullptr, {}}).handle(call);
}

std::string sentence(const Json& answer) {
  return std::string(answer.at("allowed") == true ? "allowed" : "denied") + ": " +
         answer.at("user").get<std::string>() + " " + answer.at("action").get<std::string>() + " " +
         answer.at("name").get<std::string>() + ":" + answer.at("tag").get<std::string>() + ": " +
         answer.at("why").get<std::string>() + "\n";
}

std::string account_lines(const Json& account) {
  if (account.is_null()) return "account      there is none of this name\n";
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* what, bool matches, const std::string& text) {
    rows.push_back({what, matches ? "yes" : "NO", text});
  };
  const bool enabled = account.at("enabled") == true;
  add("enabled", enabled, "");
  add("expires", account.at("unexpired") == true,
      account.at("expires").is_null() ? "never" : account.at("expires").get<std::string>());
  add("from", account.at("from_matches") == true,
      account.at("from").empty() ? "anywhere" : listed(account.at("from")));
  add("permissions", account.at("permitted") == true,
      account.at("permissions").get<std::string>());
  rows.push_back({"groups", "",
                  account.at("groups").empty() ? "none" : listed(account.at("groups"), 10)});
  return "account\n" + aligned(rows);
}

std::string rule_table(const Json& rules, bool all) {
  std::vector<std::vector<std::string>> rows = {
      {"", "RULE", "EFFECT", "WHO", "IMAGES", "ACTIONS", "FROM", "EXPIRES"}};
  const auto cell = [](const Json& condition) {
    return std::string(condition.at("matches") == true ? "+ " : "- ") +
           condition.at("what").get<std::string>();
  };
  std::size_t left_out = 0;
  for (const auto& rule : rules) {
    const auto matches = [&](const char* what) { return rule.at(what).at("matches") == true; };
    if (!all && rules.size() > kManyRules && !(matches("who") && matches("images"))) {
      ++left_out;
      continue;
    }
    const auto name = rule.at("name").get<std::string>();
    const auto place = rule.at("place").get<std::string>();
    rows.push_back({rule.at("decides") == true   ? "=>"
                    : rule.at("applies") == true ? "+"
                                                 : "-",
                    name.empty() ? place : name + " (" + place + ")",
                    rule.at("effect").get<std::string>(), cell(rule.at("who")),
                    cell(rule.at("images")), cell(rule.at("actions")), cell(rule.at("from")),
                    cell(rule.at("expires"))});
  }
  std::string out = aligned(rows) + "=> decides  + matches  - does not\n";
  if (left_out > 0) {
    out += std::to_string(left_out) +
           " more rules do not speak of this account and image; --all shows them\n";
  }
  return out;
}

std::string explanation(const Json& answer, bool all) {
  std::string out = sentence(answer) + "\n" + account_lines(answer.at("account")) + "\n" +
                    rule_table(answer.at("rules"), all);
  if (answer.at("policy_allows") != answer.at("allowed")) {
    out += std::string("The rules alone would ") +
           (answer.at("policy_allows") == true ? "allow" : "deny") +
           " it; what decided is not in them: " + answer.at("why").get<std::string>() + "\n";
  }
  return out;
}

int check(const Globals& globals, const Arguments& arguments, bool explain) {
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto reply = ask(*config, explain ? "explain" : "check",
                         {{"user", arguments.user},
                          {"name", arguments.name},
                          {"tag", arguments.tag},
                          {"action", arguments.action},
                          {"address", arguments.address}});
  if (reply.failed()) return print_problem(reply);
  print_answer(globals, reply.body, [&](const Json& answer) {
    return explain ? explanation(answer, arguments.all) : sentence(answer);
  });
  return reply.body.at("allowed") == true ? 0 : 1;
}

int who_can(const Globals& globals, const Arguments& arguments) {
  const auto config = load_config(globals);
  if (!config) return 3;
  auto name = arguments.name;
  auto tag = arguments.tag;
  if (const auto colon = name.find(':'); colon != std::string::npos && tag.empty()) {
    tag = name.substr(colon + 1);
    name.resize(colon);
  }
  const auto reply =
      ask(*config, "who-can", {{"name", name}, {"tag", tag}, {"action", arguments.action}});
  if (reply.failed()) return print_problem(reply);
  print_answer(globals, reply.body, [](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {{"USER", "ALLOWED", "FROM", "WHY"}};
    for (const auto& item : answer.at("items")) {
      rows.push_back({item.at("user").get<std::string>(),
                      item.at("allowed") == true ? "yes" : "no",
                      item.at("from").get<std::string>(), item.at("why").get<std::string>()});
    }
    return aligned(rows);
  });
  return 0;
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
}

}  // namespace layergate::cli

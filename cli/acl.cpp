#include <array>
#include <fstream>
#include <future>
#include <iostream>
#include <memory>

#include "acl/diff.h"
#include "acl/lint.h"
#include "acl/policy_tests.h"
#include "cli/acl_replay.h"
#include "cli/load_config.h"
#include "cli/output.h"
#include "cli/policy_argument.h"
#include "index/store.h"
#include "oci/reference.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Arguments {
  std::string policy;  // or the old one
  std::string other;
  std::string images;
  std::string at;
  bool exit_code = false;
};

int finish_list(const Globals& globals, Json body, const View& view) {
  api::Reply reply;
  reply.body = std::move(body);
  return finish(globals, reply, view);
}

std::string place_of(const Problem& problem) {
  auto place = problem.file;
  if (problem.line > 0) place += ":" + std::to_string(problem.line);
  if (problem.column > 0) place += ":" + std::to_string(problem.column);
  return place;
}

tl::expected<acl::OpenPolicy, int> open_given(const Globals& globals, const std::string& given) {
  const auto argument = find_policy(globals, given);
  if (!argument) return tl::unexpected(argument.error());
  return open_policy(*argument, wall_now());
}

// --- check, test, lint ---

int check(const Globals& globals, const Arguments& arguments) {
  const auto argument = find_policy(globals, arguments.policy);
  if (!argument) return argument.error();
  const auto loaded = acl::load(argument->file, wall_now());
  auto problems = Json::array();
  const auto add = [&](const std::vector<Problem>& found, const char* level) {
    for (const auto& problem : found) {
      problems.push_back(
          {{"level", level}, {"place", place_of(problem)}, {"what", problem.to_string()}});
    }
  };
  add(loaded.errors, "error");
  add(loaded.warnings, "warning");
  View view;
  if (loaded.policy) {
    view.done = "ok: " + std::to_string(loaded.policy->rule_count()) + " rules, " +
                std::to_string(loaded.policy->accounts().size()) + " accounts";
  }
  if (globals.format == Format::table) {
    for (const auto& problem : loaded.warnings) print_note(problem.to_string());
    for (const auto& problem : loaded.errors) print_error(problem.to_string());
    if (!loaded.policy) return 3;
  }
  const auto code =
      finish_list(globals, {{"valid", loaded.policy != nullptr}, {"problems", problems}}, view);
  return code == 0 && !loaded.policy ? 3 : code;
}

int test(const Globals& globals, const Arguments& arguments) {
  const auto open = open_given(globals, arguments.policy);
  if (!open) return open.error();
  auto items = Json::array();
  std::size_t failed = 0;
  for (const auto& test : open->draft.tests) {
    const auto result = acl::run_test(test, *open->policy, wall_now());
    if (!result.passed) ++failed;
    items.push_back({{"place", place_of(open->draft.problem(test.place, ""))},
                     {"passed", result.passed},
                     {"user", test.user.text},
                     {"action", acl::to_string(test.action)},
                     {"image", test.image.to_string()},
                     {"expect", test.allow ? "allow" : "deny"},
                     {"answer", result.decision.to_string()}});
  }
  const View view{{{"PLACE", "place"},
                   {"RESULT", "passed", Column::Kind::text,
                    [](const Json& passed) { return passed == true ? "passed" : "FAILED"; }},
                   {"USER", "user"},
                   {"ACTION", "action"},
                   {"IMAGE", "image"},
                   {"EXPECT", "expect"},
                   {"ANSWER", "answer"}},
                  ""};
  const auto count = items.size();
  const auto code = finish_list(globals, {{"items", std::move(items)}, {"failed", failed}}, view);
  if (code != 0) return code;
  if (count == 0) print_note("the policy has no tests");
  if (failed > 0) {
    print_error(std::to_string(failed) + " of " + std::to_string(count) +
                " tests failed: a policy with these is not loaded");
  }
  return failed == 0 ? 0 : 3;
}

int lint(const Globals& globals, const Arguments& arguments) {
  const auto open = open_given(globals, arguments.policy);
  if (!open) return open.error();
  auto items = Json::array();
  bool has_warning = false;
  for (const auto& finding : acl::lint(open->draft, wall_now())) {
    has_warning |= finding.level == acl::Finding::Level::warning;
    items.push_back({{"level", acl::to_string(finding.level)},
                     {"place", place_of(finding.problem)},
                     {"what", finding.problem.what},
                     {"advice", finding.advice}});
  }
  View view{{{"LEVEL", "level"}, {"PLACE", "place"}, {"WHAT", "what"}, {"ADVICE", "advice"}}, ""};
  if (items.empty()) view.done = "nothing found";
  const auto code = finish_list(globals, {{"items", std::move(items)}}, view);
  return code == 0 && arguments.exit_code && has_warning ? 1 : code;
}

// --- diff ---

// One "name:tag" a line.
bool read_images(const std::string& file, std::vector<acl::Image>& images) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    std::error_code ignored;
    if (!opened || std::filesystem::is_directory(file, ignored)) {
      print_error(file + ": cannot be read");
      return false;
    }
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with('#')) continue;
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    const auto tag = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (!oci::is_repository(name) || !oci::is_tag(tag)) {
      print_error(file + ":" + std::to_string(number) + ": is no image; write name:tag");
      return false;
    }
    images.push_back({name, tag});
  }
  return true;
}

// The tags that the proxy of that config dir knows of.
void add_known(const config::Config& config, std::vector<acl::Image>& images) {
  const auto file = config.state / "index.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return;
  index::Store store(file, index::Store::Mode::read);
  index::Index index({config.index.grace, config.index.untagged});
  store.load(index);
  for (const auto* at = index.next_repository(""); at != nullptr;
       at = index.next_repository(at->name)) {
    for (const auto& [tag, ignored_tag] : at->tags) images.push_back({at->name, tag});
  }
}

Json to_json(const acl::Difference& difference) {
  auto actions = Json::array();
  for (const auto action : acl::kActions) {
    if (difference.actions.contains(action)) actions.push_back(acl::to_string(action));
  }
  return {{"change", difference.gained ? "gained" : "lost"},
          {"users", difference.users},
          {"actions", std::move(actions)},
          {"patterns", difference.patterns},
          {"images", difference.known},
          {"example", difference.example},
          {"from", difference.from.to_string()},
          {"before", difference.before},
          {"after", difference.after}};
}

// "a, b, c, d and 7 more"
std::string shortened(const Json& texts) {
  constexpr std::size_t kMost = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(kMost, texts.size()); ++i) {
    out += (i == 0 ? "" : ", ") + texts[i].get<std::string>();
  }
  if (texts.size() > kMost) out += " and " + std::to_string(texts.size() - kMost) + " more";
  return out;
}

int diff(const Globals& globals, const Arguments& arguments) {
  auto now = wall_now();
  if (!arguments.at.empty()) {
    const auto at = parse_time(arguments.at);
    if (!at) {
      print_error("--at takes a time like 2027-01-31T18:00:00Z or a date, and not " + arguments.at);
      return 2;
    }
    now = *at;
  }
  std::vector<acl::Image> images;
  if (!arguments.images.empty() && !read_images(arguments.images, images)) return 4;
  const auto old_argument = find_policy(globals, arguments.policy);
  if (!old_argument) return old_argument.error();
  const auto new_argument = find_policy(globals, arguments.other);
  if (!new_argument) return new_argument.error();
  // Of large policies most of the time goes into reading them: both are read at once.
  auto reading = std::async(std::launch::async, [&] { return read_policy(*new_argument, now); });
  std::array<acl::OpenPolicy, 2> policies;
  policies[0] = read_policy(*old_argument, now);
  policies[1] = reading.get();
  for (std::size_t i = 0; i < policies.size(); ++i) {
    if (policies[i].policy) continue;
    print_problems(policies[i].errors, "error");
    print_error((i == 0 ? arguments.policy : arguments.other) +
                " does not load, so there is nothing to compare");
    return 3;
  }
  for (const auto* argument : {&old_argument, &new_argument}) {
    if ((*argument)->config) add_known(*(*argument)->config, images);
  }
  const auto found = acl::diff(policies[0].draft, policies[1].draft, images, now);

  auto items = Json::array();
  for (const auto& difference : found.differences) items.push_back(to_json(difference));
  auto accounts = Json::array();
  for (const auto& change : found.accounts) {
    accounts.push_back({{"user", change.user}, {"changes", change.changes}});
  }
  View view{{{"CHANGE", "change"},
             {"USERS", "users", Column::Kind::text, shortened},
             {"ACTIONS", "actions"},
             {"IMAGES", "patterns", Column::Kind::text, shortened},
             {"KNOWN", "images", Column::Kind::text, shortened},
             {"EXAMPLE", "example"},
             {"FROM", "from"},
             {"BEFORE", "before"},
             {"AFTER", "after"}},
            ""};
  if (items.empty()) view.done = "no account gains or loses anything";
  const auto code = finish_list(globals,
                                {{"items", std::move(items)},
                                 {"accounts", std::move(accounts)},
                                 {"settings", found.settings},
                                 {"at", format_time(now)},
                                 {"images_asked", found.images},
                                 {"complete", found.complete}},
                                view);
  if (code != 0) return code;
  if (globals.format == Format::table) {
    for (const auto& change : found.accounts) {
      for (const auto& what : change.changes) {
        std::cout << "account " << change.user << ": " << what << '\n';
      }
    }
    for (const auto& what : found.settings) std::cout << what << '\n';
    std::cout << std::flush;
  }
  if (!found.complete) {
    print_note("the policies differ so much that not every image was asked about");
  }
  return arguments.exit_code && !found.empty() ? 1 : 0;
}

}  // namespace

void add_acl(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* acl = app.add_subcommand("acl", "Policies as they stand in files")->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help,
                       int (*run)(const Globals&, const Arguments&)) {
    auto* verb = acl->add_subcommand(name, help);
    verb->callback(
        [&globals, &exit_code, arguments, run] { exit_code = run(globals, *arguments); });
    return verb;
  };
  constexpr const char* kPolicy = "A config dir, or an acl.yml; left out: that of --config-dir";
  constexpr const char* kExitCode = "End with 1 if there is something, as git diff has it";
  for (auto* verb : {add("check", "Whether the policy would be loaded", check),
                     add("test", "Ask what stands under tests:, one by one", test)}) {
    verb->add_option("policy", arguments->policy, kPolicy);
  }
  auto* lint_verb = add("lint", "What does nothing, stands twice, or may not be meant", lint);
  lint_verb->add_option("policy", arguments->policy, kPolicy);
  lint_verb->add_flag("--exit-code", arguments->exit_code, "End with 1 if there is a warning");
  auto* diff_verb = add("diff", "Which account gains or loses what", diff);
  diff_verb->add_option("old", arguments->policy, "A config dir, or an acl.yml")->required();
  diff_verb->add_option("new", arguments->other, "The same")->required();
  diff_verb->add_option("--images", arguments->images,
                        "Also ask about these: a file with one name:tag a line, or -");
  diff_verb->add_option("--at", arguments->at, "Ask for this moment and not for now");
  diff_verb->add_flag("--exit-code", arguments->exit_code, kExitCode);
  add_acl_replay(*acl, globals, exit_code);
}

}  // namespace layergate::cli

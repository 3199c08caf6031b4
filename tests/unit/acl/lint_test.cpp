#include "acl/lint.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <doctest/doctest.h>

#include "acl/pattern_table.h"
#include "acl/policy_impl.h"
#include "acl/question.h"
#include "acl/standing.h"
#include "base/address_set.h"
#include "tests/unit/acl/open_text.h"
#include "tests/unit/acl/random_world.h"

namespace layergate::acl {
namespace {

std::string findings(const std::string& text) {
  std::string lines;
  for (const auto& finding : lint(open_text(text).draft, kTestNow)) {
    CHECK_FALSE(finding.advice.empty());
    lines += std::string(to_string(finding.level)) + " " + finding.problem.to_string() + "\n";
  }
  return lines;
}

// Of a policy with these rules, users and a test, all of it in order but for the rules.
std::string of_rules(const std::string& rules) {
  return findings(R"(version: 1
groups: {all: [a, b]}
users:
  a: {permissions: [view, pull]}
  b: {permissions: [pull], from: [10.0.0.0/8]}
  root: {permissions: [admin]}
rules:
  - {who: ["@all"], images: ["base:*"], allow: [pull]}
)" + rules + R"(
tests: [{user: a, action: push, image: "base:1", expect: deny}]
)");
}

std::string without_line(const std::string& text, int line) {
  std::string out;
  std::size_t at = 0;
  for (int number = 1; at < text.size(); ++number) {
    const auto end = text.find('\n', at) + 1;
    if (number != line) out += text.substr(at, end - at);
    at = end;
  }
  return out;
}

// What lint has to say of each rule and the others, by walking them all.
class SlowCovering {
 public:
  explicit SlowCovering(const Draft& draft)
      : draft_(draft), subjects_(subjects_of_accounts(draft)) {}

  [[nodiscard]] std::vector<std::string> said() const {
    std::vector<std::string> lines;
    for (RuleNumber i = 0; i < draft_.rules.size(); ++i) {
      const auto& rule = draft_.rules[i];
      if (is_over(rule, kTestNow) || rule.subjects.empty()) continue;
      const auto deny = rule.deny ? std::nullopt : covering(i, true, false);
      const auto other = deny ? deny : covering(i, rule.deny, true);
      if (!other) continue;
      const auto& wide = draft_.rules[*other];
      lines.push_back(std::to_string(rule.place.line) +
                      (deny                 ? " nothing"
                       : covers(rule, wide) ? " same"
                                            : " covered") +
                      " " + std::to_string(wide.place.line));
    }
    return lines;
  }

 private:
  // The first whose pattern covers the rule's first one: those with the shorter beginnings first.
  [[nodiscard]] std::optional<RuleNumber> covering(RuleNumber number, bool deny,
                                                   bool only_before) const {
    const auto& rule = draft_.rules[number];
    std::map<std::pair<std::array<std::string, 4>, RuleNumber>, bool> found;
    for (RuleNumber i = 0; i < draft_.rules.size(); ++i) {
      const auto& wide = draft_.rules[i];
      if (i == number || wide.deny != deny || is_over(wide, kTestNow)) continue;
      if (!covers(wide, rule) || (only_before && i > number && covers(rule, wide))) continue;
      for (const auto& pattern : wide.images) {
        if (!covers(pattern, rule.images.front())) continue;
        const auto tag = normal_tag(pattern);
        found[{{std::string(literal_prefix(pattern.name)), pattern.name,
                std::string(literal_prefix(tag)), tag},
               i}] = true;
      }
    }
    if (found.empty()) return std::nullopt;
    return found.begin()->first.second;
  }

  static bool covers(const Pattern& wide, const Pattern& narrow) {
    return glob_covers(wide.name, narrow.name) &&
           (wide.is_every_tag() || glob_covers(normal_tag(wide), normal_tag(narrow)));
  }

  [[nodiscard]] bool means(const RuleDraft& wide, Subject subject) const {
    const auto holds = [&](Subject one) {
      return std::find(wide.subjects.begin(), wide.subjects.end(), one) != wide.subjects.end();
    };
    if (holds(kEveryone) || holds(subject)) return true;
    if (subject == kEveryone) return false;
    const auto groups = kFirstAccount + draft_.accounts.size();
    const auto members =
        subject < groups ? std::vector<Subject>{subject} : draft_.groups[subject - groups].accounts;
    return std::all_of(members.begin(), members.end(), [&](Subject member) {
      const auto& its = subjects_[member - kFirstAccount];
      return std::any_of(its.begin(), its.end(), holds);
    });
  }

  [[nodiscard]] bool covers(const RuleDraft& wide, const RuleDraft& rule) const {
    for (const Action action : kActions) {
      if (rule.actions.contains(action) && !wide.actions.contains(action)) return false;
    }
    if (wide.expires && (!rule.expires || *wide.expires < *rule.expires)) return false;
    if (!wide.from.empty()) {
      auto rest = rule.from.empty() ? AddressSet::all() : AddressSet::of(rule.from);
      rest.subtract(AddressSet::of(wide.from));
      if (!rest.empty()) return false;
    }
    return std::all_of(rule.subjects.begin(), rule.subjects.end(),
                       [&](Subject subject) { return means(wide, subject); }) &&
           std::all_of(rule.images.begin(), rule.images.end(), [&](const Pattern& pattern) {
             return std::any_of(wide.images.begin(), wide.images.end(), [&](const Pattern& other) {
               return glob_covers(other.name, pattern.name) &&
                      (other.is_every_tag() || glob_covers(other.tag, pattern.tag));
             });
           });
  }

  const Draft& draft_;
  const std::vector<std::vector<Subject>> subjects_;
};

// The same of what lint says.
std::vector<std::string> said_of_two(const Draft& draft) {
  std::vector<std::string> lines;
  for (const auto& finding : lint(draft, kTestNow)) {
    const auto& what = finding.problem.what;
    const auto holds = [&](const char* text) { return what.find(text) != std::string::npos; };
    std::string kind;
    if (holds("all of it is denied by")) kind = " nothing ";
    if (holds("says the same as")) kind = " same ";
    if (holds("all that the rule")) kind = " covered ";
    if (kind.empty()) continue;
    lines.push_back(std::to_string(finding.problem.line) + kind + what.substr(what.rfind(':') + 1));
  }
  return lines;
}

}  // namespace

TEST_CASE("acl: lint finds nothing in a policy that is in order") {
  CHECK(of_rules("").empty());
  CHECK(of_rules("  - {who: [a], images: [\"x:*\"], allow: [view], from: [192.0.2.0/24]}").empty());
}

TEST_CASE("acl: lint finds rules that do nothing") {
  CHECK(of_rules("  - {who: [a], images: [\"x:*\"], allow: [view], expires: 2026-01-01}") ==
        "warning acl.yml:9:5: the rule has expired and does nothing any more\n");
  CHECK(of_rules("  - {who: [], images: [\"x:*\"], deny: [view]}") ==
        "warning acl.yml:9:5: the rule matches no account, so it denies nothing\n");
  CHECK(of_rules("  - {who: [\"@all\"], images: [\"x:*\"], allow: [view, delete]}") ==
        "warning acl.yml:9:5: the rule allows delete, which none of its users has the permission "
        "for\n");
  CHECK(of_rules("  - {who: [b], images: [\"x:*\"], allow: [push]}") ==
        "warning acl.yml:9:12: the permissions of user \"b\" hold none of what this rule allows\n");
  CHECK(of_rules("  - {who: [root], images: [\"x:*\"], allow: [push]}") ==
        "note acl.yml:9:5: all whom the rule names are admins, who need no rule to be allowed\n");
  CHECK(of_rules("  - {who: [b], images: [\"x:*\"], allow: [pull], from: [192.0.2.0/24]}") ==
        "warning acl.yml:9:5: the rule holds from no address from which its users may come\n");
  CHECK(of_rules("  - {who: [\"*\"], images: [\"x/**\"], deny: [pull, view]}\n"
                 "  - {who: [a], images: [\"x/y:1\"], allow: [pull]}") ==
        "warning acl.yml:10:5: the rule allows nothing: all of it is denied by the rule at "
        "acl.yml:9\n");
  CHECK(of_rules("  - {who: [\"*\"], images: [\"x/**\"], deny: [pull], from: [10.0.0.0/8]}\n"
                 "  - {who: [a], images: [\"x/y:1\"], allow: [pull]}")
            .empty());
}

TEST_CASE("acl: lint finds what is said twice") {
  CHECK(of_rules("  - {name: n, who: [\"@all\"], images: [\"base\"], allow: [pull]}") ==
        "note acl.yml:9:5: \"base\" has no tag and means every tag\n"
        "warning acl.yml:9:5: the rule says the same as the rule at acl.yml:8\n");
  CHECK(of_rules("  - {who: [a], images: [\"base:1\"], allow: [pull]}") ==
        "note acl.yml:9:5: all that the rule allows is allowed by the rule at acl.yml:8\n");
}

TEST_CASE("acl: lint finds what may not be meant") {
  CHECK(of_rules("  - {who: [a], images: [\"x:1\"], deny: [view], expires: 2027-01-01}") ==
        "warning acl.yml:9:5: a deny rule with expires: what it closes opens when it ends\n");
  CHECK(of_rules("  - {who: [a], images: [\"x:1\"], allow: [view], from: [0.0.0.0/0]}") ==
        "note acl.yml:9:5: from holds 0.0.0.0/0, which is every IPv4 address and no IPv6 one\n");
  CHECK(findings("version: 1\nusers: {a: {permissions: [pull]}, n: {permissions: []}}\n"
                 "groups: {g: [a]}\n") ==
        "note acl.yml: the policy has no tests\n"
        "note acl.yml:2:9: no rule allows user \"a\" anything\n"
        "note acl.yml:2:35: user \"n\" has no permissions: it may log in, no more\n"
        "note acl.yml:3:10: no rule names group \"g\"\n");
}

TEST_CASE("acl: without a rule that lint calls useless, a policy decides as before") {
  int dropped = 0;
  for (unsigned seed = 0; seed < 500; ++seed) {
    random_world::World world{seed};
    const auto open = open_text(world.text());
    for (const auto& finding : lint(open.draft, kTestNow)) {
      const auto& what = finding.problem.what;
      const bool useless = what.find("says the same") != std::string::npos ||
                           what.find("all of it is denied") != std::string::npos ||
                           what.find("all that the rule") != std::string::npos ||
                           what.find("need no rule") != std::string::npos;
      if (!useless) continue;
      ++dropped;
      const auto less = open_text(without_line(world.text(), finding.problem.line));
      CAPTURE(world.text());
      CAPTURE(finding.problem.to_string());
      for (int i = 0; i < 300; ++i) {
        const auto user = world.some_user();
        const Principal who{user, world.some_address(), kTestNow};
        const auto action = world.some_action();
        const auto name = world.some_name();
        const auto tag = world.some_tag();
        CAPTURE(user);
        CAPTURE(to_string(action));
        CAPTURE(name + ":" + tag);
        REQUIRE(open.policy->decide(who, action, name, tag).allowed ==
                less.policy->decide(who, action, name, tag).allowed);
      }
    }
  }
  CHECK(dropped > 100);
}

TEST_CASE("acl: of two rules lint says what comparing each with each says") {
  std::size_t said = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const auto text = random_world::World{seed + 40'000}.text();
    CAPTURE(text);
    const auto open = open_text(text);
    const auto found = said_of_two(open.draft);
    REQUIRE(found == SlowCovering(open.draft).said());
    said += found.size();
  }
  CHECK(said > 1000);
}

}  // namespace layergate::acl

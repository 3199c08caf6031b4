// Random policies, always the same ones, with a model that answers for them by walking all rules:
// slow and plainly right.
#pragma once

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "acl/pattern.h"
#include "acl/policy.h"

namespace layergate::acl::random_world {

struct Rule {
  std::vector<std::string> who;
  std::vector<Pattern> images;
  std::vector<Action> actions;
  bool deny = false;
  std::optional<WallTime> expires;
  std::optional<IpNetwork> from;
};

struct User {
  std::string name;
  std::vector<Action> permissions;
  bool admin = false;
  bool enabled = true;
  std::vector<std::string> groups;
};

template <typename T>
bool holds(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// A policy as text and as what the model walks.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    text_ = "version: 1\n";
    add_users();
    add_rules();
    add_immutable();
  }

  [[nodiscard]] const std::string& text() const { return text_; }

  std::string some_user() { return chance(15) ? "stranger" : users_[number(users_.size())].name; }
  Action some_action() { return kActions[number(4)]; }
  std::string some_name() {
    return pick({"a", "b", "ab", "a/b", "a/b/c", "b/a", "abc/ab", "a/ab", "team/x", "team/a/b"});
  }
  std::string some_tag() { return pick({"1", "12", "v1", "v12", "7b-fp16", "7b-int4", "latest"}); }
  IpAddress some_address() { return *IpAddress::parse(pick({"10.0.0.1", "192.0.2.1", "::1"})); }
  WallTime some_time() {
    return *parse_time(pick({"2026-06-01", "2026-07-01", "2026-07-01T00:00:00.001Z"}));
  }

  // The meaning of design and documents, word for word.
  [[nodiscard]] bool one_tag(const Principal& who, Action action, const std::string& name,
                             const std::string& tag) const {
    const auto matches = [&](const Pattern& pattern) { return pattern.matches(name, tag); };
    return may(who, action, matches, matches);
  }
  [[nodiscard]] bool some_tag(const Principal& who, Action action, const std::string& name) const {
    return may(
        who, action, [&](const Pattern& pattern) { return pattern.matches(name, "any"); },
        [&](const Pattern& pattern) { return name_matches(pattern, name); },
        [&](const Pattern& pattern) { return pattern.is_every_tag(); });
  }
  [[nodiscard]] bool every_tag(const Principal& who, Action action, const std::string& name) const {
    return may(
        who, action, [&](const Pattern& pattern) { return name_matches(pattern, name); },
        [&](const Pattern& pattern) {
          return pattern.is_every_tag() && name_matches(pattern, name);
        });
  }
  [[nodiscard]] bool is_immutable(const std::string& name, const std::string& tag) const {
    return std::any_of(immutable_.begin(), immutable_.end(),
                       [&](const Pattern& pattern) { return pattern.matches(name, tag); });
  }

 private:
  static bool name_matches(const Pattern& pattern, const std::string& name) {
    return Pattern{pattern.name, "*"}.matches(name, "any");
  }

  // Whether a pattern of a rule of this kind that applies to the asker fulfils the test.
  template <typename Test>
  [[nodiscard]] bool any_rule(const Principal& who, const User& user, Action action, bool deny,
                              Test test) const {
    return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
      const bool is_his =
          holds<std::string>(rule.who, "*") || holds(rule.who, user.name) ||
          std::any_of(user.groups.begin(), user.groups.end(),
                      [&](const std::string& group) { return holds(rule.who, "@" + group); });
      return rule.deny == deny && is_his && holds(rule.actions, action) &&
             (!rule.expires || who.now < *rule.expires) &&
             (!rule.from || rule.from->contains(who.address)) &&
             std::any_of(rule.images.begin(), rule.images.end(), test);
    });
  }

  template <typename Denies, typename Allows>
  [[nodiscard]] bool may(const Principal& who, Action action, Denies denies, Allows allows) const {
    const auto user = std::find_if(users_.begin(), users_.end(),
                                   [&](const User& each) { return each.name == who.account; });
    if (user == users_.end() || !user->enabled) return false;
    if (!user->admin && !holds(user->permissions, action)) return false;
    if (any_rule(who, *user, action, true, denies)) return false;
    return user->admin || any_rule(who, *user, action, false, allows);
  }
  // The same where a pattern denies only if it also fulfils `and_also`.
  template <typename Denies, typename Allows, typename AndAlso>
  [[nodiscard]] bool may(const Principal& who, Action action, Denies denies, Allows allows,
                         AndAlso and_also) const {
    return may(
        who, action, [&](const Pattern& pattern) { return denies(pattern) && and_also(pattern); },
        allows);
  }

  std::size_t number(std::size_t below) { return random_() % below; }
  bool chance(unsigned percent) { return number(100) < percent; }
  std::string pick(std::initializer_list<const char*> words) {
    return words.begin()[number(words.size())];
  }

  std::vector<Action> some_actions() {
    std::vector<Action> actions;
    for (const Action action : kActions) {
      if (chance(60)) actions.push_back(action);
    }
    if (actions.empty()) actions.push_back(Action::pull);
    return actions;
  }
  static std::string written(const std::vector<Action>& actions) {
    std::string out;
    for (const Action action : actions) out += std::string{to_string(action)} + ", ";
    return "[" + out + "]";
  }

  std::string some_pattern() {
    std::string name = pick({"a",   "b",    "ab",     "a/b",    "a/b/c", "team/x", "*", "**",
                             "a*",  "a**",  "a/*",    "a/**",   "**b",   "*b",     "?", "a?",
                             "*/b", "**/b", "a/**/c", "team/*", "?/?",   "***"});
    if (chance(25)) return name;
    return name + ":" +
           pick({"1", "12", "v1", "latest", "*", "**", "v*", "*-fp16", "7b-*", "?", "1?", "*1*",
                 "7b-*4", "?*"});
  }

  void add_users() {
    const std::size_t count = 1 + number(6);
    std::vector<std::string> members(3);
    text_ += "users:\n";
    for (std::size_t i = 0; i < count; ++i) {
      User user;
      user.name = "u" + std::to_string(i);
      user.permissions = some_actions();
      user.admin = chance(15);
      user.enabled = !chance(8);
      for (std::size_t g = 0; g < members.size(); ++g) {
        if (!chance(30)) continue;
        user.groups.push_back("g" + std::to_string(g));
        members[g] += user.name + ", ";
      }
      auto permissions = written(user.permissions);
      if (user.admin) permissions.insert(1, "admin, ");
      text_ += "  " + user.name + ": {permissions: " + permissions +
               (user.enabled ? "" : ", enabled: false") + "}\n";
      users_.push_back(std::move(user));
    }
    text_ += "groups:\n";
    for (std::size_t g = 0; g < members.size(); ++g) {
      text_ += "  g" + std::to_string(g) + ": [" + members[g] + "]\n";
    }
  }

  void add_rules() {
    text_ += "rules:\n";
    const std::size_t count = number(20);
    for (std::size_t i = 0; i < count; ++i) {
      Rule rule;
      std::string who;
      std::string images;
      for (std::size_t k = number(3); k > 0; --k) {
        rule.who.push_back(chance(20)   ? "*"
                           : chance(40) ? "@g" + std::to_string(number(3))
                                        : users_[number(users_.size())].name);
        who += "\"" + rule.who.back() + "\", ";
      }
      for (std::size_t k = 1 + number(3); k > 0; --k) {
        const auto pattern = some_pattern();
        rule.images.push_back(parse_pattern(pattern).value());
        images += "\"" + pattern + "\", ";
      }
      rule.actions = some_actions();
      rule.deny = chance(35);
      text_ += "  - {who: [" + who + "], images: [" + images + "], " +
               (rule.deny ? "deny: " : "allow: ") + written(rule.actions);
      if (chance(15)) {
        rule.expires = parse_time("2026-07-01");
        text_ += ", expires: 2026-07-01";
      }
      if (chance(15)) {
        rule.from = IpNetwork::parse("10.0.0.0/8");
        text_ += ", from: [10.0.0.0/8]";
      }
      text_ += "}\n";
      rules_.push_back(std::move(rule));
    }
  }

  void add_immutable() {
    text_ += "immutable: [";
    for (std::size_t k = number(4); k > 0; --k) {
      const auto pattern = some_pattern();
      immutable_.push_back(parse_pattern(pattern).value());
      text_ += "\"" + pattern + "\", ";
    }
    text_ += "]\n";
  }

  std::mt19937 random_;
  std::string text_;
  std::vector<User> users_;
  std::vector<Rule> rules_;
  std::vector<Pattern> immutable_;
};

}  // namespace layergate::acl::random_world

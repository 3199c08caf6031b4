#include "acl/source_reader.h"

#include <algorithm>

#include "acl/names.h"

namespace layergate::acl {
namespace {

constexpr std::string_view kAdmin = "admin";

std::vector<std::string> action_names(bool with_admin) {
  std::vector<std::string> names;
  for (const Action action : kActions) names.emplace_back(to_string(action));
  if (with_admin) names.emplace_back(kAdmin);
  return names;
}

// user "alice"
std::string titled(std::string_view kind, std::string_view name) {
  return std::string{kind}.append(" \"").append(name).append("\"");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

SourceReader::SourceReader(Draft& draft, std::uint32_t source, bool is_main,
                           std::vector<Problem>& errors)
    : draft_(draft), source_(source), is_main_(is_main), read_(draft.sources[source], errors) {}

void SourceReader::read(const Node& root) {
  if (root.kind != Node::Kind::null) {
    if (!read_.map(root, "the file",
                   {"version", "groups", "users", "rules", "immutable", "unregistered", "tests"})) {
      return;
    }
  }
  read_version(root);
  for (const auto& [key, line, column, value] : root.entries) {
    if (key == "groups") read_groups(value);
    if (key == "users") read_users(value);
    if (key == "rules") read_rules(value);
    if (key == "tests") read_tests(value);
    if (key == "immutable" || key == "unregistered") {
      if (!is_main_) {
        read_.refuse(line, column, "\"" + key + "\" may stand only in acl.yml");
      } else if (key == "immutable") {
        read_immutable(value);
      } else {
        read_unregistered(value);
      }
    }
  }
}

void SourceReader::read_version(const Node& root) {
  const Node* version = root.find("version");
  if (version == nullptr) {
    if (is_main_) read_.refuse(root, "the version is missing: write \"version: 1\"");
    return;
  }
  read_.integer(*version, "version", 1, 1);
}

void SourceReader::read_immutable(const Node& node) {
  if (read_.section_list(node, "immutable")) {
    draft_.immutable = read_patterns(node, "each item of immutable");
  }
}

void SourceReader::read_unregistered(const Node& node) {
  const auto text = read_.text(node, "unregistered");
  if (!text) return;
  if (*text != "deny" && *text != "push") {
    read_.refuse(node, "unregistered must be deny or push, and is \"" + *text + "\"",
                 closest(*text, {"deny", "push"}));
  }
  draft_.push_unregistered = *text == "push";
}

void SourceReader::read_users(const Node& section) {
  if (!read_.section_map(section, "users")) return;
  for (const auto& [name, line, column, value] : section.entries) {
    AccountDraft account;
    account.name = {name, {source_, line, column}};
    if (const auto fault = fault_of_account_name(name); !fault.empty()) {
      read_.refuse(line, column, titled("the user's name", name).append(" ").append(fault));
    }
    if (read_.map(value, titled("user", name),
                  {"permissions", "email", "expires", "from", "enabled", "since"})) {
      for (const auto& field : value.entries) {
        if (field.key == "permissions") read_permissions(field.value, account);
        if (field.key == "email") account.email = read_remark(field.value, "email");
        if (field.key == "expires") account.expires = read_.time(field.value, "expires");
        if (field.key == "since") account.since = read_.time(field.value, "since");
        if (field.key == "from") read_from(field.value, account.from);
        if (field.key == "enabled") {
          yaml::Reader::into(account.enabled, read_.boolean(field.value, "enabled"));
        }
      }
    }
    draft_.accounts.push_back(std::move(account));
  }
}

void SourceReader::read_permissions(const Node& node, AccountDraft& account) {
  if (!read_.list(node, "permissions")) return;
  for (const auto& item : node.items) {
    const auto text = read_.text(item, "each item of permissions");
    if (!text) continue;
    if (*text == kAdmin) {
      account.admin = true;
    } else if (const auto action = parse_action(*text)) {
      account.permissions.insert(*action);
    } else {
      const auto known = action_names(true);
      read_.refuse(item, "unknown permission \"" + *text + "\"; known are " + joined(known),
                   closest(*text, known));
    }
  }
}

void SourceReader::read_groups(const Node& section) {
  if (!read_.section_map(section, "groups")) return;
  for (const auto& [name, line, column, value] : section.entries) {
    if (const auto fault = fault_of_group_name(name); !fault.empty()) {
      read_.refuse(line, column, titled("the group's name", name).append(" ").append(fault));
    }
    draft_.groups.push_back(
        {{name, {source_, line, column}}, read_words(value, titled("group", name)), {}});
  }
}

void SourceReader::read_rules(const Node& section) {
  if (!read_.section_list(section, "rules")) return;
  for (const auto& item : section.items) read_rule(item);
}

void SourceReader::read_rule(const Node& node) {
  if (!read_.map(node, "a rule",
                 {"name", "who", "images", "allow", "deny", "reason", "expires", "from"})) {
    return;
  }
  RuleDraft rule;
  rule.place = place_of(node);
  for (const auto& [key, line, column, value] : node.entries) {
    if (key == "name") rule.name = read_remark(value, "name");
    if (key == "reason") rule.reason = read_remark(value, "reason");
    if (key == "who") rule.who = read_words(value, "who");
    if (key == "expires") rule.expires = read_.time(value, "expires");
    if (key == "from") read_from(value, rule.from);
    if (key == "images" && read_.list(value, "images")) {
      if (value.items.empty()) read_.refuse(value, "images is empty: the rule is about nothing");
      rule.images = read_patterns(value, "each item of images");
    }
  }
  if (node.find("who") == nullptr) {
    read_.refuse(node, "the rule has no who: write who: [\"*\"] for every account");
  }
  if (node.find("images") == nullptr) read_.refuse(node, "the rule has no images");
  read_effect(node, rule);
  draft_.rules.push_back(std::move(rule));
}

void SourceReader::read_effect(const Node& node, RuleDraft& rule) {
  const Node* allow = node.find("allow");
  const Node* deny = node.find("deny");
  if (allow != nullptr && deny != nullptr) {
    read_.refuse(node, "the rule has both allow and deny: make two rules of it");
    return;
  }
  if (allow == nullptr && deny == nullptr) {
    read_.refuse(node, "the rule has neither allow nor deny");
    return;
  }
  rule.deny = deny != nullptr;
  const Node& list = rule.deny ? *deny : *allow;
  const std::string_view what = rule.deny ? "deny" : "allow";
  if (!read_.list(list, what)) return;
  if (list.items.empty()) {
    read_.refuse(list, std::string{what} + " is empty: name the actions (" +
                           joined(action_names(false)) + ")");
  }
  for (const auto& item : list.items) {
    if (const auto action = read_action(item, "each item of " + std::string{what})) {
      rule.actions.insert(*action);
    }
  }
}

void SourceReader::read_tests(const Node& section) {
  if (!read_.section_list(section, "tests")) return;
  for (const auto& item : section.items) read_test(item);
}

void SourceReader::read_test(const Node& node) {
  if (!read_.map(node, "a test", {"user", "action", "image", "expect", "from", "at"})) return;
  TestDraft test;
  test.place = place_of(node);
  bool complete = true;
  for (const std::string_view key : {"user", "action", "image", "expect"}) {
    if (node.find(key) == nullptr) {
      complete = read_.refuse(node, "the test has no " + std::string{key});
    }
  }
  for (const auto& [key, line, column, value] : node.entries) {
    if (key == "user") {
      const auto user = read_.text(value, "user");
      complete = complete && user;
      if (user) test.user = {*user, place_of(value)};
    } else if (key == "action") {
      const auto action = read_action(value, "action");
      complete = complete && action;
      if (action) test.action = *action;
    } else if (key == "image") {
      auto image = read_pattern(value, "image");
      const bool is_one = image && image->is_literal();
      if (image && !is_one) read_.refuse(value, "a test asks about one image: write name:tag");
      complete = complete && is_one;
      if (is_one) test.image = *std::move(image);
    } else if (key == "expect") {
      const auto expect = read_.text(value, "expect");
      const bool is_known = expect && (*expect == "allow" || *expect == "deny");
      if (expect && !is_known) {
        read_.refuse(value, "expect must be allow or deny, and is \"" + *expect + "\"",
                     closest(*expect, {"allow", "deny"}));
      }
      complete = complete && is_known;
      test.allow = is_known && *expect == "allow";
    } else if (key == "from") {
      test.from = read_.address(value, "from");
      complete = complete && test.from;
    } else if (key == "at") {
      test.at = read_.time(value, "at");
      complete = complete && test.at;
    }
  }
  if (complete) draft_.tests.push_back(std::move(test));
}

std::vector<Word> SourceReader::read_words(const Node& node, std::string_view what) {
  std::vector<Word> words;
  if (!read_.list(node, what)) return words;
  words.reserve(node.items.size());
  for (const auto& item : node.items) {
    if (auto text = read_.text(item, "each item of " + std::string{what})) {
      words.push_back({*std::move(text), place_of(item)});
    }
  }
  return words;
}

std::optional<Pattern> SourceReader::read_pattern(const Node& node, std::string_view what) {
  const auto text = read_.text(node, what);
  if (!text) return std::nullopt;
  auto pattern = parse_pattern(*text);
  if (pattern) return *std::move(pattern);
  read_.refuse(node, pattern.error());
  return std::nullopt;
}

std::vector<Pattern> SourceReader::read_patterns(const Node& node, std::string_view what) {
  std::vector<Pattern> patterns;
  patterns.reserve(node.items.size());
  for (const auto& item : node.items) {
    if (auto pattern = read_pattern(item, what)) patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

std::optional<Action> SourceReader::read_action(const Node& node, std::string_view what) {
  const auto text = read_.text(node, what);
  if (!text) return std::nullopt;
  const auto action = parse_action(*text);
  if (action) return action;
  const auto known = action_names(false);
  if (*text == kAdmin) {
    read_.refuse(node, "admin is a permission of users and no action of rules; actions are " +
                           joined(known));
  } else {
    read_.refuse(node, "unknown action \"" + *text + "\"; known are " + joined(known),
                 closest(*text, known));
  }
  return std::nullopt;
}

std::string SourceReader::read_remark(const Node& node, std::string_view what) {
  const auto text = read_.text(node, what);
  if (!text) return "";
  if (const auto fault = fault_of_remark(*text); !fault.empty()) {
    read_.refuse(node, std::string{what} + " " + fault);
  }
  return *text;
}

// An empty list could be meant as "from anywhere" or as "from nowhere".
void SourceReader::read_from(const Node& node, std::vector<IpNetwork>& from) {
  auto networks = read_.networks(node, "from");
  if (!networks) return;
  if (networks->empty()) {
    read_.refuse(node, "from is empty: name a network, or leave it out for any address");
  }
  from = *std::move(networks);
}

Place SourceReader::place_of(const Node& node) const { return {source_, node.line, node.column}; }

}  // namespace layergate::acl

#include "manage/managed_tree.h"

#include <algorithm>

#include "base/yaml_writer.h"

namespace layergate::manage {
namespace {

using yaml::Node;

// The rule that collects what was registered once: it allows nobody, but covers.
constexpr std::string_view kClosed = "images that are no longer registered";

std::string text_of(const ImageName& image) { return image.first + ":" + image.second; }

Node* find(Node& map, std::string_view key) {
  for (auto& entry : map.entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Node& list(Node& map, const std::string& key) {
  auto& node = yaml::child(map, key);
  node.kind = Node::Kind::sequence;
  return node;
}

bool erase_word(Node& words, std::string_view word) {
  return std::erase_if(words.items, [&](const Node& item) { return item.scalar == word; }) > 0;
}

Node* closed_rule(Node& root) {
  auto* rules = find(root, "rules");
  if (rules == nullptr) return nullptr;
  for (auto& rule : rules->items) {
    const auto* name = rule.find("name");
    if (name != nullptr && name->scalar == kClosed) return &rule;
  }
  return nullptr;
}

void close(Node& root, const std::string& image) {
  auto* rule = closed_rule(root);
  if (rule == nullptr) {
    auto& rules = list(root, "rules");
    rule = &rules.items.emplace_back();
    yaml::child(*rule, "name") = yaml::scalar(std::string(kClosed), true);
    yaml::child(*rule, "who") = yaml::list_of({});
    list(*rule, "images");
    yaml::child(*rule, "allow") = yaml::list_of({"view"});
  }
  auto& images = list(*rule, "images");
  erase_word(images, image);
  images.items.push_back(yaml::scalar(image, true));
}

// Registered again, they are covered by their own rule.
void reopen(Node& root, const std::set<std::string>& images) {
  auto* rule = closed_rule(root);
  if (rule == nullptr) return;
  auto& closed = list(*rule, "images");
  std::erase_if(closed.items, [&](const Node& item) { return images.contains(item.scalar); });
  if (!closed.items.empty()) return;
  auto& rules = list(root, "rules");
  rules.items.erase(rules.items.begin() + (rule - rules.items.data()));
}

bool is_registration(const acl::RuleDraft& rule) {
  return !rule.deny && rule.actions == acl::ActionSet::all() && rule.images.size() == 1 &&
         rule.images.front().is_literal() && !rule.expires && rule.from.empty();
}

}  // namespace

bool Registration::names(std::string_view account) const {
  return std::find(who.begin(), who.end(), account) != who.end();
}

Registrations registrations_of(const PolicyFiles& files) {
  Registrations found;
  std::size_t number = 0;
  for (const auto& rule : files.draft->rules) {
    if (!files.is_managed(rule.place)) continue;
    const auto at = number++;
    if (!is_registration(rule)) continue;
    auto& entry = found[{rule.images.front().name, rule.images.front().tag}];
    if (entry.rules.empty()) entry.place = rule.place;
    entry.rules.push_back(at);
    for (const auto& word : rule.who) {
      if (!entry.names(word.text)) entry.who.push_back(word.text);
    }
  }
  return found;
}

Node* find_account(Node& root, std::string_view name) {
  auto* users = find(root, "users");
  return users == nullptr ? nullptr : find(*users, name);
}

bool remove_account(Node& root, const std::string& name) {
  bool found = false;
  if (auto* users = find(root, "users")) {
    found = std::erase_if(users->entries, [&](const auto& entry) { return entry.key == name; }) > 0;
  }
  if (auto* groups = find(root, "groups")) {
    for (auto& group : groups->entries) found = erase_word(group.value, name) || found;
  }
  if (auto* rules = find(root, "rules")) {
    for (auto& rule : rules->items) {
      auto* who = find(rule, "who");
      if (who != nullptr) found = erase_word(*who, name) || found;
    }
  }
  return found;
}

void set_who(Node& root, const Registration& registration, const std::vector<std::string>& who) {
  auto& rules = list(root, "rules");
  for (std::size_t i = 0; i < registration.rules.size(); ++i) {
    // All in the first: what stood in several is said once.
    yaml::child(rules.items[registration.rules[i]], "who") =
        i == 0 ? yaml::list_of(who) : yaml::list_of({});
  }
}

void add_registrations(Node& root, const std::map<ImageName, std::vector<std::string>>& images) {
  if (images.empty()) return;
  std::set<std::string> names;
  for (const auto& [image, who] : images) names.insert(text_of(image));
  reopen(root, names);
  auto& rules = list(root, "rules");
  for (const auto& [image, who] : images) {
    auto& rule = rules.items.emplace_back();
    yaml::child(rule, "name") = yaml::scalar(text_of(image) + " as registered", true);
    yaml::child(rule, "who") = yaml::list_of(who);
    yaml::child(rule, "images") = yaml::list_of({text_of(image)});
    yaml::child(rule, "allow") = yaml::list_of({"view", "pull", "push", "delete"});
  }
}

void remove_registration(Node& root, const ImageName& image, const Registration& registration) {
  auto& rules = list(root, "rules");
  for (auto at = registration.rules.rbegin(); at != registration.rules.rend(); ++at) {
    rules.items.erase(rules.items.begin() + static_cast<std::ptrdiff_t>(*at));
  }
  close(root, text_of(image));
}

}  // namespace layergate::manage

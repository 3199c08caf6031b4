#include "acl/resolve.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "acl/policy_impl.h"

namespace layergate::acl {
namespace {

// Looking for the likeliest name compares with every name there is: only for the first few.
constexpr int kSuggestions = 20;
// Of (account or group) x pattern, over all rules: 512 MiB of index.
constexpr std::size_t kMostEntries = std::size_t{1} << 25;

class Resolver {
 public:
  Resolver(Draft& draft, std::vector<Problem>& errors)
      : draft_(draft),
        group_base_(kFirstAccount + static_cast<Subject>(draft.accounts.size())),
        errors_(errors) {}

  void run() {
    number(draft_.accounts, accounts_, "user", kFirstAccount);
    number(draft_.groups, groups_, "group", group_base_);
    for (auto& group : draft_.groups) resolve_group(group);
    for (auto& rule : draft_.rules) {
      resolve_who(rule);
      count_entries(rule);
    }
  }

 private:
  using Numbers = std::unordered_map<std::string_view, Subject>;

  template <typename Drafts>
  void number(const Drafts& drafts, Numbers& numbers, std::string_view kind, Subject first) {
    numbers.reserve(drafts.size());
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      const Word& name = drafts[i].name;
      const auto [known, is_new] = numbers.try_emplace(name.text, first + static_cast<Subject>(i));
      if (is_new) continue;
      const Place& other = drafts[known->second - first].name.place;
      report(name.place, std::string{kind} + " \"" + name.text + "\" stands also at " +
                             draft_.sources[other.source] + ":" + std::to_string(other.line) +
                             ": it may stand in one file only");
    }
  }

  void resolve_group(GroupDraft& group) {
    for (const Word& member : group.members) {
      if (member.text == "*" || member.text.starts_with("@")) {
        report(member.place, "group \"" + group.name.text +
                                 "\" may hold only users: groups are not nested; name both groups "
                                 "where a rule names this one");
      } else if (const auto found = accounts_.find(member.text); found != accounts_.end()) {
        group.accounts.push_back(found->second);
      } else {
        report(member.place,
               "group \"" + group.name.text + "\" holds the unknown user \"" + member.text + "\"",
               suggest(member.text, accounts_));
      }
    }
    make_set(group.accounts);
  }

  void resolve_who(RuleDraft& rule) {
    for (const Word& word : rule.who) {
      if (word.text == "*") {
        rule.subjects.push_back(kEveryone);
      } else if (word.text.starts_with("@")) {
        const auto name = word.text.substr(1);
        const auto found = groups_.find(name);
        if (found != groups_.end()) {
          rule.subjects.push_back(found->second);
        } else {
          const auto meant = suggest(name, groups_);
          report(word.place, "unknown group \"" + word.text + "\"",
                 meant.empty() ? "" : "@" + meant);
        }
      } else if (const auto found = accounts_.find(word.text); found != accounts_.end()) {
        rule.subjects.push_back(found->second);
      } else if (groups_.contains(word.text)) {
        report(word.place, "unknown user \"" + word.text + "\"; there is a group of that name",
               "@" + word.text);
      } else {
        report(word.place, "unknown user \"" + word.text + "\"", suggest(word.text, accounts_));
      }
    }
    make_set(rule.subjects);
  }

  void count_entries(const RuleDraft& rule) {
    const bool fitted = entries_ <= kMostEntries;
    entries_ += rule.subjects.size() * rule.images.size();
    if (fitted && entries_ > kMostEntries) {
      report(rule.place,
             "the rules up to here name more than 33,554,432 pairs of a user and a pattern: put "
             "users that often stand together in a group");
    }
  }

  static void make_set(std::vector<Subject>& subjects) {
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
  }

  std::string suggest(const std::string& text, const Numbers& numbers) {
    if (suggestions_++ >= kSuggestions) return "";
    std::vector<std::string> names;
    names.reserve(numbers.size());
    for (const auto& [name, subject] : numbers) names.emplace_back(name);
    std::sort(names.begin(), names.end());  // of two that are equally near, always the same one
    return closest(text, names);
  }

  void report(const Place& place, std::string what, std::string suggestion = "") {
    errors_.push_back(draft_.problem(place, std::move(what), std::move(suggestion)));
  }

  Draft& draft_;
  const Subject group_base_;
  std::vector<Problem>& errors_;
  Numbers accounts_;
  Numbers groups_;
  int suggestions_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace

void resolve(Draft& draft, std::vector<Problem>& errors) { Resolver{draft, errors}.run(); }

}  // namespace layergate::acl

// One class of 300 lines: each step needs what the one before has found.
#include "acl/diff.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "acl/policy_impl.h"
#include "acl/question.h"
#include "acl/standing.h"
#include "acl/witnesses.h"

namespace layergate::acl {
namespace {

constexpr std::size_t kMostTries = 1'000'000;  // of pairs of patterns
constexpr std::size_t kMostQuestions =
    4'000'000;  // of accounts, or such that are alike, and images

using User = std::size_t;   // in the order of all names of both policies
using Class = std::size_t;  // of users who are alike in both, but for rules that name them

// One of the two policies.
struct Side {
  explicit Side(const Draft& d, WallTime now) : draft(d), subjects(subjects_of_accounts(d)) {
    for (std::size_t i = 0; i < d.accounts.size(); ++i) numbers[d.accounts[i].name.text] = i;
    for (RuleNumber number = 0; number < d.rules.size(); ++number) {
      if (is_over(d.rules[number], now)) continue;
      for (const auto& pattern : d.rules[number].images) rules.add(pattern, number);
    }
  }

  [[nodiscard]] const AccountDraft* find(const std::string& name) const {
    const auto found = numbers.find(name);
    return found == numbers.end() ? nullptr : &draft.accounts[found->second];
  }

  [[nodiscard]] std::vector<RuleNumber> matching(const Witness& image) const {
    std::vector<RuleNumber> found;
    rules.matching(image.name, image.tag, [&](RuleNumber number) { found.push_back(number); });
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  const Draft& draft;
  std::vector<std::vector<Subject>> subjects;
  std::unordered_map<std::string_view, std::size_t> numbers;
  PatternTable rules;  // that are not over
};

// Of one account, all that decides but the rules.
std::string profile(const Side& side, const std::string& name,
                    const std::vector<std::vector<std::string>>& groups, WallTime now) {
  const auto* account = side.find(name);
  if (account == nullptr) return "none";
  std::string text = permissions_of(*account) + (account->enabled ? "" : " disabled") +
                     (account->expires && now >= *account->expires ? " expired" : "");
  for (const auto& network : account->from) text += " " + network.to_string();
  for (const auto& group : groups[side.numbers.at(name)]) text += "\n" + group;
  return text;
}

class Comparison {
 public:
  Comparison(const Draft& before, const Draft& after, WallTime now)
      : now_(now), sides_{Side(before, now), Side(after, now)} {
    sort_users();
    find_changes();
  }

  PolicyDiff run(const std::vector<Image>& known) {
    for (const auto& image : known) ask({image.name, image.tag, "", ""});
    std::unordered_set<std::string> seen;
    std::size_t tries = kMostTries;
    for (const auto& [text, pattern] : patterns_) {
      const bool all = each_witness(pattern, all_patterns_, filler_, tries, [&](const Witness& w) {
        if (seen.insert(w.name + ":" + w.tag).second || w.within.empty()) ask(w);
      });
      if (!all) result_.complete = false;
    }
    collect();
    return std::move(result_);
  }

 private:
  // --- who and what may differ ---

  void sort_users() {
    std::set<std::string> names;
    for (const auto& side : sides_) {
      for (const auto& account : side.draft.accounts) names.insert(account.name.text);
    }
    users_.assign(names.begin(), names.end());
    std::array<std::vector<std::vector<std::string>>, 2> groups;
    for (std::size_t s = 0; s < 2; ++s) groups[s] = groups_of_accounts(sides_[s].draft);
    std::unordered_map<std::string, Class> classes;
    for (User user = 0; user < users_.size(); ++user) {
      auto was = profile(sides_[0], users_[user], groups[0], now_);
      const auto is = profile(sides_[1], users_[user], groups[1], now_);
      const bool is_touched = was != is;
      const auto [found, is_new] =
          classes.try_emplace(was.append("\r").append(is), members_.size());
      if (is_new) {
        members_.emplace_back();
        if (is_touched) touched_.push_back(found->second);
        for (std::size_t s = 0; s < 2; ++s) {
          const auto at = sides_[s].numbers.find(users_[user]);
          if (at == sides_[s].numbers.end()) continue;
          for (const auto& group : groups[s][at->second]) {
            classes_of_[s]["@" + group].push_back(found->second);
          }
        }
      }
      members_[found->second].push_back(user);
      class_of_.push_back(found->second);
      numbers_.emplace(users_[user], user);
    }
  }

  // Rules are compared word by word and pattern by pattern, so that one name more in a long rule is
  // one change. What touches an account itself makes all that is said to it worth asking.
  void find_changes() {
    std::set<std::string> words;  // that mean a touched account
    for (const Class each : touched_) {
      words.insert("*");
      for (const User user : members_[each]) words.insert(users_[user]);
    }
    for (std::size_t s = 0; s < 2; ++s) {
      for (const auto& [group, classes] : classes_of_[s]) {
        if (std::any_of(classes.begin(), classes.end(), [&](Class c) { return touches(c); })) {
          words.insert(group);
        }
      }
    }
    FreshText fresh;
    std::array<std::unordered_set<std::string>, 2> said;
    for (std::size_t s = 0; s < 2; ++s) {
      each_said(sides_[s], [&](const std::string& text, const Word& word, const Pattern& pattern) {
        said[s].insert(text);
        all_patterns_.add(pattern, 0);
        fresh.see(pattern);
        if (words.contains(word.text)) patterns_.emplace(pattern.to_string(), pattern);
      });
    }
    for (std::size_t s = 0; s < 2; ++s) {
      each_said(sides_[s], [&](const std::string& text, const Word& word, const Pattern& pattern) {
        if (said[1 - s].contains(text)) return;
        patterns_.emplace(pattern.to_string(), pattern);
        changed_.add(pattern, static_cast<PatternTable::Number>(changes_.size()));
        changes_.push_back({s, &word.text});
      });
    }
    // An admin needs no rule.
    if (!touched_.empty()) patterns_.emplace("**:*", Pattern{"**", "*"});
    filler_ = fresh.filler();
  }

  [[nodiscard]] bool touches(Class each) const {
    return std::binary_search(touched_.begin(), touched_.end(), each);
  }

  template <typename Visit>
  void each_said(const Side& side, Visit visit) const {
    for (const auto& rule : side.draft.rules) {
      if (is_over(rule, now_)) continue;
      std::string rest = rule.deny ? "deny" : "allow";
      for (const Action action : kActions) {
        if (rule.actions.contains(action)) rest += " " + std::string(to_string(action));
      }
      for (const auto& network : rule.from) rest += " " + network.to_string();
      for (const auto& image : rule.images) {
        const Pattern pattern{image.name, PatternTable::normal_tag(image)};
        const auto says = "\n" + pattern.to_string() + "\n" + rest;
        for (const auto& word : rule.who) visit(word.text + says, word, pattern);
      }
    }
  }

  // --- asking ---

  using Matching = std::array<std::vector<RuleNumber>, 2>;

  void ask(const Witness& image) {
    ++result_.images;
    std::set<Class> classes(touched_.begin(), touched_.end());
    std::set<User> alone;
    changed_.matching(image.name, image.tag, [&](PatternTable::Number number) {
      const auto& [s, word] = changes_[number];
      if (*word == "*") {
        for (Class each = 0; each < members_.size(); ++each) classes.insert(each);
      } else if (word->starts_with('@')) {
        const auto found = classes_of_[s].find(*word);
        if (found != classes_of_[s].end()) {
          classes.insert(found->second.begin(), found->second.end());
        }
      } else {
        alone.insert(numbers_.at(*word));
      }
    });
    if (classes.empty() && alone.empty()) return;

    const Matching matching = {sides_[0].matching(image), sides_[1].matching(image)};
    std::set<User> named;
    for (std::size_t s = 0; s < 2; ++s) {
      const auto& draft = sides_[s].draft;
      const auto groups = kFirstAccount + static_cast<Subject>(draft.accounts.size());
      for (const auto number : matching[s]) {
        for (const Subject subject : draft.rules[number].subjects) {
          if (subject < kFirstAccount || subject >= groups) continue;
          named.insert(numbers_.at(draft.accounts[subject - kFirstAccount].name.text));
        }
      }
    }
    for (const User user : named) {
      if (alone.contains(user) || classes.contains(class_of_[user])) {
        ask({user}, image, matching);
      }
    }
    for (const Class each : classes) {
      std::vector<User> others;
      std::set_difference(members_[each].begin(), members_[each].end(), named.begin(), named.end(),
                          std::back_inserter(others));
      if (!others.empty()) ask(others, image, matching);
    }
  }

  // Of users who are alike the first is asked about.
  void ask(const std::vector<User>& users, const Witness& image, const Matching& matching) {
    if (++questions_ > kMostQuestions) {
      result_.complete = false;
      return;
    }
    const auto& name = users_[users.front()];
    std::array<std::array<Standing, std::size(kActions)>, 2> standings;
    for (std::size_t s = 0; s < 2; ++s) standings[s] = standings_of(sides_[s], name, matching[s]);
    for (std::size_t a = 0; a < std::size(kActions); ++a) {
      const auto& was = standings[0][a];
      const auto& is = standings[1][a];
      if (was.from == is.from) continue;
      note(true, users, kActions[a], image, was, is);
      note(false, users, kActions[a], image, was, is);
    }
  }

  [[nodiscard]] std::array<Standing, std::size(kActions)> standings_of(
      const Side& side, const std::string& name, const std::vector<RuleNumber>& matching) const {
    std::array<Standing, std::size(kActions)> standings;
    const auto* account = side.find(name);
    if (account == nullptr) {
      standings.fill({{}, Reason::unknown_account, std::nullopt});
      return standings;
    }
    const auto& subjects = side.subjects[side.numbers.at(name)];
    std::array<Says, std::size(kActions)> says;
    for (const auto number : matching) {
      const auto& rule = side.draft.rules[number];
      if (std::none_of(subjects.begin(), subjects.end(), [&](Subject subject) {
            return std::binary_search(rule.subjects.begin(), rule.subjects.end(), subject);
          })) {
        continue;
      }
      for (std::size_t a = 0; a < std::size(kActions); ++a) {
        if (rule.actions.contains(kActions[a])) says[a].add(rule, number);
      }
    }
    for (std::size_t a = 0; a < std::size(kActions); ++a) {
      standings[a] = says[a].to(*account, kActions[a], now_);
    }
    return standings;
  }

  void note(bool gained, const std::vector<User>& users, Action action, const Witness& image,
            const Standing& was, const Standing& is) {
    auto from = gained ? is.from : was.from;
    from.subtract(gained ? was.from : is.from);
    if (from.empty()) return;
    auto text = from.to_string();
    sets_.try_emplace(text, std::move(from));
    auto& row = rows_[{gained, users, std::move(text), was.to_string(sides_[0].draft),
                       is.to_string(sides_[1].draft)}];
    row[{image.pattern, image.within, image.name + ":" + image.tag}].insert(action);
  }

  // --- telling ---

  // gained, users, from, before, after
  using Cause = std::tuple<bool, std::vector<User>, std::string, std::string, std::string>;
  using Asked = std::tuple<std::string, std::string, std::string>;  // pattern, within, image

  // What has one cause is said at once: first all images that lost the same actions, then all users
  // of whom the same is to be said.
  void collect() {
    using Said = std::tuple<bool, std::string, std::string, std::string, std::string,
                            std::vector<std::string>, std::vector<std::string>, std::string>;
    std::map<Said, std::set<User>> said;
    for (const auto& [cause, asked] : rows_) {
      const auto& [gained, users, from, before, after] = cause;
      std::map<std::string, std::vector<Asked>> by_actions;
      for (const auto& [image, actions] : asked) by_actions[names_of(actions)].push_back(image);
      for (const auto& [actions, images] : by_actions) {
        auto [patterns, known, example] = sum_up(images);
        said[{!gained, from, before, after, actions, std::move(patterns), std::move(known),
              std::move(example)}]
            .insert(users.begin(), users.end());
      }
    }
    for (const auto& [what, users] : said) {
      const auto& [lost, from, before, after, actions, patterns, known, example] = what;
      Difference difference;
      difference.gained = !lost;
      for (const User user : users) difference.users.push_back(users_[user]);
      for (const Action action : kActions) {
        if (actions.find(to_string(action)) != std::string::npos) difference.actions.insert(action);
      }
      difference.patterns = patterns;
      difference.known = known;
      difference.example = example;
      difference.from = sets_.at(from);
      difference.before = before;
      difference.after = after;
      result_.differences.push_back(std::move(difference));
    }
    std::stable_sort(result_.differences.begin(), result_.differences.end(),
                     [](const Difference& a, const Difference& b) {
                       return std::tie(a.gained, a.users) < std::tie(b.gained, b.users);
                     });
    result_.accounts = account_changes(sides_[0].draft, sides_[1].draft);
    result_.settings = setting_changes(sides_[0].draft, sides_[1].draft);
  }

  static std::string names_of(ActionSet actions) {
    std::string names;
    for (const Action action : kActions) {
      if (actions.contains(action)) names += std::string(to_string(action)) + " ";
    }
    return names;
  }

  static bool covers(const Pattern& wide, const Pattern& narrow) {
    return glob_covers(wide.name, narrow.name) && glob_covers(wide.tag, narrow.tag);
  }

  // The patterns; without those of which a wider one says it already.
  std::tuple<std::vector<std::string>, std::vector<std::string>, std::string> sum_up(
      const std::vector<Asked>& images) const {
    std::set<std::string> whole;
    PatternTable table;
    std::vector<const std::string*> texts;
    for (const auto& [pattern, within, image] : images) {
      if (!within.empty() || pattern.empty() || !whole.insert(pattern).second) continue;
      table.add(patterns_.at(pattern), static_cast<PatternTable::Number>(texts.size()));
      texts.push_back(&pattern);
    }
    std::set<std::string> patterns;
    for (const auto& text : whole) {
      const auto& pattern = patterns_.at(text);
      bool is_covered = false;
      table.covering(pattern, [&](PatternTable::Number number) {
        const auto& wide = *texts[number];
        // Of two that match the same, the first is told.
        is_covered |= wide != text && (wide < text || !covers(pattern, patterns_.at(wide)));
      });
      if (!is_covered) patterns.insert(text);
    }
    std::set<std::string> known;
    std::string example;
    for (const auto& [pattern, within, image] : images) {
      if (pattern.empty()) {
        known.insert(image);
      } else if (!within.empty() && !whole.contains(within) && !whole.contains(pattern)) {
        patterns.insert(std::string(pattern).append(" and ").append(within));
      }
      if (example.empty() || (!pattern.empty() && within.empty())) example = image;
    }
    return {{patterns.begin(), patterns.end()}, {known.begin(), known.end()}, example};
  }

  const WallTime now_;
  const std::array<Side, 2> sides_;
  std::vector<std::string> users_;
  std::unordered_map<std::string_view, User> numbers_;
  std::vector<Class> class_of_;
  std::vector<std::vector<User>> members_;
  std::vector<Class> touched_;  // whose account itself differs, sorted
  std::array<std::map<std::string, std::vector<Class>>, 2> classes_of_;  // of "@group"

  struct Change {
    std::size_t side = 0;
    const std::string* word = nullptr;
  };
  std::vector<Change> changes_;  // what only one side says
  PatternTable changed_;         // numbers in changes_
  PatternTable all_patterns_;
  std::map<std::string, Pattern> patterns_;  // to be asked about
  Filler filler_;

  std::size_t questions_ = 0;
  std::map<Cause, std::map<Asked, ActionSet>> rows_;
  std::map<std::string, AddressSet> sets_;  // by their texts
  PolicyDiff result_;
};

}  // namespace

PolicyDiff diff(const Draft& before, const Draft& after, const std::vector<Image>& known,
                WallTime now) {
  return Comparison(before, after, now).run(known);
}

}  // namespace layergate::acl

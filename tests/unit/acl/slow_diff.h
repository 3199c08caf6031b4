// What acl/diff.h has to answer, by asking about every image and user and walking all rules: slow
// and plainly right.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "acl/diff.h"
#include "acl/pattern_table.h"
#include "acl/policy_impl.h"
#include "acl/question.h"
#include "acl/standing.h"
#include "acl/witnesses.h"

namespace layergate::acl::slow {

class Comparison {
 public:
  Comparison(const Draft& before, const Draft& after, WallTime now)
      : now_(now), drafts_{&before, &after} {
    for (std::size_t s = 0; s < 2; ++s) {
      subjects_[s] = subjects_of_accounts(*drafts_[s]);
      groups_[s] = groups_of_accounts(*drafts_[s]);
    }
    sort_users();
    find_patterns();
  }

  PolicyDiff run(const std::vector<Image>& known) {
    for (const auto& image : known) ask({image.name, image.tag, "", ""});
    std::set<std::string> seen;
    const auto filler = fresh_.filler();
    const auto try_it = [&](const Pattern& one, const Pattern& other, const std::string& within) {
      auto witness = common_image(one, other, filler);
      if (!witness) return;
      witness->within = within;
      if (seen.insert(witness->name + ":" + witness->tag).second || within.empty()) ask(*witness);
    };
    for (const auto& [text, pattern] : asked_) {
      try_it(pattern, pattern, "");
      if (pattern.is_literal()) continue;
      for (const auto& [key, other] : all_) try_it(other, pattern, text);
    }
    collect();
    result_.accounts = account_changes(*drafts_[0], *drafts_[1]);
    result_.settings = setting_changes(*drafts_[0], *drafts_[1]);
    return result_;
  }

 private:
  static const AccountDraft* find(const Draft& draft, const std::string& name) {
    for (const auto& account : draft.accounts) {
      if (account.name.text == name) return &account;
    }
    return nullptr;
  }

  std::string profile(std::size_t s, const std::string& name) const {
    const auto* account = find(*drafts_[s], name);
    if (account == nullptr) return "none";
    std::string text = permissions_of(*account) + (account->enabled ? "" : " disabled") +
                       (account->expires && now_ >= *account->expires ? " expired" : "");
    for (const auto& network : account->from) text += " " + network.to_string();
    for (const auto& group : groups_[s][number(s, *account)]) text += "\n" + group;
    return text;
  }
  std::size_t number(std::size_t s, const AccountDraft& account) const {
    return static_cast<std::size_t>(&account - drafts_[s]->accounts.data());
  }

  void sort_users() {
    for (const auto* draft : drafts_) {
      for (const auto& account : draft->accounts) users_.insert(account.name.text);
    }
    for (const auto& user : users_) {
      const auto was = profile(0, user);
      const auto is = profile(1, user);
      classes_[was + "\r" + is].insert(user);
      if (was == is) continue;
      words_.insert({"*", user});
      for (std::size_t s = 0; s < 2; ++s) {
        const auto* account = find(*drafts_[s], user);
        if (account == nullptr) continue;
        for (const auto& group : groups_[s][number(s, *account)]) words_.insert("@" + group);
      }
    }
  }

  void find_patterns() {
    std::array<std::map<std::string, std::pair<std::string, Pattern>>, 2> said;
    for (std::size_t s = 0; s < 2; ++s) {
      for (const auto& rule : drafts_[s]->rules) {
        if (is_over(rule, now_) || rule.who.empty()) continue;
        std::string effect = rule.deny ? "deny" : "allow";
        for (const Action action : kActions) {
          if (rule.actions.contains(action)) effect += " " + std::string(to_string(action));
        }
        for (const auto& network : rule.from) effect += " " + network.to_string();
        for (const auto& image : rule.images) {
          const Pattern pattern{image.name, normal_tag(image)};
          fresh_.see(pattern);
          all_[key_of(pattern)] = pattern;
          for (const auto& word : rule.who) {
            said[s][word.text + "\n" + pattern.to_string() + "\n" + effect] = {word.text, pattern};
          }
        }
      }
    }
    for (std::size_t s = 0; s < 2; ++s) {
      for (const auto& [text, what] : said[s]) {
        const auto& [word, pattern] = what;
        if (said[1 - s].contains(text) && !words_.contains(word)) continue;
        asked_[pattern.to_string()] = pattern;
      }
    }
    if (!words_.empty()) asked_["**:*"] = Pattern{"**", "*"};
  }

  // The order in which patterns are tried.
  static std::array<std::string, 4> key_of(const Pattern& pattern) {
    return {std::string(literal_prefix(pattern.name)), pattern.name,
            std::string(literal_prefix(pattern.tag)), pattern.tag};
  }

  void ask(const Witness& image) {
    ++result_.images;
    std::array<std::vector<RuleNumber>, 2> matching;
    std::set<std::string> named;
    for (std::size_t s = 0; s < 2; ++s) {
      for (RuleNumber i = 0; i < drafts_[s]->rules.size(); ++i) {
        const auto& rule = drafts_[s]->rules[i];
        if (is_over(rule, now_) ||
            std::none_of(rule.images.begin(), rule.images.end(), [&](const Pattern& pattern) {
              return pattern.matches(image.name, image.tag);
            })) {
          continue;
        }
        matching[s].push_back(i);
        for (const auto& word : rule.who) {
          if (users_.contains(word.text)) named.insert(word.text);
        }
      }
    }
    for (const auto& user : named) ask({user}, image, matching);
    for (const auto& [key, members] : classes_) {
      std::vector<std::string> others;
      std::set_difference(members.begin(), members.end(), named.begin(), named.end(),
                          std::back_inserter(others));
      if (!others.empty()) ask(others, image, matching);
    }
  }

  void ask(const std::vector<std::string>& users, const Witness& image,
           const std::array<std::vector<RuleNumber>, 2>& matching) {
    for (const Action action : kActions) {
      const auto was = standing(0, users.front(), action, matching[0]);
      const auto is = standing(1, users.front(), action, matching[1]);
      for (const bool gained : {true, false}) {
        auto from = gained ? is.from : was.from;
        from.subtract(gained ? was.from : is.from);
        if (from.empty()) continue;
        sets_[from.to_string()] = from;
        rows_[{gained, users, from.to_string(), was.to_string(*drafts_[0]),
               is.to_string(*drafts_[1])}]
             [{image.pattern, image.within, image.name + ":" + image.tag}]
                 .insert(action);
      }
    }
  }

  Standing standing(std::size_t s, const std::string& user, Action action,
                    const std::vector<RuleNumber>& matching) const {
    const auto* account = find(*drafts_[s], user);
    if (account == nullptr) return {{}, Reason::unknown_account, std::nullopt};
    const auto& subjects = subjects_[s][number(s, *account)];
    Says says;
    for (const auto rule_number : matching) {
      const auto& rule = drafts_[s]->rules[rule_number];
      if (!rule.actions.contains(action)) continue;
      if (std::any_of(subjects.begin(), subjects.end(), [&](Subject subject) {
            return std::find(rule.subjects.begin(), rule.subjects.end(), subject) !=
                   rule.subjects.end();
          })) {
        says.add(rule, rule_number);
      }
    }
    return says.to(*account, action, now_);
  }

  using Asked = std::tuple<std::string, std::string, std::string>;  // pattern, within, image

  void collect() {
    using Said = std::tuple<bool, std::string, std::string, std::string, std::vector<Action>,
                            std::set<std::string>, std::set<std::string>, std::string>;
    std::map<Said, std::set<std::string>> said;
    for (const auto& [cause, asked] : rows_) {
      const auto& [gained, users, from, before, after] = cause;
      std::map<std::vector<Action>, std::vector<Asked>> by_actions;
      for (const auto& [image, actions] : asked) {
        by_actions[{actions.begin(), actions.end()}].push_back(image);
      }
      for (const auto& [actions, images] : by_actions) {
        const auto [patterns, known, example] = sum_up(images);
        said[{gained, from, before, after, actions, patterns, known, example}].insert(users.begin(),
                                                                                      users.end());
      }
    }
    for (const auto& [what, users] : said) {
      const auto& [gained, from, before, after, actions, patterns, known, example] = what;
      Difference difference{gained,
                            {users.begin(), users.end()},
                            {},
                            {patterns.begin(), patterns.end()},
                            {known.begin(), known.end()},
                            example,
                            sets_.at(from),
                            before,
                            after};
      for (const Action action : actions) difference.actions.insert(action);
      result_.differences.push_back(std::move(difference));
    }
  }

  std::tuple<std::set<std::string>, std::set<std::string>, std::string> sum_up(
      const std::vector<Asked>& images) const {
    const auto covers = [this](const std::string& wide, const std::string& narrow) {
      return glob_covers(asked_.at(wide).name, asked_.at(narrow).name) &&
             glob_covers(asked_.at(wide).tag, asked_.at(narrow).tag);
    };
    std::set<std::string> whole;
    std::set<std::string> patterns;
    std::set<std::string> known;
    std::string example;
    for (const auto& [pattern, within, image] : images) {
      if (within.empty() && !pattern.empty()) whole.insert(pattern);
    }
    for (const auto& narrow : whole) {
      if (std::none_of(whole.begin(), whole.end(), [&](const std::string& wide) {
            return wide != narrow && covers(wide, narrow) &&
                   (wide < narrow || !covers(narrow, wide));
          })) {
        patterns.insert(narrow);
      }
    }
    for (const auto& [pattern, within, image] : images) {
      if (pattern.empty()) {
        known.insert(image);
      } else if (!within.empty() && !whole.contains(within) && !whole.contains(pattern)) {
        patterns.insert(std::string(pattern).append(" and ").append(within));
      }
      if (example.empty() || (!pattern.empty() && within.empty())) example = image;
    }
    return {patterns, known, example};
  }

  const WallTime now_;
  const std::array<const Draft*, 2> drafts_;
  std::array<std::vector<std::vector<Subject>>, 2> subjects_;
  std::array<std::vector<std::vector<std::string>>, 2> groups_;
  std::set<std::string> users_;
  std::map<std::string, std::set<std::string>> classes_;  // of users who are alike
  std::set<std::string> words_;                           // that mean an account that differs
  std::map<std::array<std::string, 4>, Pattern> all_;
  std::map<std::string, Pattern> asked_;
  FreshText fresh_;
  using Cause = std::tuple<bool, std::vector<std::string>, std::string, std::string, std::string>;
  std::map<Cause, std::map<Asked, std::set<Action>>> rows_;
  std::map<std::string, AddressSet> sets_;
  PolicyDiff result_;
};

}  // namespace layergate::acl::slow

// The policies are compared by what both say under each pattern. Only images are asked about for
// which they say something else, or of which an account that differs is told something.
#include "acl/diff.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "acl/difference_report.h"
#include "acl/parties.h"
#include "acl/question.h"
#include "acl/standing.h"
#include "acl/witnesses.h"

namespace layergate::acl {
namespace {

constexpr std::size_t kMostTries = 1'000'000;      // of pairs of patterns
constexpr std::size_t kMostQuestions = 4'000'000;  // of users, or such that are alike, and images

// What rules do but for whom and to which images; equal ones have one number in both policies.
struct Effect {
  bool deny = false;
  ActionSet actions;
  AddressSet from;
};

struct Saying {
  Party party = 0;
  std::uint32_t effect = 0;
  RuleNumber rule = 0;  // the first of several

  [[nodiscard]] std::pair<Party, std::uint32_t> what() const { return {party, effect}; }
};

// What the policies say under one pattern: by rules that are not over.
struct Speech {
  std::array<std::vector<Saying>, 2> said;  // by party and effect
  std::vector<Saying> changed;              // what only one side says
  bool is_general = false;                  // it is said to others than single users
};
using Speeches = std::vector<const Speech*>;

class Comparison {
 public:
  Comparison(const Draft& before, const Draft& after, WallTime now)
      : now_(now),
        drafts_{&before, &after},
        parties_(before, after, now),
        report_(parties_),
        changed_(parties_.count()) {
    listen();
    find_changes();
  }

  PolicyDiff run(const std::vector<Image>& known) {
    std::unordered_set<std::string> seen;
    for (const auto& image : known) {
      ++result_.images;
      if (seen.insert(image.name + ":" + image.tag).second) ask({image.name, image.tag, "", ""});
    }
    seen.clear();
    std::size_t tries = kMostTries;
    for (const auto& [text, pattern] : patterns_) {
      const bool all = each_witness(pattern, speeches_, filler_, tries, [&](const Witness& w) {
        if (!seen.insert(w.name + ":" + w.tag).second && !w.within.empty()) return;
        ++result_.images;
        ask(w);
      });
      if (!all) result_.complete = false;
    }
    result_.differences = report_.take(patterns_);
    result_.accounts = account_changes(*drafts_[0], *drafts_[1]);
    result_.settings = setting_changes(*drafts_[0], *drafts_[1]);
    return std::move(result_);
  }

 private:
  // --- what may differ ---

  void listen() {
    std::unordered_map<std::string, std::uint32_t> numbers;
    for (std::size_t side = 0; side < 2; ++side) {
      const auto& rules = drafts_[side]->rules;
      for (RuleNumber number = 0; number < rules.size(); ++number) {
        const auto& rule = rules[number];
        if (is_over(rule, now_) || rule.subjects.empty()) continue;
        const auto effect = effect_of(rule, numbers);
        for (const auto& image : rule.images) {
          auto& said = speeches_[image].said[side];
          for (const Subject subject : rule.subjects) {
            said.push_back({parties_.of(side, subject), effect, number});
          }
        }
      }
    }
  }

  std::uint32_t effect_of(const RuleDraft& rule,
                          std::unordered_map<std::string, std::uint32_t>& numbers) {
    std::string text = rule.deny ? "deny" : "allow";
    for (const Action action : kActions) {
      if (rule.actions.contains(action)) text.append(" ").append(to_string(action));
    }
    for (const auto& network : rule.from) text += " " + network.to_string();
    const auto [found, is_new] =
        numbers.try_emplace(std::move(text), static_cast<std::uint32_t>(effects_.size()));
    if (is_new) {
      effects_.push_back({rule.deny, rule.actions,
                          rule.from.empty() ? AddressSet::all() : AddressSet::of(rule.from)});
    }
    return found->second;
  }

  // What is said to somebody whose account differs is worth asking even where it stays the same.
  void find_changes() {
    FreshText fresh;
    const auto before = [](const Saying& a, const Saying& b) { return a.what() < b.what(); };
    speeches_.each([&](const Pattern& pattern, Speech& speech) {
      fresh.see(pattern);
      bool is_touched = false;
      for (auto& said : speech.said) {
        std::stable_sort(said.begin(), said.end(), before);
        said.erase(
            std::unique(said.begin(), said.end(),
                        [](const Saying& a, const Saying& b) { return a.what() == b.what(); }),
            said.end());
        for (const auto& saying : said) {
          is_touched = is_touched || parties_.touches(saying.party);
          speech.is_general = speech.is_general || !parties_.is_user(saying.party);
        }
      }
      std::set_symmetric_difference(speech.said[0].begin(), speech.said[0].end(),
                                    speech.said[1].begin(), speech.said[1].end(),
                                    std::back_inserter(speech.changed), before);
      if (is_touched || !speech.changed.empty()) patterns_.emplace(pattern.to_string(), pattern);
    });
    // An admin needs no rule.
    if (parties_.touches_any()) patterns_.emplace("**:*", Pattern{"**", "*"});
    filler_ = fresh.filler();
  }

  // --- asking ---

  void ask(const Witness& image) {
    Speeches speeches;
    std::vector<Party> changed;
    speeches_.matching(image.name, image.tag, [&](const Speech& speech) {
      speeches.push_back(&speech);
      for (const auto& saying : speech.changed) {
        changed_[saying.party].insert(effects_[saying.effect].actions);
        changed.push_back(saying.party);
      }
    });
    if (!changed.empty() || parties_.touches_any()) tell(speeches, report_.asked(image));
    for (const Party party : changed) changed_[party] = {};
  }

  void tell(const Speeches& speeches, DifferenceReport::Asked asked) {
    const auto named = users_named(speeches);
    for (const Party user : named) {
      const auto& its = parties_.classes()[parties_.class_of(user)];
      auto actions = actions_of(its);
      actions.insert(changed_[user]);
      if (actions.empty()) continue;
      const auto users = report_.user(user);
      for (const auto& found : compare(its, its.means, user, actions, speeches)) {
        report_.note(found.cause, users, asked, found.actions);
      }
    }
    const auto& differing = of_classes(speeches);
    if (differing.empty()) return;
    std::map<std::uint32_t, std::vector<Party>> named_of;  // a class
    for (const Party user : named) named_of[parties_.class_of(user)].push_back(user);
    for (const auto& [number, found] : differing) {
      auto& without = named_of[number];
      if (without.size() == parties_.classes()[number].members.size()) continue;
      if (!may_ask()) return;
      const auto users = report_.users(number, std::move(without));
      for (const auto& each : found) report_.note(each.cause, users, asked, each.actions);
    }
  }

  // To whom something is said by name.
  [[nodiscard]] std::vector<Party> users_named(const Speeches& speeches) const {
    std::vector<Party> users;
    for (const auto* speech : speeches) {
      for (const auto& said : speech->said) {
        for (auto at = said.rbegin(); at != said.rend() && parties_.is_user(at->party); ++at) {
          users.push_back(at->party);
        }
      }
    }
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    return users;
  }

  struct Found {
    DifferenceReport::Cause cause;
    ActionSet actions;
  };
  using OfClasses = std::vector<std::pair<std::uint32_t, std::vector<Found>>>;

  // What differs for those of each class who are not named. It is the same for all images of which
  // the same is said to groups and everyone.
  const OfClasses& of_classes(const Speeches& speeches) {
    Speeches general;
    std::copy_if(speeches.begin(), speeches.end(), std::back_inserter(general),
                 [](const Speech* speech) { return speech->is_general; });
    const auto [known, is_new] = of_classes_.try_emplace(std::move(general));
    if (is_new) known->second = compare_classes(known->first);
    return known->second;
  }

  OfClasses compare_classes(const Speeches& speeches) {
    OfClasses all;
    const auto& classes = parties_.classes();
    std::set<std::uint32_t> spoken_to;  // as members of a group
    for (const auto* speech : speeches) {
      for (const auto& said : speech->said) {
        for (const auto& saying : said) {
          if (saying.party == Parties::kAll) continue;
          if (parties_.is_user(saying.party)) break;
          const auto& in = parties_.classes_in(saying.party);
          spoken_to.insert(in.begin(), in.end());
        }
      }
    }
    for (const auto number : spoken_to) {
      const auto& each = classes[number];
      auto found = compare(each, each.means, Parties::kAll, actions_of(each), speeches);
      if (!found.empty()) all.emplace_back(number, std::move(found));
    }
    // All others of a kind hear the same.
    const std::vector<Party> everyone = {Parties::kAll};
    for (const auto& kind : parties_.kinds()) {
      const auto actions = kind.touched ? ActionSet::all() : changed_[Parties::kAll];
      const auto found = compare(classes[kind.classes.front()], {everyone, everyone}, Parties::kAll,
                                 actions, speeches);
      if (found.empty()) continue;
      for (const auto number : kind.classes) {
        if (!spoken_to.contains(number)) all.emplace_back(number, found);
      }
    }
    return all;
  }

  // That may differ for all of the class.
  [[nodiscard]] ActionSet actions_of(const Parties::Class& each) const {
    if (each.touched) return ActionSet::all();
    auto actions = changed_[Parties::kAll];
    for (const auto& means : each.means) {
      for (const Party party : means) actions.insert(changed_[party]);
    }
    return actions;
  }

  // Of an account of that class, to which that is said which is said to these.
  std::vector<Found> compare(const Parties::Class& its,
                             const std::array<std::vector<Party>, 2>& means, Party name,
                             ActionSet actions, const Speeches& speeches) {
    std::vector<Found> all;
    if (actions.empty() || !may_ask()) return all;
    std::array<std::vector<Saying>, 2> heard;
    for (std::size_t side = 0; side < 2; ++side) {
      for (const auto* speech : speeches) {
        const auto& said = speech->said[side];
        for (const Party party : means[side]) hear(said, party, heard[side]);
        if (name != Parties::kAll) hear(said, name, heard[side]);
      }
    }
    const auto add = [&](bool gained, const Standing& was, const Standing& is, Action action) {
      auto from = gained ? is.from : was.from;
      from.subtract(gained ? was.from : is.from);
      if (from.empty()) return;
      const auto cause =
          report_.cause(gained, from, was.to_string(*drafts_[0]), is.to_string(*drafts_[1]));
      auto found = std::find_if(all.begin(), all.end(),
                                [&](const Found& each) { return each.cause == cause; });
      if (found == all.end()) found = all.insert(all.end(), {cause, {}});
      found->actions.insert(action);
    };
    for (const Action action : kActions) {
      if (!actions.contains(action)) continue;
      const auto was = standing(its.account[0], heard[0], action);
      const auto is = standing(its.account[1], heard[1], action);
      if (was.from == is.from) continue;
      add(true, was, is, action);
      add(false, was, is, action);
    }
    return all;
  }

  static void hear(const std::vector<Saying>& said, Party party, std::vector<Saying>& heard) {
    auto at = std::lower_bound(said.begin(), said.end(), party,
                               [](const Saying& a, Party wanted) { return a.party < wanted; });
    for (; at != said.end() && at->party == party; ++at) heard.push_back(*at);
  }

  [[nodiscard]] Standing standing(const AccountDraft* account, const std::vector<Saying>& heard,
                                  Action action) const {
    if (account == nullptr) return {{}, Reason::unknown_account, std::nullopt};
    Says says;
    for (const auto& saying : heard) {
      const auto& effect = effects_[saying.effect];
      if (effect.actions.contains(action)) says.add(effect.deny, effect.from, saying.rule);
    }
    return says.to(*account, action, now_);
  }

  bool may_ask() {
    if (++questions_ <= kMostQuestions) return true;
    result_.complete = false;
    return false;
  }

  const WallTime now_;
  const std::array<const Draft*, 2> drafts_;
  const Parties parties_;
  DifferenceReport report_;
  std::vector<Effect> effects_;
  PatternTable<Speech> speeches_;
  DifferenceReport::Patterns patterns_;  // to be asked about
  Filler filler_;
  std::vector<ActionSet>
      changed_;  // of each party, by what is said of the image that is asked about
  std::map<Speeches, OfClasses> of_classes_;
  std::size_t questions_ = 0;
  PolicyDiff result_;
};

}  // namespace

PolicyDiff diff(const Draft& before, const Draft& after, const std::vector<Image>& known,
                WallTime now) {
  return Comparison(before, after, now).run(known);
}

}  // namespace layergate::acl

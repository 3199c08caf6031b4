#include "acl/explanation.h"

#include <algorithm>
#include <set>

namespace layergate::acl {
namespace {

constexpr std::size_t kMostNamed = 4;  // of a list, in words

bool is_from(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return networks.empty() || contains(networks, address);
}

// "a, b, c, d and 3 more"
template <typename Items, typename Text>
std::string listed(const Items& items, Text text) {
  std::string out;
  std::size_t count = 0;
  for (const auto& item : items) {
    if (count++ == kMostNamed) break;
    out += (out.empty() ? "" : ", ") + text(item);
  }
  if (items.size() > kMostNamed) {
    out += " and " + std::to_string(items.size() - kMostNamed) + " more";
  }
  return out;
}

}  // namespace

Explanation explain(const Draft& draft, const Principal& who, const Question& question) {
  Explanation answer;
  const auto account =
      std::find_if(draft.accounts.begin(), draft.accounts.end(),
                   [&](const AccountDraft& each) { return each.name.text == who.account; });
  // By which words rules name it.
  std::set<std::string, std::less<>> words;
  if (account != draft.accounts.end()) {
    answer.account = &*account;
    answer.unexpired = !account->expires || who.now < *account->expires;
    answer.from = is_from(account->from, who.address);
    answer.permitted = account->admin || account->permissions.contains(question.action);
    words = {"*", std::string(who.account)};
    for (const auto& group : draft.groups) {
      if (std::none_of(group.members.begin(), group.members.end(),
                       [&](const Word& member) { return member.text == who.account; })) {
        continue;
      }
      answer.groups.push_back(group.name.text);
      words.insert("@" + group.name.text);
    }
    std::sort(answer.groups.begin(), answer.groups.end());
  }

  std::optional<RuleNumber> allow;
  std::optional<RuleNumber> deny;
  answer.rules.reserve(draft.rules.size());
  for (RuleNumber number = 0; number < draft.rules.size(); ++number) {
    const auto& rule = draft.rules[number];
    RuleMatch match{number, std::nullopt, matching_image(rule, question)};
    const auto word = std::find_if(rule.who.begin(), rule.who.end(),
                                   [&](const Word& each) { return words.contains(each.text); });
    if (word != rule.who.end()) match.who = static_cast<std::size_t>(word - rule.who.begin());
    match.action = rule.actions.contains(question.action);
    match.from = is_from(rule.from, who.address);
    match.unexpired = !is_over(rule, who.now);
    auto& first = rule.deny ? deny : allow;
    if (match.applies() && !first) first = number;
    answer.rules.push_back(match);
  }

  const auto refuse = [&](Reason reason) {
    answer.reason = reason;
    return answer;
  };
  if (answer.account == nullptr) return refuse(Reason::unknown_account);
  if (!account->enabled) return refuse(Reason::disabled);
  if (!answer.unexpired) return refuse(Reason::expired);
  if (!answer.from) return refuse(Reason::address);
  if (!answer.permitted) return refuse(Reason::permission);
  if (deny) {
    answer.rule = deny;
    return refuse(Reason::denied);
  }
  answer.allowed = account->admin || allow;
  answer.reason = account->admin ? Reason::admin : allow ? Reason::rule : Reason::no_rule;
  if (!account->admin) answer.rule = allow;
  return answer;
}

Conditions conditions_of(const RuleDraft& rule, const RuleMatch& match) {
  Conditions words;
  words.who = match.who ? rule.who[*match.who].text
              : rule.who.empty()
                  ? "names nobody"
                  : "names " + listed(rule.who, [](const Word& w) { return w.text; });
  words.images = match.image
                     ? rule.images[*match.image].to_string()
                     : listed(rule.images, [](const Pattern& each) { return each.to_string(); });
  for (const Action action : kActions) {
    if (!rule.actions.contains(action)) continue;
    words.actions += (words.actions.empty() ? "" : ", ") + std::string(to_string(action));
  }
  words.from = rule.from.empty()
                   ? "anywhere"
                   : listed(rule.from, [](const IpNetwork& each) { return each.to_string(); });
  words.expires = !rule.expires     ? "never"
                  : match.unexpired ? format_time(*rule.expires)
                                    : "over since " + format_time(*rule.expires);
  return words;
}

}  // namespace layergate::acl

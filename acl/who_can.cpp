#include "acl/who_can.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace layergate::acl {

void who_can(const Draft& draft, const Question& question, WallTime now,
             const std::function<void(const AccountDraft&, const Standing&)>& visit) {
  std::unordered_map<Subject, Says> said;
  for (RuleNumber number = 0; number < draft.rules.size(); ++number) {
    const auto& rule = draft.rules[number];
    if (!rule.actions.contains(question.action) || is_over(rule, now) ||
        !matching_image(rule, question)) {
      continue;
    }
    for (const Subject subject : rule.subjects) said[subject].add(rule, number);
  }

  std::vector<std::size_t> order(draft.accounts.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return draft.accounts[a].name.text < draft.accounts[b].name.text;
  });
  const auto subjects = subjects_of_accounts(draft);
  for (const auto number : order) {
    Says says;
    for (const Subject subject : subjects[number]) {
      if (const auto found = said.find(subject); found != said.end()) says.add(found->second);
    }
    visit(draft.accounts[number], says.to(draft.accounts[number], question.action, now));
  }
}

}  // namespace layergate::acl

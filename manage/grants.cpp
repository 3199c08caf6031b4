#include "manage/grants.h"

#include <algorithm>
#include <utility>

#include "manage/accounts.h"
#include "manage/images.h"

namespace layergate::manage {
namespace {

using Kind = Failure::Kind;

// An address from which the account may be used.
IpAddress address_of(const acl::AccountDraft& account) {
  auto text = account.from.empty() ? std::string("127.0.0.1") : account.from.front().to_string();
  text = text.substr(0, text.find('/'));
  return IpAddress::parse(text).value_or(IpAddress());
}

std::vector<StillAllowed> still_allowed(const PolicyFiles& files, const ImageName& image,
                                        const acl::AccountDraft& account) {
  std::vector<StillAllowed> still;
  const acl::Principal who{account.name.text, address_of(account), wall_now()};
  for (const auto action : acl::kActions) {
    const auto decision = files.policy->decide(who, action, image.first, image.second);
    if (!decision.allowed) continue;
    const auto by = decision.to_string();
    const auto same = std::find_if(still.begin(), still.end(),
                                   [&](const StillAllowed& one) { return one.by == by; });
    if (same == still.end()) {
      still.push_back({{action}, by});
    } else {
      same->actions.push_back(action);
    }
  }
  return still;
}

}  // namespace

tl::expected<Granting, Failure> grant(const config::Config& config, const ImageName& image,
                                      const std::string& account, const Terms& terms) {
  if (auto good = check_image(image); !good) return tl::unexpected(good.error());
  Granting granting;
  PolicyChange change;
  change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    if (find_account(present, account) == nullptr) {
      return tl::unexpected(no_account(present, account));
    }
    const auto registrations = registrations_of(present);
    const auto there = registrations.find(image);
    if (there == registrations.end()) return tl::unexpected(not_registered(image));
    if (there->second.names("*") || there->second.names(account)) return {};
    auto who = there->second.who;
    who.push_back(account);
    set_who(root, there->second, who);
    granting.changed = true;
    return {};
  };
  if (const auto done = change_managed_policy(config.acl, change, terms); !done) {
    return tl::unexpected(done.error());
  }
  return granting;
}

tl::expected<Granting, Failure> revoke(const config::Config& config, const ImageName& image,
                                       const std::string& account, const Terms& terms) {
  if (auto good = check_image(image); !good) return tl::unexpected(good.error());
  Granting granting;
  PolicyChange change;
  change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    const auto* known = find_account(present, account);
    if (known == nullptr) return tl::unexpected(no_account(present, account));
    const auto registrations = registrations_of(present);
    const auto there = registrations.find(image);
    if (there == registrations.end()) {
      if (still_allowed(present, image, *known).empty()) {
        return tl::unexpected(not_registered(image));
      }
      return {};
    }
    if (!there->second.names(account)) return {};
    auto who = there->second.who;
    std::erase(who, account);
    set_who(root, there->second, who);
    granting.changed = true;
    return {};
  };
  const auto done = change_managed_policy(config.acl, change, terms);
  if (!done) return tl::unexpected(done.error());
  granting.still = still_allowed(*done, image, *find_account(*done, account));
  return granting;
}

}  // namespace layergate::manage

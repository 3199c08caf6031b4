// What a change of policy alters: which account gains or loses which action on which images.
//
// Asked are images made from the patterns of both policies (acl/witnesses.h), and those that the
// caller knows of. Each difference that is reported is one; of the images that the caller names
// none is overlooked; and of others at most what three patterns have to meet for. Passwords are not
// looked at, nor what depends on pushes (`unregistered`, `immutable`, possession).
#pragma once

#include <string>
#include <vector>

#include "acl/account_changes.h"
#include "acl/action.h"
#include "acl/draft.h"
#include "base/address_set.h"

namespace layergate::acl {

struct Image {
  std::string name;
  std::string tag;
};

struct Difference {
  bool gained = false;             // else lost
  std::vector<std::string> users;  // sorted
  ActionSet actions;
  std::vector<std::string> patterns;  // of what is gained or lost, sorted
  std::vector<std::string> known;     // the caller's images among it, sorted
  std::string example;                // an image of it, perhaps made up
  AddressSet from;                    // for requests from where
  std::string before, after;          // what decides: "allowed by …"
};

struct PolicyDiff {
  std::vector<Difference> differences;
  std::vector<AccountChange> accounts;
  std::vector<std::string> settings;
  std::size_t images = 0;  // that were asked about
  bool complete = true;    // false: the policies differ so much that not all could be asked

  [[nodiscard]] bool empty() const {
    return differences.empty() && accounts.empty() && settings.empty();
  }
};

// At the moment `now`: rules and accounts that are over then say nothing. REQUIRES: resolve() found
// no errors in the drafts.
PolicyDiff diff(const Draft& before, const Draft& after, const std::vector<Image>& known,
                WallTime now);

}  // namespace layergate::acl

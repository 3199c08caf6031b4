// Who may reach a registered image.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "acl/action.h"
#include "config/config.h"
#include "manage/failure.h"
#include "manage/managed_policy.h"
#include "manage/managed_tree.h"

namespace layergate::manage {

// What an account may do with an image all the same, and what gives it.
struct StillAllowed {
  std::vector<acl::Action> actions;
  std::string by;  // "allowed by research pulls (acl.yml:12)", "allowed by the permission admin"
};

struct Granting {
  bool changed = false;
  std::vector<StillAllowed> still;  // of a revoke: empty if nothing is left
};

// Puts the account on the image's list. Both have to exist: a grant does not register, because who
// pushed an unregistered image would lose it to the new rule. Nothing to do if it has the right
// already.
tl::expected<Granting, Failure> grant(const config::Config& config, const ImageName& image,
                                      const std::string& account, const Terms& terms = {});

// Takes the account off the list, which then allows nobody if it was the last. What other rules
// still allow is told: a registration for everybody is one of them. It needs no registered image if
// something is left to be told.
tl::expected<Granting, Failure> revoke(const config::Config& config, const ImageName& image,
                                       const std::string& account, const Terms& terms = {});

}  // namespace layergate::manage

// What stands where in acl.d/managed.yml: accounts under `users`, and a rule for each registered
// image. docs/images.md shows the form.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/draft.h"
#include "base/yaml.h"
#include "manage/managed_policy.h"

namespace layergate::manage {

// A registered image: a rule of managed.yml that allows all four actions on this one image,
// without conditions.
struct Registration {
  std::vector<std::string> who;    // accounts, "@groups" or "*", as it stands there
  std::vector<std::size_t> rules;  // which of the rules of managed.yml; mostly one
  acl::Place place;                // of the first

  [[nodiscard]] bool names(std::string_view account) const;
};

using ImageName = std::pair<std::string, std::string>;  // repository and tag
using Registrations = std::map<ImageName, Registration>;

Registrations registrations_of(const PolicyFiles& files);

// --- changes of the tree; `rules` are those of a Registration of the same file

// The account's entry, or nullptr.
yaml::Node* find_account(yaml::Node& root, std::string_view name);
// Takes the account away, with its place in each group and rule. A list that becomes empty stays:
// it allows nobody. Whether there was anything.
bool remove_account(yaml::Node& root, const std::string& name);

void set_who(yaml::Node& root, const Registration& registration,
             const std::vector<std::string>& who);
// The images must not be registered yet.
void add_registrations(yaml::Node& root,
                       const std::map<ImageName, std::vector<std::string>>& images);
// The rules go; that the images were covered once stays written there, so that
// `unregistered: push` does not open them.
void remove_registration(yaml::Node& root, const ImageName& image,
                         const Registration& registration);

}  // namespace layergate::manage

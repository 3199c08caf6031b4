// Registered images: a rule in managed.yml for each (docs/images.md), and what was said of it in
// the catalogue. Who may reach one: grants.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "catalog/catalog.h"
#include "config/config.h"
#include "manage/failure.h"
#include "manage/managed_policy.h"
#include "manage/managed_tree.h"

namespace layergate::manage {

// By the grammar of names and tags; the error says it.
Done check_image(const ImageName& image);
// Digest, time and size.
Done check_given(const catalog::Given& given);

struct NewImage {
  ImageName name;
  // Accounts; an empty list is everybody; nothing: everybody, or, if it is registered, as it is.
  std::optional<std::vector<std::string>> users;
  catalog::Given given;  // what is empty stays as it is
  bool replace = false;  // another list than the one there is wanted
};

// Refuses an unknown account, and another list of users for a registered image, unless `replace`.
Done register_image(const config::Config& config, const NewImage& image, const Terms& terms = {});
// Its rule goes. What ops' rules give stays, and `unregistered: push` does not open it.
Done remove_image(const config::Config& config, const ImageName& image, const Terms& terms = {});

// "the image x:y is not registered: layergate image register x y"
Failure not_registered(const ImageName& image);

}  // namespace layergate::manage

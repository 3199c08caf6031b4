// Images as they are shown: registered ones and those that were pushed, with what is known of each.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "acl/action.h"
#include "base/address.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "config/config.h"
#include "manage/failure.h"
#include "manage/live.h"
#include "manage/managed_policy.h"
#include "manage/managed_tree.h"

namespace layergate::manage {

struct Image {
  ImageName name;
  std::optional<Registration> registration;
  catalog::Given given;
  // What was given, else what was found; empty or nothing: not known.
  std::string digest;
  std::string created;
  std::optional<std::uint64_t> size;
  // As the index knows it; empty if it was never pushed through the proxy, or was deleted.
  std::string pushed_digest;
  std::string pushed_by;
  std::optional<WallTime> pushed_at;
  std::vector<acl::Action> allowed;  // to the viewer
};

// For whom a list is made.
struct Viewer {
  std::string account;
  IpAddress address;
  // What the account may pull and not view is told to who administers, not to the account.
  bool only_viewable = true;
};

struct ImageQuery {
  bool registered_only = false;
  std::optional<Viewer> viewer;  // nothing: every image there is
  ImageName after;               // what comes behind this one
  std::size_t limit = 100;
};

struct ImagePage {
  std::vector<Image> images;  // sorted by name and tag
  bool is_last = true;
};

// `files` tells what is registered, `live` what is allowed.
ImagePage list_images(const config::Config& config, const PolicyFiles& files, const Live& live,
                      const ImageQuery& query);

// One image, if it is registered or the index knows it, and the viewer, if there is one, may see
// it.
tl::expected<Image, Failure> show_image(const config::Config& config, const PolicyFiles& files,
                                        const Live& live, const ImageName& name,
                                        const std::optional<Viewer>& viewer);

}  // namespace layergate::manage

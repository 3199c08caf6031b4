// The files of the older system: users.json, images.json and auth/htpasswd (docs/migration.md).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "manage/managed_tree.h"

namespace layergate::manage {

struct LegacyUser {
  std::vector<std::string> permissions;
  std::string email;
  std::string hash;  // of the password
};

struct LegacyImage {
  catalog::Given given;
  std::vector<std::string> allowed_users;  // empty: everybody
};

struct LegacyFiles {
  std::map<std::string, LegacyUser> users;
  std::map<ImageName, LegacyImage> images;
  // What cannot be taken as it stands: "users.json: alice: unknown permission \"fly\"".
  std::vector<std::string> problems;
  // What is left out without loss.
  std::vector<std::string> notes;
};

// Reads what there is of the three. `lenient`: unknown fields are left out with a note; without,
// each is a problem, because it might have been a restriction.
LegacyFiles read_legacy_files(const std::filesystem::path& dir, bool lenient);

}  // namespace layergate::manage

// A config dir for tests of what changes it.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "acl/loader.h"
#include "manage/accounts.h"
#include "tests/unit/temp_dir.h"

namespace layergate::manage {

inline const char* const kGood = "Granite-Harbour-42";

class House {
 public:
  explicit House(const std::string& acl = "version: 1\nusers: {root: {permissions: [admin]}}\n") {
    write_text(dir_ / "acl.yml", acl);
    config_.dir = dir_.path();
    config_.acl = dir_ / "acl.yml";
    config_.htpasswd = dir_ / "htpasswd";
    config_.state = dir_ / "state";
  }

  [[nodiscard]] tl::expected<void, Failure> add(const std::string& name,
                                                const std::string& password = kGood,
                                                std::vector<std::string> permissions = {
                                                    "view", "pull"}) const {
    return add_account(config_, {name, password, std::move(permissions), "", {}, {}});
  }
  // Both files as they stand; what is absent is empty.
  [[nodiscard]] std::string files() const {
    return read_text(dir_ / "htpasswd") + "\n---\n" + read_text(dir_ / "acl.d/managed.yml");
  }
  [[nodiscard]] bool has_account(const std::string& name) const {
    const auto loaded = acl::load(config_.acl, wall_now());
    REQUIRE(loaded.policy != nullptr);
    const auto accounts = loaded.policy->accounts();
    return std::find(accounts.begin(), accounts.end(), name) != accounts.end();
  }
  [[nodiscard]] const config::Config& config() const { return config_; }

  [[nodiscard]] std::string managed() const { return read_text(dir_ / "acl.d/managed.yml"); }
  [[nodiscard]] bool may(const std::string& account, acl::Action action,
                         const std::string& repository, const std::string& tag) const {
    const auto loaded = acl::load(config_.acl, wall_now());
    REQUIRE(loaded.policy != nullptr);
    return loaded.policy->decide({account, {}, wall_now()}, action, repository, tag).allowed;
  }

 private:
  TempDir dir_;
  config::Config config_;
};

}  // namespace layergate::manage

// The password file: one "user:hash" a line.
//
// Thread safety: immutable once made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/problem.h"

namespace layergate::auth {

class Htpasswd {
 public:
  struct Loaded {
    std::shared_ptr<const Htpasswd> htpasswd;  // null exactly if errors is not empty
    std::vector<Problem> errors;
    std::vector<Problem> warnings;  // $apr1$ hashes, weak costs
  };

  static Loaded load(const std::filesystem::path& file);
  static Loaded parse(std::string_view text, const std::string& file);

  // The user's hash, or nullptr. Lives as long as this.
  [[nodiscard]] const std::string* find(std::string_view user) const;
  // A hash that no password matches, as costly to check as this file's most costly one: checked for
  // users that do not exist, so that the time of an answer does not tell who does.
  [[nodiscard]] const std::string& decoy() const;
  [[nodiscard]] std::vector<std::string> users() const;  // sorted

  ~Htpasswd();
  Htpasswd(const Htpasswd&) = delete;
  Htpasswd& operator=(const Htpasswd&) = delete;

 private:
  struct Impl;
  explicit Htpasswd(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace layergate::auth

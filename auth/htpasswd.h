// The password file: one "user:hash" a line.
//
// Empty lines and lines that start with "#" are skipped; a line may end in CR LF. Which hashes are
// accepted: hash_form.h. Everything is checked when the file is read; one bad line refuses it.
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
    std::vector<Problem> warnings;  // $apr1$ hashes, weak costs, costs that differ
  };

  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  // Neither throws on what a file holds. Problems never hold any of a hash or a password; of many,
  // the first 100 are told, and how many more there are.
  static Loaded load(const std::filesystem::path& file);
  static Loaded parse(std::string_view text, const std::string& file);

  // This, less every user whose very hash no longer stands in `text`: what may stay in force when a
  // newer text of the file was refused, so that a mistake in one line keeps no removed password
  // alive.
  [[nodiscard]] std::shared_ptr<const Htpasswd> restricted_to(std::string_view text) const;

  // This, less these users.
  [[nodiscard]] std::shared_ptr<const Htpasswd> without(
      const std::vector<std::string>& users) const;

  // The user's hash, or nullptr. Lives as long as this.
  [[nodiscard]] const std::string* find(std::string_view user) const;
  // A hash that no password matches, as costly to check as this file's most costly one: checked for
  // users that do not exist, so that the time of an answer does not tell who does. In a file whose
  // costs differ a wrong password for one of the cheaper lines is answered faster; a warning says
  // so.
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

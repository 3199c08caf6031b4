// Binds an upload to the account and the repository that opened it (Quay CVE-2026-32589).
//
// The token stands in the Location that the client gets and uses next, so no state is kept, and any
// proxy with the same key accepts it. It also carries how many bytes the registry has by then, so
// that a chunk out of order is noticed, which registry 2.8 does not.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace layergate::proxy {

class UploadToken {
 public:
  using Key = std::array<unsigned char, 32>;

  explicit UploadToken(const Key& key) : key_(key) {}
  // Reads the key from `file`, or makes it (mode 0600) if there is none.
  static tl::expected<UploadToken, std::string> load(const std::filesystem::path& file);

  // `received`: bytes, or nothing if it is not known.
  [[nodiscard]] std::string sign(std::string_view account, std::string_view repository,
                                 std::string_view upload_id,
                                 std::optional<std::uint64_t> received = std::nullopt) const;
  // In constant time.
  [[nodiscard]] bool verify(std::string_view token, std::string_view account,
                            std::string_view repository, std::string_view upload_id) const;
  // What sign() was told. REQUIRES: verify() said yes to the token.
  static std::optional<std::uint64_t> received_of(std::string_view token);

 private:
  Key key_;
};

}  // namespace layergate::proxy

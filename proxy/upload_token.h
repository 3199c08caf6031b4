// Binds an upload to the account and the repository that opened it (Quay CVE-2026-32589).
//
// The token stands in the Location that the client gets and uses next, so no state is kept, and any
// proxy with the same key accepts it.
#pragma once

#include <array>
#include <filesystem>
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

  [[nodiscard]] std::string sign(std::string_view account, std::string_view repository,
                                 std::string_view upload_id) const;
  // In constant time.
  [[nodiscard]] bool verify(std::string_view token, std::string_view account,
                            std::string_view repository, std::string_view upload_id) const;

 private:
  Key key_;
};

}  // namespace layergate::proxy

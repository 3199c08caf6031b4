// Checks the chain of hashes from end to end, while others write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "records/database.h"

namespace layergate::records {

struct Verified {
  std::int64_t first = 0;  // the rows that were looked at; 0: there are none
  std::int64_t last = 0;
  std::string head;   // the last one's hash
  std::string wrong;  // empty, or which row does not fit and why
  std::int64_t wrong_row = 0;

  [[nodiscard]] bool ok() const { return wrong.empty(); }
};

// `expected` is a place of the chain that was noted elsewhere, earlier: it must be in it still,
// unless it is older than all rows. Throws std::exception if the file cannot be read.
Verified verify(const std::filesystem::path& file, std::optional<Link> expected = std::nullopt,
                const std::function<void(std::int64_t row, std::int64_t last)>& progress = {});

}  // namespace layergate::records

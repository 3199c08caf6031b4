// The chain of hashes over the rows: each row's is SHA-256 over the one before and all that the row
// says, so that a row that is changed, removed, put in or moved does not fit any more.
//
// Thread safety: a Chain belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "records/row.h"

struct evp_md_ctx_st;
struct evp_md_st;

namespace layergate::records {

using Hash = std::array<std::uint8_t, 32>;

std::string to_hex(const Hash& hash);
std::optional<Hash> hash_of_hex(std::string_view text);
Hash hash_of_bytes(std::string_view bytes);  // zeros unless they are 32

class Chain {
 public:
  Chain();
  ~Chain();

  // docs/records.md tells the encoding: for every row ever written it stays as it is.
  Hash next(const Hash& before, const Row& row);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
    void operator()(evp_md_st* algorithm) const;
  };
  std::unique_ptr<evp_md_st, Free> sha256_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::string encoded_;
};

}  // namespace layergate::records

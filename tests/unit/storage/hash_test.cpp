#include "storage/hash.h"

#include <string>

#include <doctest/doctest.h>

#include "oci/digest.h"

namespace layergate::storage {

TEST_CASE("storage hash: of bytes in parts") {
  Hash hash(Hash::Algorithm::sha256);
  hash.add("hello ");
  hash.add("");
  hash.add("world");
  CHECK(hash.finish() == oci::sha256_of("hello world"));
}

TEST_CASE("storage hash: by the algorithm of a digest") {
  auto hash = Hash::like("sha512:" + std::string(128, '0'));
  hash.add("hello");
  const auto digest = hash.finish();
  CHECK(digest.starts_with("sha512:"));
  CHECK(oci::is_digest_of(digest, "hello"));
  CHECK(Hash::like(oci::sha256_of("")).finish() == oci::sha256_of(""));
}

}  // namespace layergate::storage

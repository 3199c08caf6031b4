#include "oci/digest.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "oci/reference.h"

namespace layergate::oci {
namespace {

// FIPS 180-4's examples.
const std::string kEmpty =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kLongAbc =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

}  // namespace

TEST_CASE("digest: what it is of") {
  CHECK(sha256_of("") == kEmpty);
  CHECK(sha256_of("abc") == kAbc);
  CHECK(sha256_of(std::string_view("\0", 1)) != kEmpty);
  CHECK(is_digest(sha256_of("x")));

  CHECK(is_digest_of(kAbc, "abc"));
  CHECK(is_digest_of(kLongAbc, "abc"));
  CHECK(is_digest_of(kEmpty, ""));
  CHECK_FALSE(is_digest_of(kAbc, "abd"));
  CHECK_FALSE(is_digest_of(kLongAbc, "abd"));
  CHECK_FALSE(is_digest_of(kLongAbc, ""));
}

TEST_CASE("digest: a key of sha256 is its bytes, and gives its text back") {
  const auto key = key_of(kAbc);
  CHECK(key.bytes[0] == 0xba);
  CHECK(key.bytes[31] == 0xad);
  CHECK(sha256_text(key) == kAbc);
  CHECK(key == key_of(kAbc));
  CHECK(key.hash() == key_of(kAbc).hash());
  CHECK_FALSE(key == key_of(kEmpty));
  CHECK(is_sha256(kAbc));
  CHECK_FALSE(is_sha256(kLongAbc));
}

TEST_CASE("digest: one made from its text or from what lies on the disk is the same") {
  for (const auto& text : {kAbc, kEmpty, kLongAbc}) {
    CAPTURE(text);
    for (const auto& digest : {Digest(text), Digest::from_packed(pack(text))}) {
      CHECK(digest.key() == key_of(text));
      CHECK(digest.text() == text);
      CHECK(digest.other_text() == (is_sha256(text) ? "" : text));
    }
  }
}

TEST_CASE("digest: a key tells digests apart by each of their digits") {
  for (const auto& digest : {kAbc, kLongAbc}) {
    for (std::size_t i = 7; i < digest.size(); ++i) {
      auto other = digest;
      other[i] = other[i] == '0' ? '1' : '0';
      CAPTURE(other);
      CHECK_FALSE(key_of(other) == key_of(digest));
    }
  }
}

TEST_CASE("digest: the key of a sha512 is none that somebody can make a sha256 for") {
  // Who may upload knows the bytes whose sha256 he needs: the text of the other digest, or its hex
  // or bytes. What he then possesses must not be what the sha512 names.
  CHECK_FALSE(key_of(sha256_of(kLongAbc)) == key_of(kLongAbc));
  CHECK_FALSE(key_of(sha256_of(kLongAbc.substr(7))) == key_of(kLongAbc));
  CHECK_FALSE(key_of(kAbc) == key_of(kLongAbc));
}

}  // namespace layergate::oci

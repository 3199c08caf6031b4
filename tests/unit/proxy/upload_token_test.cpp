#include "proxy/upload_token.h"

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::proxy {
namespace {

UploadToken::Key key_of(unsigned char byte) {
  UploadToken::Key key{};
  key.fill(byte);
  return key;
}

}  // namespace

TEST_CASE("upload token: only the account and the repository that opened an upload go on with it") {
  const UploadToken token(key_of(1));
  const auto signature = token.sign("alice", "team/a", "id");
  CHECK(signature.size() == 32);
  CHECK(signature.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(token.verify(signature, "alice", "team/a", "id"));

  CHECK_FALSE(token.verify(signature, "bob", "team/a", "id"));
  CHECK_FALSE(token.verify(signature, "alice", "team/b", "id"));
  CHECK_FALSE(token.verify(signature, "alice", "team/a", "ie"));
  CHECK_FALSE(token.verify("", "alice", "team/a", "id"));
  CHECK_FALSE(token.verify(signature.substr(1), "alice", "team/a", "id"));
  CHECK_FALSE(token.verify(signature + "0", "alice", "team/a", "id"));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    auto other = signature;
    other[i] = other[i] == '0' ? '1' : '0';
    CHECK_FALSE(token.verify(other, "alice", "team/a", "id"));
  }
}

TEST_CASE("upload token: what stands in one part is not moved to the next") {
  const UploadToken token(key_of(1));
  CHECK(token.sign("ab", "c", "d") != token.sign("a", "bc", "d"));
  CHECK(token.sign("a", "bc", "d") != token.sign("a", "b", "cd"));
  CHECK(token.sign("", "a", "b") != token.sign("a", "", "b"));
}

TEST_CASE("upload token: it tells how much was received, and nobody else can say so") {
  const UploadToken token(key_of(1));
  const auto plain = token.sign("alice", "team/a", "id");
  CHECK_FALSE(UploadToken::received_of(plain).has_value());
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{7}, UINT64_MAX}) {
    CAPTURE(bytes);
    const auto signature = token.sign("alice", "team/a", "id", bytes);
    CHECK(signature.find_first_not_of("0123456789abcdef.") == std::string::npos);
    CHECK(token.verify(signature, "alice", "team/a", "id"));
    CHECK(UploadToken::received_of(signature) == bytes);
    CHECK_FALSE(token.verify(signature, "alice", "team/a", "ie"));
    CHECK_FALSE(token.verify(signature.substr(0, 32), "alice", "team/a", "id"));
    CHECK_FALSE(token.verify(plain + signature.substr(32), "alice", "team/a", "id"));
    // The figure in other forms.
    for (const auto* suffix : {".", ".x", ".8", ".07", ".+7", ".7 ", ".7.7", ".-1"}) {
      CAPTURE(suffix);
      CHECK_FALSE(token.verify(signature.substr(0, 32) + suffix, "alice", "team/a", "id"));
      CHECK_FALSE(token.verify(plain + suffix, "alice", "team/a", "id"));
    }
  }
}

TEST_CASE("upload token: another key signs otherwise") {
  const UploadToken one(key_of(1));
  const UploadToken two(key_of(2));
  CHECK(one.sign("a", "b", "c") == UploadToken(key_of(1)).sign("a", "b", "c"));
  CHECK_FALSE(two.verify(one.sign("a", "b", "c"), "a", "b", "c"));
}

TEST_CASE("upload token: the key is made once, for its owner only, and read from then on") {
  const TempDir dir;
  const auto file = dir / "upload.key";
  const auto made = UploadToken::load(file);
  REQUIRE(made.has_value());
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(status.st_size == 32);
  const auto text = read_text(file);

  const auto again = UploadToken::load(file);
  REQUIRE(again.has_value());
  CHECK(read_text(file) == text);
  CHECK(again->verify(made->sign("a", "b", "c"), "a", "b", "c"));

  const TempDir other;
  const auto fresh = UploadToken::load(other / "upload.key");
  REQUIRE(fresh.has_value());
  CHECK_FALSE(fresh->verify(made->sign("a", "b", "c"), "a", "b", "c"));
}

TEST_CASE("upload token: half a key is refused and left as it is") {
  const TempDir dir;
  const auto file = dir / "upload.key";
  for (const auto* text : {"", "short"}) {
    write_text(file, text);
    const auto loaded = UploadToken::load(file);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().find(file.string()) == 0);
    CHECK(read_text(file) == text);
  }
  CHECK_FALSE(UploadToken::load(dir / "absent" / "upload.key").has_value());
}

}  // namespace layergate::proxy

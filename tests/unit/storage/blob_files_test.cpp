#include "storage/blob_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/storage/tree.h"

namespace layergate::storage {

namespace fs = std::filesystem;

TEST_CASE("storage files: a blob is found by its link and its digest") {
  const Tree tree;
  const auto digest = tree.add("weights");
  const BlobFiles files(tree.root());
  const auto file = files.find("team/a", digest, Wait::yes);
  REQUIRE(file.has_value());
  CHECK(file->identity.size == 7);
  CHECK(file->digest == digest);
  CHECK(identity_of(file->fd.get()) == file->identity);

  const auto reason = [&] {
    const auto found = files.find("team/a", digest, Wait::yes);
    return found ? std::string("found") : std::string(to_string(found.error()));
  };
  SUBCASE("of another repository it is not") {
    const auto other = files.find("team/b", digest, Wait::yes);
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error() == Miss::no_link);
  }
  SUBCASE("a link that says another digest counts for nothing") {
    write_text(tree.link(digest), oci::sha256_of("other"));
    CHECK(reason() == "bad_link");
    write_text(tree.link(digest), "");
    CHECK(reason() == "bad_link");
    write_text(tree.link(digest), digest + "\n");
    CHECK(reason() == "bad_link");
  }
  SUBCASE("a link that is a directory or a symbolic link") {
    fs::remove(tree.link(digest));
    fs::create_directory(tree.link(digest));
    CHECK(reason() == "bad_link");
    fs::remove(tree.link(digest));
    write_text(tree.root() / "real", digest);
    fs::create_symlink(tree.root() / "real", tree.link(digest));
    CHECK(reason() == "bad_link");
  }
  SUBCASE("bytes that are gone, or in something that is no file") {
    fs::remove(tree.blob(digest));
    CHECK(reason() == "no_file");
    fs::create_directory(tree.blob(digest));
    CHECK(reason() == "no_regular_file");
    fs::remove(tree.blob(digest));
    REQUIRE(::mkfifo(tree.blob(digest).c_str(), 0600) == 0);
    CHECK(reason() == "no_regular_file");
    fs::remove(tree.blob(digest));
    write_text(tree.root() / "real", "weights");
    fs::create_symlink(tree.root() / "real", tree.blob(digest));
    CHECK(reason() == "no_regular_file");
  }
  SUBCASE("an empty file is only that of no bytes") {
    write_text(tree.blob(digest), "");
    CHECK(reason() == "empty");
    const auto nothing = files.find("team/a", tree.add(""), Wait::yes);
    REQUIRE(nothing.has_value());
    CHECK(nothing->identity.size == 0);
  }
  SUBCASE("a directory that was moved away, and is back") {
    fs::rename(tree.root(), tree.root().string() + "2");
    CHECK(reason() == "no_root");
    fs::rename(tree.root().string() + "2", tree.root());
    CHECK(reason() == "found");
  }
}

TEST_CASE("storage files: a sha512 is kept under its sha256") {
  const Tree tree;
  const auto digest = tree.add("weights");
  const auto wide = "sha512:" + std::string(128, 'a');
  const BlobFiles files(tree.root());
  Tree::put(tree.link(wide), digest);
  const auto file = files.find("team/a", wide, Wait::yes);
  REQUIRE(file.has_value());
  CHECK(file->digest == digest);
  write_text(tree.link(wide), wide);
  CHECK(files.find("team/a", wide, Wait::yes).error() == Miss::no_file);
}

}  // namespace layergate::storage

#include "storage/uploads.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/storage/tree.h"

namespace layergate::storage {

namespace fs = std::filesystem;

namespace {

class House {
 public:
  House() {
    fs::create_directories(tree_.root());
    open();
  }
  void open() {
    auto opened =
        Uploads::open(tree_.root(), 10, [this](const FileIdentity& file, std::string_view digest) {
          placed_.emplace_back(file, digest);
        });
    REQUIRE(opened);
    uploads_ = *std::move(opened);
  }
  void close() { uploads_.reset(); }
  Uploads& operator*() { return *uploads_; }
  Uploads* operator->() { return uploads_.get(); }
  [[nodiscard]] const Tree& tree() const { return tree_; }
  [[nodiscard]] fs::path partial(const std::string& id) const {
    return tree_.root() / kUploads / id;
  }
  Fault append(Upload& upload, std::string_view text) {
    std::vector<Piece> pieces;
    auto piece = uploads_->pieces()->take({});
    std::copy(text.begin(), text.end(), piece->free_space().begin());
    piece->add(text.size());
    pieces.push_back(*std::move(piece));
    return uploads_->append(upload, pieces);
  }
  // A new one, left; its id.
  std::string begun(std::string_view text) {
    const auto upload = uploads_->begin();
    REQUIRE(upload);
    CHECK(append(**upload, text) == Fault::none);
    return (*upload)->id();
  }

  [[nodiscard]] const std::vector<std::pair<FileIdentity, std::string>>& placed() const {
    return placed_;
  }

 private:
  Tree tree_;
  std::vector<std::pair<FileIdentity, std::string>> placed_;
  std::unique_ptr<Uploads> uploads_;
};

std::string sha512_of(std::string_view text) {
  Hash hash(Hash::Algorithm::sha512);
  hash.add(text);
  return hash.finish();
}

}  // namespace

TEST_CASE("storage uploads: bytes that come in parts become a blob") {
  House house;
  const auto id = house.begun("hello ");
  const auto digest = oci::sha256_of("hello world");
  {
    const auto upload = house->claim(id, 5);
    REQUIRE(upload);
    CHECK((*upload)->size() == 6);
    CHECK(house.append(**upload, "world") == Fault::none);
    CHECK(house->finish(**upload, "team/a", digest) == digest);
  }
  // Who reads it later finds the file that was told of.
  const auto file = BlobFiles(house.tree().root()).find("team/a", digest, Wait::yes);
  REQUIRE(file);
  REQUIRE(house.placed().size() == 1);
  CHECK(house.placed()[0].first == file->identity);
  CHECK(house.placed()[0].second == digest);
  CHECK(read_text(house.tree().blob(digest)) == "hello world");
  CHECK(read_text(house.tree().link(digest)) == digest);
  CHECK_FALSE(fs::exists(house.partial(id)));
  CHECK(house->claim(id, 0).error() == Fault::unknown);
}

TEST_CASE("storage uploads: after a restart the file is read") {
  House house;
  const auto id = house.begun("hello ");
  house.close();
  house.open();
  const auto digest = oci::sha256_of("hello world");
  const auto upload = house->claim(id, 5);
  REQUIRE(upload);
  CHECK((*upload)->size() == 6);
  CHECK(house.append(**upload, "world") == Fault::none);
  CHECK(house->finish(**upload, "team/a", digest) == digest);
  CHECK(read_text(house.tree().blob(digest)) == "hello world");
}

TEST_CASE("storage uploads: a sha512 is kept under the sha256 and linked under both") {
  for (const bool restarts : {false, true}) {
    House house;
    const auto id = house.begun("hello");
    if (restarts) {
      house.close();
      house.open();
    }
    const auto upload = house->claim(id, 0);
    REQUIRE(upload);
    const auto kept = house->finish(**upload, "team/a", sha512_of("hello"));
    CHECK(kept == oci::sha256_of("hello"));
    CHECK(read_text(house.tree().link(*kept)) == *kept);
    CHECK(read_text(house.tree().link(sha512_of("hello"))) == *kept);
  }
}

TEST_CASE("storage uploads: other bytes than those of the digest become nothing") {
  House house;
  for (const auto& digest : {oci::sha256_of("other"), sha512_of("other")}) {
    const auto id = house.begun("hello");
    {
      const auto upload = house->claim(id, 0);
      REQUIRE(upload);
      CHECK(house->finish(**upload, "team/a", digest).error() == Fault::mismatch);
    }
    CHECK_FALSE(fs::exists(house.partial(id)));
    CHECK_FALSE(fs::exists(house.tree().link(digest)));
  }
  CHECK_FALSE(fs::exists(house.tree().root() / "docker/registry/v2/blobs"));
}

TEST_CASE("storage uploads: a blob that is there is replaced, as it may be damaged") {
  House house;
  const auto digest = house.tree().add("hello");
  write_text(house.tree().blob(digest), "damaged");
  const auto upload = house->claim(house.begun("hello"), 0);
  CHECK(house->finish(**upload, "team/b", digest) == digest);
  CHECK(read_text(house.tree().blob(digest)) == "hello");
}

TEST_CASE("storage uploads: one request at a time") {
  House house;
  const auto id = house.begun("hello");
  auto first = house->claim(id, 0);
  REQUIRE(first);
  CHECK(house->claim(id, 0).error() == Fault::busy);
  (*first)->leave();
  CHECK(house->claim(id, 0));
}

TEST_CASE("storage uploads: what the disk has no room for is refused before it comes") {
  House house;
  const auto id = house.begun("hello");
  CHECK(house->claim(id, std::uint64_t{1} << 60U).error() == Fault::full);
  CHECK_FALSE(fs::exists(house.partial(id)));
  CHECK(house->claim(id, 0).error() == Fault::unknown);
}

TEST_CASE("storage uploads: an empty directory becomes a registry's at the start, in one step") {
  House house;
  CHECK(fs::is_directory(house.tree().root() / "docker/registry/v2/repositories"));
  CHECK_FALSE(problem_of(house.tree().root()));
  CHECK(fs::is_empty(house.tree().root() / kUploads));
}

TEST_CASE("storage uploads: mounts") {
  House house;
  const auto digest = house.tree().add("hello");
  CHECK(house->mount("team/b", digest, "team/a") == Uploads::Mount::done);
  CHECK(read_text(house.tree().root() / link_path("team/b", digest)) == digest);
  CHECK(house->mount("team/b", oci::sha256_of("x"), "team/a") == Uploads::Mount::absent);
  fs::remove(house.tree().blob(digest));
  CHECK(house->mount("team/c", digest, "team/a") == Uploads::Mount::absent);
  Tree::put(house.tree().link(digest), "x");
  CHECK(house->mount("team/c", digest, "team/a") == Uploads::Mount::doubtful);
  CHECK_FALSE(fs::exists(house.tree().root() / link_path("team/c", digest)));
}

TEST_CASE("storage uploads: another directory in place of the storage is not written to") {
  House house;
  const auto id = house.begun("hello");
  const auto away = house.tree().root().parent_path() / "away";
  fs::rename(house.tree().root(), away);
  CHECK(house->begin().error() == Fault::no_root);
  fs::create_directories(house.tree().root() / kUploads);
  CHECK(house->begin().error() == Fault::no_root);
  CHECK(house->claim(id, 0).error() == Fault::no_root);
  CHECK(house->mount("team/b", oci::sha256_of("x"), "team/a") == Uploads::Mount::doubtful);
  fs::remove_all(house.tree().root());
  fs::rename(away, house.tree().root());
  const auto upload = house->claim(id, 0);
  REQUIRE(upload);
  CHECK(house->finish(**upload, "team/a", oci::sha256_of("hello")));
}

TEST_CASE("storage uploads: a second one on the same directory is refused") {
  House house;
  const auto second = Uploads::open(house.tree().root(), 10, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().find("is another layergate writing to this storage?") != std::string::npos);
}

TEST_CASE("storage uploads: what nobody has gone on with for a week is removed") {
  House house;
  const auto old = house.begun("old");
  const auto busy = house.begun("busy");
  const auto fresh = house.begun("fresh");
  const timespec long_ago{std::time(nullptr) - std::chrono::seconds(Uploads::kKept).count() - 60,
                          0};
  const timespec times[2] = {long_ago, long_ago};
  const auto upload = house->claim(busy, 0);
  for (const auto& id : {old, busy}) {
    REQUIRE(::utimensat(AT_FDCWD, house.partial(id).c_str(), times, 0) == 0);
  }
  house->purge();
  CHECK_FALSE(fs::exists(house.partial(old)));
  CHECK(fs::exists(house.partial(busy)));
  CHECK(fs::exists(house.partial(fresh)));
  CHECK(house->claim(old, 0).error() == Fault::unknown);
}

}  // namespace layergate::storage

#include "storage/layout.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::storage {

namespace fs = std::filesystem;

TEST_CASE("storage layout: paths are those of registry/storage/paths.go") {
  const std::string hex(64, 'a');
  CHECK(link_path("team/a", "sha256:" + hex) ==
        "docker/registry/v2/repositories/team/a/_layers/sha256/" + hex + "/link");
  CHECK(blob_path("sha256:" + hex) == "docker/registry/v2/blobs/sha256/aa/" + hex + "/data");
  CHECK(link_path("a", "sha512:" + hex + hex).find("/_layers/sha512/" + hex) != std::string::npos);
}

TEST_CASE("storage layout: what is no registry's root is said") {
  const TempDir dir;
  const auto root = dir / "root";
  CHECK(problem_of(root) == "does not exist");
  write_text(root, "");
  CHECK(problem_of(root) == "is not a directory");
  fs::remove(root);

  fs::create_directories(root / "lost+found");
  fs::create_directories(root / kUploads);
  CHECK_FALSE(problem_of(root));
  fs::create_directories(root / "other");
  CHECK(problem_of(root)->starts_with("holds no docker/registry/v2: it must be"));
  fs::create_directories(root / "repositories");
  CHECK(problem_of(root)->starts_with("is docker/registry/v2 itself"));

  const auto top = root / "docker/registry/v2";
  fs::create_directories(top);
  CHECK(problem_of(root) == "holds no docker/registry/v2/repositories");
  fs::create_directories(top / "blobs");
  CHECK(problem_of(root) == "holds no docker/registry/v2/repositories");
  fs::create_directories(top / "repositories");
  CHECK_FALSE(problem_of(root));
  fs::remove(top / "blobs");
  CHECK_FALSE(problem_of(root));
  write_text(top / "blobs", "");
  CHECK(problem_of(root)->starts_with("holds docker/registry/v2/blobs, which cannot be read"));
}

TEST_CASE("storage layout: what cannot be written to is said") {
  const TempDir dir;
  const auto top = dir / "docker/registry/v2";
  CHECK_FALSE(problem_of_writing(dir.path()));
  fs::create_directories(top / "repositories");
  CHECK_FALSE(problem_of_writing(dir.path()));
  fs::create_directories(dir / "elsewhere");
  fs::create_directory_symlink(dir / "elsewhere", top / "blobs");
  CHECK(problem_of_writing(dir.path()) ==
        "holds docker/registry/v2/blobs, which is not a directory");
  fs::remove(top / "blobs");
  write_text(dir / "layergate", "");
  CHECK(problem_of_writing(dir.path()) == "holds layergate, which is not a directory");
}

}  // namespace layergate::storage

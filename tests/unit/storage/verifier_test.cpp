#include "storage/verifier.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "storage/storage.h"
#include "tests/unit/storage/tree.h"

namespace layergate::storage {
namespace {

void wait_until(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!is_so()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

FileIdentity identity(const BlobFiles& files, const std::string& digest) {
  const auto file = files.find("team/a", digest, Wait::yes);
  REQUIRE(file.has_value());
  return file->identity;
}

}  // namespace

TEST_CASE("verifier: a file is compared with its digest, and again when it has changed") {
  const Tree tree;
  const auto digest = tree.add("weights");
  const BlobFiles files(tree.root());
  Verifier verifier(files);
  const auto first = identity(files, digest);
  CHECK_FALSE(verifier.verdict(first, digest));
  verifier.read("team/a", digest);
  wait_until([&] { return verifier.verdict(first, digest).has_value(); });
  CHECK(verifier.verdict(first, digest) == true);
  CHECK_FALSE(verifier.verdict(first, oci::sha256_of("other")));

  write_text(tree.blob(digest), "weightz");  // as long as before, in the same file
  const auto second = identity(files, digest);
  CHECK_FALSE(verifier.verdict(second, digest));
  verifier.read("team/a", digest);
  wait_until([&] { return verifier.verdict(second, digest).has_value(); });
  CHECK(verifier.verdict(second, digest) == false);
  CHECK(verifier.good() == 1);
  CHECK(verifier.bad() == 1);
}

TEST_CASE("verifier: a sha512 is compared as such") {
  const Tree tree;
  const auto kept = tree.add("abc");
  const std::string digest =
      "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
  const auto wrong = "sha512:" + std::string(128, 'a');
  Tree::put(tree.link(digest), kept);
  Tree::put(tree.link(wrong), kept);
  const BlobFiles files(tree.root());
  Verifier verifier(files);
  const auto file = identity(files, kept);
  verifier.read("team/a", digest);
  verifier.read("team/a", wrong);
  wait_until([&] { return verifier.good() + verifier.bad() == 2; });
  CHECK(verifier.verdict(file, digest) == true);
  CHECK(verifier.verdict(file, wrong) == false);
}

TEST_CASE("storage: with verify: first, a file is served only when its bytes are known") {
  const Tree tree;
  const auto digest = tree.add("weights");
  config::Storage config;
  config.root = tree.root();
  Storage storage(config, 10);
  const auto reason = [&](bool is_wanted) {
    const auto found = storage.find("team/a", digest, Wait::yes, is_wanted);
    return found ? std::string("found") : std::string(to_string(found.error()));
  };
  CHECK(reason(false) == "unverified");
  CHECK(storage.metrics_text().find("layergate_storage_verified_total 0\n") != std::string::npos);
  CHECK(reason(true) == "unverified");
  wait_until([&] { return reason(true) == "found"; });
  write_text(tree.blob(digest), "short");
  CHECK(reason(true) == "unverified");
  wait_until([&] { return reason(true) == "damaged"; });
  std::filesystem::remove(tree.blob(digest));
  CHECK(reason(true) == "no_file");
  CHECK(storage.problem().empty());
  std::filesystem::rename(tree.root(), tree.root().string() + "2");
  CHECK(reason(true) == "no_root");
  CHECK(storage.problem().find("is not there") != std::string::npos);
}

TEST_CASE("storage: with verify: off, a file is believed") {
  const Tree tree;
  const auto digest = tree.add("weights");
  write_text(tree.blob(digest), "other");
  config::Storage config;
  config.root = tree.root();
  config.verify = config::Verify::off;
  Storage storage(config, 10);
  CHECK(storage.find("team/a", digest, Wait::yes, true).has_value());
}

}  // namespace layergate::storage

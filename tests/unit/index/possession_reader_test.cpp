#include "index/possession_reader.h"

#include <set>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "index/store.h"
#include "tests/unit/index/facts.h"
#include "tests/unit/temp_dir.h"

namespace layergate::index {
namespace {

const Seconds kBlobAt{std::chrono::seconds{1'700'000'000}};
const Seconds kManifestAt{std::chrono::seconds{1'800'000'000}};

void make(const std::filesystem::path& file, int count) {
  Store store(file, Store::Mode::write);
  store.begin();
  const PossessionRecord held[] = {{"ci", {kBlobAt, kManifestAt}}};
  for (int i = 0; i < count; ++i) store.put_possessions("a/b", digest_of(std::to_string(i)), held);
  store.commit();
}

SQLite::Database open(const std::filesystem::path& file) {
  return SQLite::Database(file.string(), SQLite::OPEN_READWRITE);
}

}  // namespace

TEST_CASE("possession reader: each row comes once, and then the end, as often as it is asked") {
  for (const int count : {0, 1, 1024, 2500}) {
    CAPTURE(count);
    const TempDir dir;
    make(dir / "index.db", count);
    PossessionReader reader(open(dir / "index.db"));
    std::set<std::string> found;
    for (auto rows = reader.next(); !rows.empty(); rows = reader.next()) {
      for (const auto& row : rows) {
        CHECK(found.insert(row.digest.text()).second);
        CHECK(row.repository == 1);
        CHECK(row.account == 1);
        CHECK(row.at == std::array{kBlobAt, kManifestAt});
      }
    }
    CHECK(found.size() == static_cast<std::size_t>(count));
    CHECK((count == 0 || found.contains(digest_of(std::to_string(count - 1)))));
    CHECK(reader.next().empty());
  }
}

TEST_CASE("possession reader: those of one repository") {
  const TempDir dir;
  make(dir / "index.db", 3);
  {
    Store store(dir / "index.db", Store::Mode::write);
    store.begin();
    const PossessionRecord held[] = {{"ci", {kBlobAt, kManifestAt}}};
    store.put_possessions("a/c", digest_of("7"), held);
    store.commit();
  }
  const auto read = [&](std::int64_t repository) {
    PossessionReader reader(open(dir / "index.db"), repository);
    std::set<std::string> found;
    for (const auto& row : reader.next()) found.insert(row.digest.text());
    return found;
  };
  CHECK(read(1).size() == 3);
  CHECK(read(2) == std::set{digest_of("7")});
  CHECK(read(-1).empty());
}

TEST_CASE("possession reader: one that is not read to its end ends, also while it waits") {
  const TempDir dir;
  make(dir / "index.db", 1);
  {
    auto database = open(dir / "index.db");
    database.exec(
        "INSERT INTO possessions WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 20000) SELECT 1, CAST(printf('%032d', i) AS BLOB), 1, 1, 1 FROM n");
  }
  constexpr std::size_t kMostAhead = 2;
  for (int batches = 0; batches < 3; ++batches) {
    PossessionReader reader(open(dir / "index.db"), std::nullopt, kMostAhead);
    for (int i = 0; i < batches; ++i) CHECK_FALSE(reader.next().empty());
  }
  PossessionReader reader(open(dir / "index.db"), std::nullopt, kMostAhead);
  std::size_t count = 0;
  for (auto rows = reader.next(); !rows.empty(); rows = reader.next()) count += rows.size();
  CHECK(count == 20'001);
}

TEST_CASE("possession reader: what reading throws is thrown to who asks, and again") {
  const TempDir dir;
  make(dir / "index.db", 1);
  {
    auto database = open(dir / "index.db");
    database.exec("DROP TABLE possessions");
  }
  PossessionReader reader(open(dir / "index.db"));
  CHECK_THROWS_AS(static_cast<void>(reader.next()), std::runtime_error);
  CHECK_THROWS_AS(static_cast<void>(reader.next()), std::runtime_error);
}

}  // namespace layergate::index

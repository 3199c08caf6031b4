#include "records/verification.h"

#include <doctest/doctest.h>

#include "tests/unit/records/rows.h"
#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

class Written {
 public:
  explicit Written(int count) : file(dir_ / "records.db") {
    Ledger ledger(file);
    for (int i = 1; i <= count; ++i) {
      append(ledger, {pull("user" + std::to_string(i), "team/a:v" + std::to_string(i))});
    }
  }

 private:
  TempDir dir_;

 public:
  const std::filesystem::path file;
};

}  // namespace

TEST_CASE("verify: what was only written fits, also when there is nothing") {
  CHECK(verify(Written(0).file).ok());
  const Written written(10);
  const auto verified = verify(written.file);
  CHECK(verified.ok());
  CHECK(verified.first == 1);
  CHECK(verified.last == 10);
  CHECK(verified.head.size() == 64);
}

TEST_CASE("verify: every column of a row is in its hash") {
  for (const std::string set : {"at = at + 1",
                                "user = 0",
                                "verified = 0",
                                "address = x'c0000208'",
                                "method = 0",
                                "action = 1",
                                "repository = 0",
                                "reference = -2",
                                "digest = zeroblob(32)",
                                "digest = NULL",
                                "tag = 0",
                                "status = 201",
                                "code = 2",
                                "bytes_in = 1",
                                "bytes_out = 1",
                                "microseconds = 1",
                                "requests = 2",
                                "allowed = 0",
                                "complete = 0",
                                "reason = 0",
                                "rule = 0",
                                "user_agent = 0",
                                "trace = NULL",
                                "detail = 'x'",
                                "hash = zeroblob(32)"}) {
    CAPTURE(set);
    const Written written(5);
    tamper(written.file, "UPDATE records SET " + set + " WHERE id = 3");
    const auto verified = verify(written.file);
    CHECK(verified.wrong_row == 3);
    CHECK(verified.wrong.find("row 3 was changed") != std::string::npos);
  }
}

TEST_CASE("verify: a text that rows share is in their hashes too") {
  const Written written(5);
  tamper(written.file, "UPDATE texts SET text = 'mallory' WHERE text = 'user2'");
  CHECK(verify(written.file).wrong_row == 2);
}

TEST_CASE("verify: rows that were removed, put in, swapped or cut off") {
  const Written written(10);
  std::string expected;
  std::int64_t row = 0;
  SUBCASE("removed in the middle") {
    tamper(written.file, "DELETE FROM records WHERE id = 4");
    expected = "row 4 was removed";
    row = 4;
  }
  SUBCASE("several removed in the middle") {
    tamper(written.file, "DELETE FROM records WHERE id BETWEEN 4 AND 6");
    expected = "rows 4 to 6 were removed";
    row = 4;
  }
  SUBCASE("removed and the others moved up") {
    tamper(written.file,
           "DELETE FROM records WHERE id = 4; UPDATE records SET id = id - 1 WHERE id > 4");
    expected = "row 4 was changed";
    row = 4;
  }
  SUBCASE("removed at the end") {
    tamper(written.file, "DELETE FROM records WHERE id > 8");
    expected = "rows 9 to 10 at the end were removed";
    row = 9;
  }
  SUBCASE("all removed") {
    tamper(written.file, "DELETE FROM records");
    expected = "rows 1 to 10 at the end were removed";
    row = 1;
  }
  SUBCASE("removed at the begin") {
    tamper(written.file, "DELETE FROM records WHERE id < 3");
    expected = "rows 1 to 2 were removed";
    row = 1;
  }
  SUBCASE("removed at the begin, as the retention would") {
    tamper(written.file,
           "UPDATE chain SET id = 2, hash = (SELECT hash FROM records WHERE id = 2) WHERE place = "
           "'anchor'; DELETE FROM records WHERE id < 3");
    expected = "not by the retention";
    row = 2;
  }
  SUBCASE("swapped") {
    tamper(written.file,
           "UPDATE records SET id = 99 WHERE id = 4; UPDATE records SET id = 4 WHERE id = 5;"
           "UPDATE records SET id = 5 WHERE id = 99");
    expected = "row 4 was changed";
    row = 4;
  }
  SUBCASE("put in behind the end") {
    tamper(written.file,
           "CREATE TEMP TABLE one AS SELECT * FROM records WHERE id = 4; UPDATE one SET id = 11;"
           "INSERT INTO records SELECT * FROM one");
    expected = "put in behind the end";
    row = 11;
  }
  SUBCASE("the end is another") {
    tamper(written.file, "UPDATE chain SET hash = zeroblob(32) WHERE place = 'head'");
    expected = "the end of the chain was changed";
    row = 10;
  }
  const auto verified = verify(written.file);
  CHECK(verified.wrong_row == row);
  CHECK(verified.wrong.find(expected) != std::string::npos);
  CAPTURE(verified.wrong);
}

TEST_CASE("verify: what was noted elsewhere finds a cut whose traces were removed") {
  const Written written(10);
  auto database = open_database(written.file, sqlite::Mode::read);
  const auto noted = head_of(database);
  CHECK(verify(written.file, noted).ok());
  SUBCASE("cut off, and the end set back") {
    tamper(written.file,
           "DELETE FROM records WHERE id > 8; UPDATE chain SET id = 8, hash = (SELECT hash FROM "
           "records WHERE id = 8) WHERE place = 'head'");
    CHECK(verify(written.file).ok());  // by the file alone nobody can tell
    CHECK(verify(written.file, noted).wrong_row == 9);
  }
  SUBCASE("made anew with another row") {
    std::filesystem::remove(written.file);
    std::filesystem::remove(written.file.string() + "-wal");
    std::filesystem::remove(written.file.string() + "-shm");
    Ledger ledger(written.file);
    for (int i = 0; i < 12; ++i) append(ledger, {pull("mallory", "a:b")});
    CHECK(verify(written.file).ok());
    CHECK(verify(written.file, noted).wrong_row == 10);
  }
  SUBCASE("and what came since is in order") {
    Ledger ledger(written.file);
    append(ledger, {pull("alice", "a:b")});
    CHECK(verify(written.file, noted).ok());
  }
}

}  // namespace layergate::records

#include "records/past_records.h"

#include <fstream>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::records {
namespace {

AccessRecord record() {
  AccessRecord made;
  made.time = *parse_time("2026-06-01T12:00:00.250Z");
  made.trace = "t-1";
  made.user = "alice \"a\"";
  made.address = *IpAddress::parse("10.1.2.3");
  made.method = "GET";
  made.action = "pull";
  made.repository = "team/app";
  made.reference = "v1";
  made.tag = "v1";
  made.status = 200;
  made.allowed = true;
  made.reason = "rule";
  made.rule = "all (acl.yml:4)";
  return made;
}

}  // namespace

TEST_CASE("records: a record is read back as it was written") {
  const auto line = record().to_json();
  const auto read = parse_record(line);
  REQUIRE(read);
  CHECK(read->to_json() == line);
}

TEST_CASE("records: what is no record is told apart") {
  CHECK(parse_record("{").error() == "is no JSON");
  CHECK(parse_record("[]").error() == "is no record");
  CHECK(parse_record("{}").error() == "has no time");
  auto line = record().to_json();
  line.replace(line.find("10.1.2.3"), 8, "nowhere!");
  CHECK(parse_record(line).error() == "has no address");
}

TEST_CASE("records: files are read with what was rotated out of them") {
  const TempDir dir;
  const auto file = dir.path() / "access.log";
  const auto line = record().to_json();
  std::ofstream(file) << line << "\n\n"
                      << R"({"time":"2026-06-01T12:00:00Z","event":"refusals summarised"})"
                      << "\n"
                      << line << "\n"
                      << line.substr(0, 40);
  std::ofstream(dir.path() / "access.1.log") << line << "\n";
  CHECK(rotated_files(file).size() == 2);
  int seen = 0;
  const auto read = read_records(file, [&](const AccessRecord& each) {
    ++seen;
    CHECK(each.repository == "team/app");
  });
  REQUIRE(read);
  CHECK(seen == 2);
  CHECK(read->records == 2);
  CHECK(read->others == 1);
  CHECK(read->damaged == 1);
  CHECK(read->first_damage == file.string() + ":5: is no JSON");
  CHECK(read_records(dir.path() / "none", {}).error().find("cannot be read") != std::string::npos);
  CHECK(read_records(dir.path(), {}).error().find("is a directory") != std::string::npos);
}

}  // namespace layergate::records

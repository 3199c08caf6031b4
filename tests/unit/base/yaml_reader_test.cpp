#include "base/yaml_reader.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::yaml {
namespace {

// One value read by `read`; its problem, if there was one, is in `problem`.
struct Read {
  std::string problem;

  template <typename Function>
  auto operator()(const std::string& text, Function function) {
    std::vector<Problem> problems;
    Reader reader{"f.yml", problems};
    const auto tree = parse("v: " + text + "\n", "f.yml");
    REQUIRE(tree);
    auto value = function(reader, *tree->find("v"));
    CHECK(problems.size() == (value ? 0 : 1));
    problem = problems.empty() ? "" : problems.front().to_string();
    return value;
  }
};

}  // namespace

TEST_CASE("yaml reader: durations and sizes carry their units") {
  using std::chrono::milliseconds;
  Read read;
  const auto duration = [](Reader& r, const Node& n) { return r.duration(n, "ttl"); };
  CHECK(read("250ms", duration) == milliseconds{250});
  CHECK(read("30s", duration) == milliseconds{30'000});
  CHECK(read("5m", duration) == milliseconds{300'000});
  CHECK(read("12h", duration) == milliseconds{43'200'000});
  CHECK(read("7d", duration) == milliseconds{604'800'000});
  CHECK(read("0", duration) == milliseconds{0});
  for (const char* bad : {"5", "5 m", "-5m", "1.5h", "m", "5w", "99999999999999999999d", "3651d"}) {
    CAPTURE(std::string{bad});
    CHECK_FALSE(read(bad, duration));
  }
  CHECK(read.problem ==
        "f.yml:1:4: ttl must be a duration like 250ms, 30s, 5m, 12h or 7d, and is \"3651d\"");

  const auto size = [](Reader& r, const Node& n) { return r.size(n, "limit"); };
  CHECK(read("4096", size) == 4096U);
  CHECK(read("64KiB", size) == 65536U);
  CHECK(read("4MiB", size) == 4U << 20);
  CHECK(read("1TiB", size) == std::uint64_t{1} << 40);
  for (const char* bad : {"4MB", "4 MiB", "-1", "1.5GiB", "9999999TiB", "18446744073709551616"}) {
    CAPTURE(std::string{bad});
    CHECK_FALSE(read(bad, size));
  }
}

TEST_CASE("yaml reader: numbers, truths and texts are what they say") {
  Read read;
  const auto integer = [](Reader& r, const Node& n) { return r.integer(n, "workers", 0, 256); };
  CHECK(read("0", integer) == 0);
  CHECK(read("256", integer) == 256);
  for (const char* bad : {"257", "-1", "1e2", "0x10", "one", "[1]", ""}) {
    CHECK_FALSE(read(bad, integer));
  }
  const auto boolean = [](Reader& r, const Node& n) { return r.boolean(n, "enabled"); };
  CHECK(read("true", boolean) == true);
  CHECK(read("false", boolean) == false);
  for (const char* bad : {"yes", "no", "on", "True", "1", "\"true\"", ""}) {
    CHECK_FALSE(read(bad, boolean));
  }
  const auto text = [](Reader& r, const Node& n) { return r.text(n, "realm"); };
  CHECK(read("x y", text) == "x y");
  CHECK(read("\"\"", text) == "");
  CHECK_FALSE(read("", text));
  CHECK(read.problem == "f.yml:1:1: realm must be text, and is nothing");
  const auto texts = [](Reader& r, const Node& n) { return r.texts(n, "names"); };
  CHECK(read("[a, b]", texts) == std::vector<std::string>{"a", "b"});
  CHECK(read("[]", texts)->empty());
  CHECK_FALSE(read("a", texts));
  CHECK(read.problem == "f.yml:1:4: names must be a list: write [\"a\"], and is \"a\"");
  CHECK_FALSE(read("[a, {b: c}]", texts));
  CHECK(read.problem == "f.yml:1:8: each item of names must be text, and is a map");
}

TEST_CASE("yaml reader: addresses, networks and times are read") {
  Read read;
  const auto address = [](Reader& r, const Node& n) { return r.address(n, "from"); };
  CHECK(read("10.1.2.3", address)->to_string() == "10.1.2.3");
  CHECK_FALSE(read("10.1.2.0/24", address));
  const auto networks = [](Reader& r, const Node& n) { return r.networks(n, "from"); };
  CHECK(read("[10.0.0.0/8, \"::1\"]", networks)->size() == 2);
  CHECK_FALSE(read("[10.0.0.1/8]", networks));
  CHECK_FALSE(read("10.0.0.0/8", networks));
  const auto time = [](Reader& r, const Node& n) { return r.time(n, "expires"); };
  CHECK(read("2027-01-31", time) == parse_time("2027-01-31"));
  CHECK_FALSE(read("2027-01-32", time));
}

TEST_CASE("yaml reader: all problems are collected, and unknown keys get a suggestion") {
  std::vector<Problem> problems;
  Reader reader{"f.yml", problems};
  const auto tree = parse("listen: 1\nwrokers: 2\nzzz: 3\n", "f.yml");
  CHECK(reader.map(*tree, "the file", {"listen", "workers"}));
  REQUIRE(problems.size() == 2);
  CHECK(problems[0].to_string() ==
        "f.yml:2:1: unknown key \"wrokers\" in the file; did you mean \"workers\"?");
  CHECK(problems[1].to_string() ==
        "f.yml:3:1: unknown key \"zzz\" in the file; known are listen, workers");
  CHECK_FALSE(reader.map(*tree->find("listen"), "listen", {}));
  CHECK(problems.size() == 3);
}

TEST_CASE("yaml reader: an empty section is a section, a missing value is none") {
  std::vector<Problem> problems;
  Reader reader{"f.yml", problems};
  const auto tree = parse("a:\n", "f.yml");
  CHECK(reader.section_map(*tree->find("a"), "a"));
  CHECK(reader.section_list(*tree->find("a"), "a"));
  CHECK(problems.empty());
  CHECK_FALSE(reader.list(*tree->find("a"), "a"));
  CHECK(problems.size() == 1);
}

TEST_CASE("yaml reader: into() leaves the target when there is no value") {
  int target = 7;
  Reader::into(target, std::optional<int>{});
  CHECK(target == 7);
  Reader::into(target, std::optional<int>{8});
  CHECK(target == 8);
}

TEST_CASE("yaml reader: an overlong value is shown short") {
  Read read;
  CHECK_FALSE(read(std::string(1000, 'x'),
                   [](Reader& r, const Node& n) { return r.boolean(n, "enabled"); }));
  CHECK(read.problem.size() < 200);
}

}  // namespace layergate::yaml

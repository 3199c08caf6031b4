// What comes back from the compiled form is the policy that went in, or nothing.
#include "acl/compiled_form.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/read_file.h"
#include "tests/unit/acl/policy_text.h"
#include "tests/unit/acl/random_world.h"

namespace layergate::acl {
namespace {

using random_world::World;

const std::string kKey(kFormKey, 'a');

// Something of each kind that a form holds.
const std::string kOfAll =
    "version: 1\n"
    "unregistered: push\n"
    "users:\n"
    "  alice: {permissions: [view, pull], since: 2026-01-01, expires: 2027-01-01}\n"
    "  a-name-that-is-longer-than-one-that-lies-in-the-account: {permissions: [admin]}\n"
    "  ci: {permissions: [view, push], from: [10.0.0.0/8, 2001:db8::/32]}\n"
    "  idle: {permissions: [view], enabled: false}\n"
    "groups: {a: [alice, ci], b: [alice], c: [alice], d: [alice], e: [alice]}\n"
    "rules:\n"
    "  - {name: first, who: [\"@a\", \"@b\", \"@c\", \"@d\", \"@e\"], images: [\"m/**:7b-*\"],"
    " allow: [view, pull]}\n"
    "  - {who: [\"*\", alice], images: [\"m/x:*-fp16\", \"m/*/y\"], deny: [pull], reason: why,"
    " expires: 2026-12-01}\n"
    "  - {who: [ci], images: [\"m/x\"], allow: [push], from: [10.1.0.0/16]}\n"
    "  - {who: [idle], images: [\"m/x\"], allow: [pull]}\n"
    "immutable: [\"release/**\"]\n"
    "tests:\n"
    "  - {user: alice, action: pull, image: \"m/x:7b-1\", expect: allow, at: 2026-06-01}\n"
    "  - {user: ci, action: push, image: \"m/x:1\", expect: allow, from: 10.1.2.3}\n";

Compiled made_of(const std::string& text) {
  auto kept = parse_and_keep({{"acl.yml", text}}, kTestNow, {"once/**"});
  REQUIRE_MESSAGE(kept.result.policy != nullptr, as_lines(kept.result.errors));
  return *kept.compiled;
}

Compiled again(const Compiled& compiled) {
  auto read = from_form(to_form(compiled, kKey), kKey);
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error()));
  return *std::move(read);
}

void check_same(const Decision& a, const Decision& b) {
  REQUIRE(a.allowed == b.allowed);
  REQUIRE(a.reason == b.reason);
  REQUIRE(a.to_string() == b.to_string());
  REQUIRE((a.rule == nullptr) == (b.rule == nullptr));
  if (a.rule != nullptr) REQUIRE(a.rule->reason == b.rule->reason);
}

}  // namespace

TEST_CASE("compiled form: random policies answer as the fresh ones") {
  for (unsigned seed = 0; seed < 150; ++seed) {
    World world{seed};
    CAPTURE(world.text());
    const auto made = made_of(world.text());
    const auto back = again(made);
    const auto& fresh = *made.policy;
    const auto& read = *back.policy;
    REQUIRE(read.accounts() == fresh.accounts());
    REQUIRE(read.rule_count() == fresh.rule_count());
    for (int i = 0; i < 200; ++i) {
      const auto user = world.some_user();
      const Principal who{user, world.some_address(), world.some_time()};
      const auto action = world.some_action();
      const auto name = world.some_name();
      const auto tag = world.some_tag();
      check_same(read.admit(who), fresh.admit(who));
      check_same(read.decide(who, action, name, tag), fresh.decide(who, action, name, tag));
      check_same(read.decide_some_tag(who, action, name), fresh.decide_some_tag(who, action, name));
      check_same(read.decide_every_tag(who, action, name),
                 fresh.decide_every_tag(who, action, name));
      REQUIRE(read.is_immutable(name, tag) == fresh.is_immutable(name, tag));
      REQUIRE(read.has_immutable(name) == fresh.has_immutable(name));
      REQUIRE(read.is_admin(user) == fresh.is_admin(user));
      const auto ranges = fresh.allowed_ranges(user, action, name, 4);
      const auto same = read.allowed_ranges(user, action, name, 4);
      REQUIRE(ranges.has_value() == same.has_value());
      if (ranges) REQUIRE(ranges->size() == same->size());
    }
  }
}

TEST_CASE("compiled form: everything that a policy holds comes back") {
  const auto made = made_of(kOfAll);
  const auto back = again(made);
  const auto& fresh = *made.policy;
  const auto& read = *back.policy;
  CHECK(to_form(back, kKey) == to_form(made, kKey));
  CHECK(read.since("alice") == fresh.since("alice"));
  CHECK(read.is_admin("a-name-that-is-longer-than-one-that-lies-in-the-account"));
  CHECK(read.may_push_unregistered());
  CHECK(read.covers("once/x", "1"));
  CHECK_FALSE(read.covers("never/x", "1"));
  const auto ask = [&](std::string_view account, std::string_view from, std::string_view time) {
    check_same(read.decide(Asked::who(account, from, time), Action::push, "m/x", "7b-fp16"),
               fresh.decide(Asked::who(account, from, time), Action::push, "m/x", "7b-fp16"));
    check_same(read.decide(Asked::who(account, from, time), Action::pull, "m/x", "7b-fp16"),
               fresh.decide(Asked::who(account, from, time), Action::pull, "m/x", "7b-fp16"));
  };
  for (const auto* account : {"alice", "ci", "idle", "stranger"}) {
    for (const auto* from : {"10.1.0.1", "10.2.0.1", "2001:db8::1", "192.0.2.1"}) {
      for (const auto* time : {"2026-06-01", "2026-12-02", "2027-01-02"}) ask(account, from, time);
    }
  }
}

TEST_CASE("compiled form: warnings are those of the hour") {
  const auto back = again(made_of(kOfAll));
  for (const auto* time : {"2026-06-01", "2026-12-02", "2027-01-02"}) {
    CAPTURE(time);
    const auto now = *parse_time(time);
    const auto result = back.result(now);
    REQUIRE(result.has_value());
    CHECK(as_lines(result->warnings) ==
          as_lines(parse({{"acl.yml", kOfAll}}, now, {"once/**"}).warnings));
  }
}

TEST_CASE("compiled form: the policy's tests are asked at the time of loading") {
  const auto back =
      again(made_of("version: 1\nusers: {a: {permissions: [pull], expires: 2026-12-01}}\n"
                    "rules: [{who: [a], images: [x], allow: [pull]}]\n"
                    "tests: [{user: a, action: pull, image: \"x:1\", expect: allow}]\n"));
  CHECK(back.result(*parse_time("2026-11-01")).has_value());
  CHECK_FALSE(back.result(*parse_time("2026-12-02")).has_value());
}

TEST_CASE("compiled form: another key is refused") {
  const auto form = to_form(made_of(kOfAll), kKey);
  CHECK_FALSE(from_form(form, std::string(kFormKey, 'b')).has_value());
  CHECK_FALSE(is_form_of(form, std::string(kFormKey, 'b')));
  CHECK(is_form_of(form, kKey));
}

TEST_CASE("compiled form: damage to any byte, and any shorter or longer file, is refused") {
  const auto form = to_form(made_of(kOfAll), kKey);
  for (std::size_t at = 0; at < form.size(); ++at) {
    CAPTURE(at);
    auto damaged = form;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    REQUIRE_FALSE(from_form(damaged, kKey).has_value());
    REQUIRE_FALSE(from_form(std::string_view(form).substr(0, at), kKey).has_value());
  }
  CHECK_FALSE(from_form(form + '\0', kKey).has_value());
}

// Seeds that are refused at once would leave the fuzzer to find the form by chance. When the form
// has changed, LAYERGATE_WRITE_SEEDS=1 makes them anew, each from the policy of its name in
// corpus/acl.
TEST_CASE("compiled form: the fuzzer's seeds are what is written today") {
  const std::filesystem::path corpus = LAYERGATE_SOURCE_DIR "/tests/fuzz/corpus";
  std::size_t seeds = 0;
  for (const auto& seed : std::filesystem::directory_iterator(corpus / "compiled_form")) {
    CAPTURE(seed.path());
    const auto policy = read_file(corpus / "acl" / seed.path().filename(), 1 << 20);
    REQUIRE(policy.has_value());
    const std::string_view border = "=====\n";
    const auto at = policy->find(border);
    std::vector<Source> sources{{"acl.yml", policy->substr(0, at)}};
    if (at != policy->npos) {
      sources.push_back({"acl.d/x.yml", policy->substr(at + border.size())});
    }
    const auto kept = parse_and_keep(sources, kTestNow, {});
    REQUIRE(kept.compiled != nullptr);
    const auto body = to_form(*kept.compiled, kKey).substr(kFormHead);
    if (std::getenv("LAYERGATE_WRITE_SEEDS") != nullptr) std::ofstream(seed.path()) << body;
    CHECK(read_file(seed.path(), 1 << 20) == body);
    ++seeds;
  }
  CHECK(seeds == 5);
}

}  // namespace layergate::acl

#include "acl/policy_tests.h"

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {
namespace {

const std::string kPolicy = R"(version: 1
users:
  alice: {permissions: [pull]}
  ci: {permissions: [pull, push], from: [10.0.0.0/8]}
  guest: {permissions: [pull], expires: 2027-01-31T00:00:00Z}
rules:
  - {name: all pull, who: ["*"], images: ["m:*"], allow: [pull, push]}
  - {name: no releases, who: ["*"], images: ["m:*-fp16"], deny: [push]}
tests:
)";

std::string answer_to(const std::string& test) {
  const auto result = parse_text(kPolicy + "  - {" + test + "}\n");
  CHECK((result.policy == nullptr) == !result.errors.empty());
  return as_lines(result.errors);
}

}  // namespace

TEST_CASE("acl: a policy whose tests pass is loaded") {
  CHECK(answer_to("user: alice, action: pull, image: \"m:x\", expect: allow") == "");
  CHECK(answer_to("user: alice, action: push, image: \"m:x\", expect: deny") == "");
  CHECK(answer_to("user: ci, action: push, image: \"m:x\", expect: allow, from: 10.1.2.3") == "");
  CHECK(answer_to("user: ci, action: push, image: \"m:x\", expect: deny, from: 192.0.2.1") == "");
  CHECK(answer_to("user: guest, action: pull, image: \"m:x\", expect: allow, at: 2027-01-30") ==
        "");
  CHECK(answer_to("user: guest, action: pull, image: \"m:x\", expect: deny, at: 2027-01-31") == "");
}

TEST_CASE("acl: a policy that fails one of its tests is refused, naming what decided") {
  CHECK(answer_to("user: alice, action: push, image: \"m:x\", expect: allow") ==
        "acl.yml:10:5: this test fails: alice must be allowed to push m:x, and the answer is: "
        "refused: the account's permissions do not hold it");
  CHECK(answer_to("user: alice, action: pull, image: \"m:x\", expect: deny") ==
        "acl.yml:10:5: this test fails: alice must not be allowed to pull m:x, and the answer is: "
        "allowed by all pull (acl.yml:7)");
  CHECK(answer_to("user: ci, action: push, image: \"m:a-fp16\", expect: allow, from: 10.0.0.1") ==
        "acl.yml:10:5: this test fails: ci must be allowed to push m:a-fp16, and the answer is: "
        "denied by no releases (acl.yml:8)");
  CHECK(
      answer_to("user: ci, action: push, image: \"m:x\", expect: allow") ==
      "acl.yml:10:5: this test fails: ci must be allowed to push m:x, and the answer is: refused: "
      "the account may not be used from this address (the test has no from)");
}

TEST_CASE("acl: a test that asks about nobody is a warning") {
  const auto result =
      parse_text(kPolicy + "  - {user: alcie, action: pull, image: \"m:x\", expect: deny}\n");
  CHECK(result.policy != nullptr);
  CHECK(as_lines(result.warnings) ==
        "acl.yml:10:12: there is no user \"alcie\", so this test shows little");
}

}  // namespace layergate::acl

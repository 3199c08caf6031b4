// Policies as texts, opened for questions about them.
#pragma once

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/acl/policy_text.h"

namespace layergate::acl {

inline OpenPolicy open_text(const std::string& text, WallTime now = kTestNow) {
  auto open = open_policy({{"acl.yml", text}}, now);
  REQUIRE_MESSAGE(open.policy != nullptr, as_lines(open.errors));
  return open;
}

}  // namespace layergate::acl

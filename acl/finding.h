// What is allowed in a policy and probably not meant.
#pragma once

#include <cstdint>
#include <string>

#include "base/problem.h"

namespace layergate::acl {

struct Finding {
  enum class Level : std::uint8_t {
    warning,  // something does nothing, or not for long
    note,     // worth a look
  };
  Level level = Level::warning;
  Problem problem;
  std::string advice;  // what to do, as half a sentence: "take the rule out"
};

constexpr std::string_view to_string(Finding::Level level) {
  return level == Finding::Level::warning ? "warning" : "note";
}

}  // namespace layergate::acl

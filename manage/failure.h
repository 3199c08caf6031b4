// Why an operation was not carried out.
#pragma once

#include <cstdint>
#include <string>

namespace layergate::manage {

struct Failure {
  // The program's exit codes (docs/cli.md).
  enum class Kind : std::uint8_t { denied = 1, usage = 2, invalid = 3, io = 4 };

  Kind kind = Kind::io;
  std::string what;  // one or more whole lines for a person
};

}  // namespace layergate::manage

// Why an operation was not carried out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace layergate::manage {

struct Failure {
  enum class Kind : std::uint8_t {
    denied,     // the caller has no right to it
    not_found,  // what it is about does not exist
    usage,      // what was given cannot be
    conflict,   // it would contradict what is there
    invalid,    // the configuration or the policy is not valid, or would not be
    changed,    // it was changed by somebody else meanwhile
    io,         // disk or network
  };

  Kind kind = Kind::io;
  std::string what;  // one or more whole lines for a person
};

// The program's (docs/cli.md): 1 denied or not found, 2 usage, 3 not valid, 4 disk or network.
int exit_code(Failure::Kind kind);

// What an operation answers that has nothing to tell but whether it was carried out.
using Done = tl::expected<void, Failure>;

inline tl::unexpected<Failure> failed(Failure::Kind kind, std::string what) {
  return tl::unexpected<Failure>({kind, std::move(what)});
}

}  // namespace layergate::manage

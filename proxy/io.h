// How an attempt to move bytes without waiting ended.
#pragma once

#include <cstddef>
#include <cstdint>

namespace layergate::proxy {

enum class Io : std::uint8_t { ok, again, closed, failed };

struct IoResult {
  Io io;
  std::size_t bytes;  // moved; 0 unless ok
};

}  // namespace layergate::proxy

// Why an upload cannot go on.
#pragma once

#include <cstdint>
#include <string_view>

namespace layergate::storage {

enum class Fault : std::uint8_t {
  none,
  unknown,   // there is no such upload
  busy,      // another request works on it
  mismatch,  // its bytes are not those of the digest; it is gone
  full,      // the disk, or a quota; the upload is gone
  no_root,   // the directory is not the one that was there at the start
  failed,    // the disk
};

// For the records.
constexpr std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "";
    case Fault::unknown:
      return "no such upload";
    case Fault::busy:
      return "busy";
    case Fault::mismatch:
      return "other bytes than those of the digest";
    case Fault::full:
      return "disk full";
    case Fault::no_root:
      return "storage gone";
    case Fault::failed:
      return "disk failed";
  }
  return "";
}

}  // namespace layergate::storage

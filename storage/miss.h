// Why a blob does not come from its file. The registry is asked instead, but where it is damaged.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace layergate::storage {

enum class Miss : std::uint8_t {
  would_wait,  // only with Wait::no: to be asked again where one may wait
  no_root,     // the directory itself is not there, or cannot be read
  no_link,     // the repository does not have the blob
  bad_link,    // it says another digest, or is no file
  no_file,     // the repository has it, and its bytes are gone
  no_regular_file,
  unreadable,  // by its permissions
  empty,       // no bytes, under a digest that is not that of none
  failed,      // the disk
  slow,        // the disk did not answer in time, or too much waits for it
  unverified,  // its bytes are still to be compared with its digest
  damaged,     // they are not those of its digest
  unusual,     // the request is one that is left to the registry
};
inline constexpr std::array kMisses{
    Miss::would_wait,      Miss::no_root,    Miss::no_link, Miss::bad_link, Miss::no_file,
    Miss::no_regular_file, Miss::unreadable, Miss::empty,   Miss::failed,   Miss::slow,
    Miss::unverified,      Miss::damaged,    Miss::unusual};

std::string_view to_string(Miss miss);

}  // namespace layergate::storage

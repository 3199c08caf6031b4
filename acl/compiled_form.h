// A loaded policy as bytes, and back: so that a large one is there at once at the next start.
//
// What is read was written by this very build of the program (the key holds it), so arrays lie in
// the bytes as they lie in memory. The form:
//
//    8 bytes  "LGPOLICY"
//   64        the key: hexadecimal digits; of what, is the caller's business
//   64        SHA-256 of key and body: hexadecimal digits
//             the body: fields, one behind the other. A number is 8 bytes; a text is its size and
//             its bytes; an array is its size in bytes and its elements.
//
// The body's fields stand in compiled_form.cpp, where one function goes through them in both
// directions.
//
// Thread safety: none of these keeps anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "acl/loader.h"

namespace layergate::acl {

inline constexpr std::size_t kFormKey = 64;
inline constexpr std::size_t kFormHead = 8 + kFormKey + 64;

// REQUIRES: the key is kFormKey bytes long. Throws std::runtime_error if OpenSSL has no SHA-256.
std::string to_form(const Compiled& compiled, std::string_view key);

// Whether bytes, of which at least the head is there, begin as a form of this key.
bool is_form_of(std::string_view bytes, std::string_view key);

// Nothing that the bytes hold makes a policy that reads outside of itself; that it decides rightly
// rests on the checksum. The error is the end of a sentence about the file.
tl::expected<Compiled, std::string> from_form(std::string_view bytes, std::string_view key);

}  // namespace layergate::acl

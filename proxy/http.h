// The few words of HTTP/1.1 (RFC 9110, RFC 9112) that the proxy speaks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace layergate::proxy {

enum class Method : std::uint8_t { get, head, post, put, patch, erase };  // erase: DELETE

std::string_view to_string(Method method);

// How the end of a body is found (RFC 9112, section 6).
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked };

  Kind kind = Kind::none;
  std::uint64_t length = 0;  // bytes; kind length only

  static Framing of_length(std::uint64_t bytes) {
    return bytes == 0 ? Framing{} : Framing{Kind::length, bytes};
  }
  static Framing chunked() { return {Kind::chunked, 0}; }
  [[nodiscard]] bool has_body() const { return kind != Kind::none; }
};

inline constexpr std::size_t kMaxHeadBytes = 16 * 1024;
inline constexpr std::size_t kMaxHeadFields = 100;

// Comparison without regard to case, ASCII only.
bool iequals(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);  // ASCII only

bool is_token_char(char c);                    // RFC 9110, section 5.6.2
bool is_token(std::string_view text);          // not empty
std::string_view trim(std::string_view text);  // spaces and tabs at both ends

// Decimal digits only, no sign, no overflow.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

}  // namespace layergate::proxy

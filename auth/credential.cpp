#include "auth/credential.h"

#include <array>
#include <cstdint>

#include "base/utf8.h"

namespace layergate::auth {
namespace {

constexpr std::size_t kLongestDecoded = kLongestUser + 1 + kLongestPassword;

// 0..63, or -1 for what is no base64 digit (RFC 4648, section 4).
int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

// Padding is required and the bits that it leaves over are zero, so that one credential has one
// form. Returns the number of bytes, or nothing.
std::optional<std::size_t> decode_base64(std::string_view text, char* out, std::size_t room) {
  if (text.empty() || text.size() % 4 != 0 || text.size() / 4 * 3 > room + 2) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t size = 0;
  for (const char c : text) {
    const int value = digit(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (size == room) return std::nullopt;
    out[size++] = static_cast<char>(bits >> held & 0xff);
  }
  if ((bits & ((1U << held) - 1)) != 0) return std::nullopt;
  return size;
}

bool starts_with_basic(std::string_view text) {
  constexpr std::string_view kScheme = "basic";  // a scheme has no case (RFC 9110, section 11.1)
  if (text.size() <= kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != kScheme[i]) return false;
  }
  return text[kScheme.size()] == ' ';
}

}  // namespace

std::optional<Credential> parse_basic(std::string_view field_value) {
  if (!starts_with_basic(field_value)) return std::nullopt;
  field_value.remove_prefix(5);
  field_value.remove_prefix(std::min(field_value.find_first_not_of(' '), field_value.size()));

  std::array<char, kLongestDecoded> buffer{};
  const Cleanser cleanser(buffer.data(), buffer.size());
  const auto size = decode_base64(field_value, buffer.data(), buffer.size());
  if (!size) return std::nullopt;
  const std::string_view text(buffer.data(), *size);
  if (!is_clean_text(text)) return std::nullopt;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > kLongestUser) return std::nullopt;
  const auto password = text.substr(colon + 1);
  if (password.empty() || password.size() > kLongestPassword) return std::nullopt;
  return Credential{std::string(text.substr(0, colon)), Secret(password)};
}

bool is_clean_text(std::string_view text) {
  if (!is_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    // C1 (U+0080 to U+009F) is C2 80 to C2 9F; the text is well-formed, so a byte follows.
    if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;
  }
  return true;
}

std::string user_name_problem(std::string_view user) {
  if (user.empty()) return "a user name must not be empty";
  if (user.size() > kLongestUser) return "a user name has at most 255 bytes";
  if (!is_clean_text(user)) return "a user name is UTF-8 text without control characters";
  if (user.find(':') != std::string_view::npos) return "a user name must not contain a colon";
  if (user.front() == '#') return "a user name must not start with \"#\"";
  if (user.front() == ' ' || user.back() == ' ') {
    return "a user name must not start or end with a space";
  }
  return "";
}

}  // namespace layergate::auth

#include "api/page.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "oci/digest.h"

namespace layergate::api {
namespace {

constexpr std::size_t kCheckDigits = 8;
constexpr std::size_t kLongestKey = 2048;

// Hexadecimal digits that depend on the list and the key.
std::string check_of(const Call& call, std::string_view key) {
  std::string text;
  for (const auto& segment : call.path) text += segment + '\0';
  text += key;
  const auto digest = oci::sha256_of(text);
  return digest.substr(digest.size() - kCheckDigits);
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string make_cursor(const Call& call, std::string_view key) {
  auto cursor = check_of(call, key);
  append_hex(cursor, {reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
  return cursor;
}

std::optional<std::string> key_of_cursor(const Call& call, std::string_view cursor) {
  if (cursor.size() <= kCheckDigits || cursor.size() > kCheckDigits + 2 * kLongestKey ||
      cursor.size() % 2 != 0 || !is_hex(cursor)) {
    return std::nullopt;
  }
  std::string key;
  for (std::size_t i = kCheckDigits; i < cursor.size(); i += 2) {
    key += static_cast<char>(byte_of_hex(cursor[i], cursor[i + 1]));
  }
  if (!is_utf8(key) || cursor.substr(0, kCheckDigits) != check_of(call, key)) return std::nullopt;
  return key;
}

Reply page_of(const Call& call, Json items, const std::optional<std::string>& last_key) {
  Reply reply;
  reply.body["items"] = std::move(items);
  reply.body["next"] = last_key ? Json(make_cursor(call, *last_key)) : Json(nullptr);
  return reply;
}

}  // namespace layergate::api

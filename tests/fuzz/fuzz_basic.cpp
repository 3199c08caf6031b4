// The Authorization field: whatever is accepted is a credential that could be written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "auth/credential.h"

namespace {

using layergate::auth::parse_basic;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string encode(const std::string& text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view field(reinterpret_cast<const char*>(data), size);
  if (const auto credential = parse_basic(field)) {
    const std::string password(credential->password.view());
    require(!credential->user.empty() && credential->user.size() <= layergate::auth::kLongestUser);
    require(!password.empty() && password.size() <= layergate::auth::kLongestPassword);
    require(credential->user.find(':') == std::string::npos);
    require(layergate::auth::is_clean_text(credential->user));
    require(layergate::auth::is_clean_text(password));
    // One credential has one form: the field ends with exactly what an encoder makes of it.
    require(field.ends_with(" " + encode(credential->user + ":" + password)));
    const auto again = parse_basic("basic " + encode(credential->user + ":" + password));
    require(again && again->user == credential->user && again->password == password);
  }
  // The same bytes as the text within: a credential exactly if the text is one.
  const std::string text(field);
  const auto wrapped = parse_basic("Basic " + encode(text));
  const auto colon = text.find(':');
  const bool expected = colon != std::string::npos && colon > 0 &&
                        colon <= layergate::auth::kLongestUser && colon + 1 < text.size() &&
                        text.size() - colon - 1 <= layergate::auth::kLongestPassword &&
                        layergate::auth::is_clean_text(text);
  require(wrapped.has_value() == expected);
  if (wrapped) require(wrapped->user == text.substr(0, colon));
  return 0;
}

#include "auth/new_password.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include <openssl/rand.h>

#include "auth/common_passwords.h"
#include "auth/credential.h"
#include "auth/hash_form.h"
#include "base/utf8.h"

namespace layergate::auth {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Letters of other scripts count as characters and as no kind.
bool is_special(char c) {
  return static_cast<unsigned char>(c) < 0x80 && !is_upper(c) && !is_lower(c) && !is_digit(c);
}
bool is_alphanumeric(char c) { return is_upper(c) || is_lower(c) || is_digit(c); }

bool has(std::string_view text, bool (*kind)(char)) {
  return std::any_of(text.begin(), text.end(), kind);
}

bool has_all_kinds(std::string_view text) {
  return has(text, is_upper) && has(text, is_lower) && has(text, is_digit) && has(text, is_special);
}

tl::unexpected<std::string> refuse(std::string why) { return tl::unexpected(std::move(why)); }

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += i + 1 == parts.size() ? " and " : ", ";
    out += parts[i];
  }
  return out;
}

}  // namespace

tl::expected<void, std::string> check_new_password(std::string_view password,
                                                   std::string_view user) {
  if (!is_clean_text(password)) {
    return refuse("the password holds control characters or is not UTF-8");
  }
  if (password.size() > kMostPasswordBytes) {
    return refuse("the password has " + std::to_string(password.size()) +
                  " bytes, and bcrypt reads " + std::to_string(kMostPasswordBytes) +
                  ": take a shorter one");
  }
  std::vector<std::string> missing;
  if (const auto count = count_characters(password); count < kLeastPasswordCharacters) {
    const auto more = kLeastPasswordCharacters - count;
    missing.push_back(std::to_string(more) + (more == 1 ? " more character" : " more characters") +
                      " (12 at least)");
  }
  if (!has(password, is_upper)) missing.emplace_back("an upper-case letter");
  if (!has(password, is_lower)) missing.emplace_back("a lower-case letter");
  if (!has(password, is_digit)) missing.emplace_back("a digit");
  if (!has(password, is_special)) missing.emplace_back("a special character (like - or !)");
  if (!missing.empty()) return refuse("the password needs " + join(missing));
  if (is_common_password(password, user)) {
    return refuse(
        "the password is made of common words or the user's name, which are guessed first: take "
        "another");
  }
  return {};
}

tl::expected<std::string, std::string> hash_new_password(std::string_view password, unsigned cost) {
  if (cost < kLeastBcryptCost || cost > kMostBcryptCost) {
    return refuse("a bcrypt cost is from " + std::to_string(kLeastBcryptCost) + " to " +
                  std::to_string(kMostBcryptCost));
  }
  if (password.empty()) return refuse("the password is empty");
  if (password.size() > kMostPasswordBytes) {
    return refuse("the password is longer than bcrypt reads (72 bytes)");
  }
  if (password.find('\0') != std::string_view::npos) {
    return refuse("the password holds a NUL byte");
  }
  std::array<unsigned char, 16> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return refuse("OpenSSL has no random bytes");
  }
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (crypt_gensalt_rn("$2y$", cost, reinterpret_cast<const char*>(random.data()),
                       static_cast<int>(random.size()), setting.data(),
                       static_cast<int>(setting.size())) == nullptr) {
    return refuse("libcrypt makes no bcrypt salt");
  }
  std::array<char, kMostPasswordBytes + 1> phrase{};
  const Cleanser phrase_cleanser(phrase.data(), phrase.size());
  std::copy(password.begin(), password.end(), phrase.begin());
  const auto data = std::make_unique<crypt_data>();
  const Cleanser data_cleanser(data.get(), sizeof(crypt_data));
  const char* hash = crypt_rn(phrase.data(), setting.data(), data.get(), sizeof(crypt_data));
  if (hash == nullptr || !recognise_hash(hash)) return refuse("libcrypt's bcrypt failed");
  return std::string(hash);
}

Secret generate_password() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHJKLMNPQRSTUVWXYZ"
      "abcdefghijkmnopqrstuvwxyz"
      "23456789"
      "-_.+";
  constexpr std::size_t kLength = 24;
  constexpr std::size_t kFair = 256 / kAlphabet.size() * kAlphabet.size();
  std::array<char, kLength> text{};
  const Cleanser cleanser(text.data(), text.size());
  // Drawn anew as a whole until it fits, so that all passwords that fit are equally likely.
  do {
    for (std::size_t at = 0; at < text.size();) {
      unsigned char random = 0;
      if (RAND_bytes(&random, 1) != 1) throw std::runtime_error("OpenSSL has no random bytes");
      if (random < kFair) text[at++] = kAlphabet[random % kAlphabet.size()];
    }
  } while (!has_all_kinds({text.data(), text.size()}) || !is_alphanumeric(text.front()) ||
           !is_alphanumeric(text.back()));
  return Secret(std::string_view(text.data(), text.size()));
}

}  // namespace layergate::auth

#include "auth/password_hash.h"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "auth/apr1.h"
#include "auth/hash_form.h"
#include "auth/secret.h"

namespace layergate::auth {
namespace {

std::optional<std::string> crypt_with(const char* password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const Cleanser cleanser(data.get(), sizeof(crypt_data));
  const char* result = crypt_rn(password, hash.c_str(), data.get(), sizeof(crypt_data));
  if (result == nullptr || result[0] == '*') return std::nullopt;  // "*0": a failure token
  return std::string(result);
}

std::string random_digits(std::size_t count, std::string_view digits) {
  std::string out(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
  for (auto& c : out) c = digits[static_cast<unsigned char>(c) % digits.size()];  // 256 % 64 is 0
  return out;
}

}  // namespace

Match verify_password(std::string_view password, const std::string& hash) {
  const auto form = recognise_hash(hash);
  if (!form) return Match::failed;

  std::array<char, CRYPT_MAX_PASSPHRASE_SIZE + 1> phrase{};
  const Cleanser cleanser(phrase.data(), phrase.size());
  const auto read = password.substr(0, form->reads);
  std::copy(read.begin(), read.end(), phrase.begin());
  bool whole = read.size() == password.size();
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (phrase[i] != '\0') continue;
    phrase[i] = ' ';  // crypt would stop there
    whole = false;
  }

  std::optional<std::string> computed;
  if (form->algorithm == Algorithm::apr1) {
    computed = apr1_digest({phrase.data(), read.size()},
                           std::string_view(hash).substr(form->salt, form->salt_size));
    if (computed) computed->insert(0, hash, 0, form->digest);
  } else {
    computed = crypt_with(phrase.data(), hash);
  }
  if (!computed || computed->size() != hash.size()) return Match::failed;
  const bool equal = CRYPTO_memcmp(computed->data(), hash.data(), hash.size()) == 0;
  return equal && whole ? Match::yes : Match::no;
}

std::string decoy_like(const std::string& hash) {
  const auto form = recognise_hash(hash);
  if (!form) throw std::runtime_error("decoy_like: not a hash that is accepted");
  const auto digits = digits_of(form->algorithm);
  std::string decoy = hash;
  // The salt's last digit is kept: its unused bits have to stay zero.
  if (form->salt_size > 1) {
    const auto salt = random_digits(form->salt_size - 1, digits);
    decoy.replace(form->salt, salt.size(), salt);
  }
  do {
    decoy.replace(form->digest, decoy.size() - form->digest,
                  random_digits(decoy.size() - form->digest, digits));
  } while (!ends_digest(form->algorithm, decoy.back()));
  return decoy;
}

}  // namespace layergate::auth

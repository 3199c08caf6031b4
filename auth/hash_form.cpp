#include "auth/hash_form.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace layergate::auth {
namespace {

using Result = tl::expected<HashForm, std::string>;

constexpr std::string_view kBcryptDigits =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kCryptDigits =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// bcrypt ignores what follows. SHA-crypt's time grows with the password: at 128 bytes and the most
// rounds it stays under a second. libcrypt takes 511 bytes and no more.
constexpr std::size_t kBcryptReads = 72;
constexpr std::size_t kShaReads = 128;
constexpr std::size_t kCryptReads = 511;

tl::unexpected<std::string> refuse(std::string why) { return tl::unexpected(std::move(why)); }

bool all_of(std::string_view text, std::string_view digits) {
  return text.find_first_not_of(digits) == std::string_view::npos;
}

bool is_digest(std::string_view text, std::size_t size, Algorithm algorithm) {
  return text.size() == size && all_of(text, digits_of(algorithm)) &&
         ends_digest(algorithm, text.back());
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "$2y$10$" + 22 digits of salt + 31 of digest.
Result recognise_bcrypt(std::string_view hash) {
  if (hash.size() != 60 || hash[6] != '$') {
    return refuse("a bcrypt hash of the wrong length (60 characters are needed)");
  }
  const auto cost = number(hash.substr(4, 2));
  if (!cost || hash[4] < '0' || hash[4] > '9') return refuse("a bcrypt hash without a valid cost");
  if (*cost < kLeastBcryptCost || *cost > kMostBcryptCost) {
    return refuse("a bcrypt hash of cost " + std::to_string(*cost) + ", and " +
                  std::to_string(kLeastBcryptCost) + " to " + std::to_string(kMostBcryptCost) +
                  " is accepted");
  }
  // 128 bits of salt leave the 22nd digit four values. crypt clears the rest, so a hash with
  // another digit there would match no password.
  if (!all_of(hash.substr(7, 22), kBcryptDigits) || kBcryptDigits.find(hash[28]) % 16 != 0) {
    return refuse("a bcrypt hash with a damaged salt");
  }
  if (!is_digest(hash.substr(29), 31, Algorithm::bcrypt)) return refuse("a damaged bcrypt hash");
  return HashForm{Algorithm::bcrypt, *cost, 7, 22, 29, kBcryptReads};
}

// "$5$[rounds=N$]salt$digest" (Drepper, "Unix crypt using SHA-256 and SHA-512").
Result recognise_sha(std::string_view hash, Algorithm algorithm) {
  constexpr std::string_view kRounds = "rounds=";
  unsigned rounds = 5000;
  std::size_t at = 3;
  if (hash.substr(at).starts_with(kRounds)) {
    at += kRounds.size();
    const auto end = hash.find('$', at);
    if (end == std::string_view::npos) return refuse("a damaged SHA-crypt hash");
    const auto value = number(hash.substr(at, end - at));
    // libcrypt refuses leading zeros.
    if (!value || hash[at] == '0' || *value < kLeastShaRounds || *value > kMostShaRounds) {
      return refuse("a SHA-crypt hash whose rounds are not from " +
                    std::to_string(kLeastShaRounds) + " to " + std::to_string(kMostShaRounds));
    }
    rounds = *value;
    at = end + 1;
  }
  const auto end = hash.find('$', at);
  if (end == std::string_view::npos || end - at > 16 ||
      !all_of(hash.substr(at, end - at), kCryptDigits)) {
    return refuse("a SHA-crypt hash with a damaged salt");
  }
  if (!is_digest(hash.substr(end + 1), algorithm == Algorithm::sha256 ? 43 : 86, algorithm)) {
    return refuse("a damaged SHA-crypt hash");
  }
  return HashForm{algorithm, rounds, at, end - at, end + 1, kShaReads};
}

// "$y$j9T$salt$digest". Of yescrypt's parameters only those are taken that crypt_gensalt and
// mkpasswd can make: flags "j", r 8 ("5") or 32 ("T"), no parallelism, no ROM.
Result recognise_yescrypt(std::string_view hash) {
  if (hash.size() < 7 || hash[3] != 'j' || (hash[5] != '5' && hash[5] != 'T') || hash[6] != '$') {
    return refuse("a yescrypt hash with parameters that mkpasswd does not make");
  }
  const auto log2_blocks = kCryptDigits.find(hash[4]) + 1;  // npos + 1 is 0
  if (log2_blocks < 10 || log2_blocks > 24) {
    return refuse("a yescrypt hash with a cost that is not accepted");
  }
  const unsigned r = hash[5] == 'T' ? 32 : 8;
  const unsigned kib = (1U << log2_blocks) / 1024 * 128 * r;  // 128 * N * r bytes
  if (kib > kMostYescryptKib) {
    return refuse(
        "a yescrypt hash that needs more than 64 MiB a check (a cost up to 7 is accepted)");
  }
  const auto end = hash.find('$', 7);
  if (end == std::string_view::npos) return refuse("a damaged yescrypt hash");
  const auto salt = hash.substr(7, end - 7);
  // Bytes in base64 of little-endian groups: the last digit's unused bits are zero.
  constexpr std::size_t kLast[] = {64, 0, 4, 16};
  if (salt.empty() || salt.size() > 86 || !all_of(salt, kCryptDigits) ||
      kCryptDigits.find(salt.back()) >= kLast[salt.size() % 4]) {
    return refuse("a yescrypt hash with a damaged salt");
  }
  if (!is_digest(hash.substr(end + 1), 43, Algorithm::yescrypt)) {
    return refuse("a damaged yescrypt hash");
  }
  return HashForm{Algorithm::yescrypt, kib, 7, salt.size(), end + 1, kCryptReads};
}

// "$apr1$salt$digest"
Result recognise_apr1(std::string_view hash) {
  const auto end = hash.find('$', 6);
  if (end == std::string_view::npos || end == 6 || end - 6 > 8 ||
      !all_of(hash.substr(6, end - 6), kCryptDigits) ||
      !is_digest(hash.substr(end + 1), 22, Algorithm::apr1)) {
    return refuse("a damaged $apr1$ hash");
  }
  return HashForm{Algorithm::apr1, 1000, 6, end - 6, end + 1, kCryptReads};
}

std::string foreign(std::string_view hash) {
  if (hash.starts_with("{SHA}")) return "an unsalted SHA-1 hash ({SHA}), which is not accepted";
  if (hash.starts_with("{")) return "of an LDAP scheme, which is not accepted";
  if (hash.starts_with("$1$")) return "an MD5-crypt hash ($1$), which is not accepted";
  if (hash.starts_with("$2x$")) return "made by a faulty bcrypt ($2x$), which is not accepted";
  if (hash.starts_with("$")) return "of a kind that is not accepted";
  if (hash.size() == 13 && all_of(hash, kCryptDigits)) {
    return "a DES crypt hash, which is not accepted";
  }
  return "plain text or unknown, which is not accepted";
}

}  // namespace

std::string_view digits_of(Algorithm algorithm) {
  return algorithm == Algorithm::bcrypt ? kBcryptDigits : kCryptDigits;
}

bool ends_digest(Algorithm algorithm, char digit) {
  const auto value = digits_of(algorithm).find(digit);
  switch (algorithm) {
    case Algorithm::bcrypt:
      return value < 64 && value % 4 == 0;  // 184 bits, high ones first: the 31st digit holds 4
    case Algorithm::sha256:
    case Algorithm::yescrypt:
      return value < 16;  // 256 bits, low ones first: the 43rd digit holds 4
    case Algorithm::sha512:
    case Algorithm::apr1:
      return value < 4;  // 512 and 128 bits: the last digit holds 2
  }
  return false;
}

std::chrono::microseconds HashForm::estimate() const {
  const auto units = static_cast<std::int64_t>(cost);
  switch (algorithm) {
    case Algorithm::bcrypt:
      return std::chrono::microseconds{52 * (std::int64_t{1} << cost)};
    case Algorithm::sha256:
    case Algorithm::sha512:
      return std::chrono::microseconds{units * 35 / 100};
    case Algorithm::yescrypt:
      return std::chrono::microseconds{units * 34 / 10};
    case Algorithm::apr1:
      return std::chrono::microseconds{500};
  }
  return {};
}

bool HashForm::is_weak() const {
  switch (algorithm) {
    case Algorithm::bcrypt:
      return cost < 10;
    case Algorithm::sha256:
    case Algorithm::sha512:
      return cost < 5000;
    case Algorithm::yescrypt:
      return cost < 16 * 1024;
    case Algorithm::apr1:
      return true;
  }
  return true;
}

std::string HashForm::to_string() const {
  switch (algorithm) {
    case Algorithm::bcrypt:
      return "bcrypt, cost " + std::to_string(cost);
    case Algorithm::sha256:
      return "SHA-256-crypt, " + std::to_string(cost) + " rounds";
    case Algorithm::sha512:
      return "SHA-512-crypt, " + std::to_string(cost) + " rounds";
    case Algorithm::yescrypt:
      return "yescrypt, " + std::to_string(cost / 1024) + " MiB";
    case Algorithm::apr1:
      return "MD5 ($apr1$)";
  }
  return "";
}

tl::expected<HashForm, std::string> recognise_hash(std::string_view hash) {
  if (hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$")) {
    return recognise_bcrypt(hash);
  }
  if (hash.starts_with("$5$")) return recognise_sha(hash, Algorithm::sha256);
  if (hash.starts_with("$6$")) return recognise_sha(hash, Algorithm::sha512);
  if (hash.starts_with("$y$")) return recognise_yescrypt(hash);
  if (hash.starts_with("$apr1$")) return recognise_apr1(hash);
  return refuse(foreign(hash));
}

}  // namespace layergate::auth

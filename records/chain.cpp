#include "records/chain.h"

#include <algorithm>
#include <stdexcept>

#include <openssl/evp.h>

#include "base/hex.h"

namespace layergate::records {
namespace {

void append(std::string& out, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(bits >> shift & 0xffU);
}

void append(std::string& out, std::string_view text) {
  append(out, static_cast<std::int64_t>(text.size()));
  out += text;
}

void encode(std::string& out, const Row& row) {
  append(out, row.id);
  append(out, static_cast<std::int64_t>(row.at.time_since_epoch().count()));
  append(out, row.trace);
  append(out, row.user);
  const auto& address = row.address.bytes();
  out.append(reinterpret_cast<const char*>(address.data()), address.size());
  append(out, row.method);
  append(out, row.action);
  append(out, row.repository);
  append(out, row.reference);
  append(out, row.digest);
  append(out, row.tag);
  append(out, row.status);
  append(out, row.code);
  append(out, row.bytes_in);
  append(out, row.bytes_out);
  append(out, row.microseconds);
  append(out, row.requests);
  out += static_cast<char>((row.verified ? 1 : 0) | (row.allowed ? 2 : 0) | (row.complete ? 4 : 0));
  append(out, row.reason);
  append(out, row.rule);
  append(out, row.user_agent);
  append(out, row.detail);
}

}  // namespace

std::string to_hex(const Hash& hash) {
  std::string text;
  append_hex(text, hash);
  return text;
}

std::optional<Hash> hash_of_hex(std::string_view text) {
  Hash hash{};
  if (text.size() != 2 * hash.size() ||
      text.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = byte_of_hex(text[2 * i], text[2 * i + 1]);
  return hash;
}

Hash hash_of_bytes(std::string_view bytes) {
  Hash hash{};
  if (bytes.size() == hash.size()) std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

void Chain::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
void Chain::Free::operator()(EVP_MD* algorithm) const { EVP_MD_free(algorithm); }

// Fetched once: looking it up costs as much as a hash.
Chain::Chain() : sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  if (!sha256_ || !context_) throw std::runtime_error("OpenSSL has no SHA-256");
}

Chain::~Chain() = default;

Hash Chain::next(const Hash& before, const Row& row) {
  encoded_.assign(reinterpret_cast<const char*>(before.data()), before.size());
  encode(encoded_, row);
  Hash hash{};
  if (EVP_DigestInit_ex(context_.get(), sha256_.get(), nullptr) != 1 ||
      EVP_DigestUpdate(context_.get(), encoded_.data(), encoded_.size()) != 1 ||
      EVP_DigestFinal_ex(context_.get(), hash.data(), nullptr) != 1) {
    throw std::runtime_error("SHA-256 failed");
  }
  return hash;
}

}  // namespace layergate::records

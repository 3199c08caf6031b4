// Certificates for tests, made on the spot.
#pragma once

#include <ctime>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "config/config.h"
#include "proxy/openssl.h"
#include "tests/unit/temp_dir.h"

namespace layergate::proxy {

inline std::string pem_of(X509* certificate) {
  const OpensslPointer<BIO> bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* text = nullptr;
  const auto size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &text);
  return {text, static_cast<std::size_t>(size)};
}

inline std::string pem_of(EVP_PKEY* key, const char* passphrase = nullptr) {
  const OpensslPointer<BIO> bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, passphrase ? EVP_aes_128_cbc() : nullptr,
                                        passphrase, passphrase ? 4 : 0, nullptr, nullptr) == 1);
  char* text = nullptr;
  const auto size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, &text);
  return {text, static_cast<std::size_t>(size)};
}

struct MadePair {
  OpensslPointer<EVP_PKEY> key;
  OpensslPointer<X509> certificate;
};

// For `names` ("DNS:a,IP:1.2.3.4"), valid from and until so many seconds from now; signed by
// `issuer`, or by itself.
inline MadePair make_pair(const std::string& names, long from = -60, long until = 3600,
                          const MadePair* issuer = nullptr) {
  MadePair made{OpensslPointer<EVP_PKEY>(EVP_EC_gen("P-256")), OpensslPointer<X509>(X509_new())};
  auto* it = made.certificate.get();
  X509_set_version(it, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(it), 1);
  X509_gmtime_adj(X509_getm_notBefore(it), from);
  X509_gmtime_adj(X509_getm_notAfter(it), until);
  X509_set_pubkey(it, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(issuer ? "leaf" : "root"), -1,
                             -1, 0);
  X509_set_issuer_name(it, X509_get_subject_name(issuer ? issuer->certificate.get() : it));
  if (!names.empty()) {
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    REQUIRE(extension != nullptr);
    X509_add_ext(it, extension, -1);
    X509_EXTENSION_free(extension);
  }
  REQUIRE(X509_sign(it, issuer ? issuer->key.get() : made.key.get(), EVP_sha256()) > 0);
  return made;
}

// Both files, the key readable by the owner only; at line 4, column 9 of layergate.yml.
inline config::TlsPair write_pair(const TempDir& dir, const std::string& name,
                                  const MadePair& made) {
  config::TlsPair pair{dir / (name + ".crt"), dir / (name + ".key"), 4, 9};
  write_text(pair.certificate, pem_of(made.certificate.get()));
  write_text(pair.key, pem_of(made.key.get()));
  std::filesystem::permissions(pair.key, std::filesystem::perms::owner_read);
  return pair;
}

}  // namespace layergate::proxy

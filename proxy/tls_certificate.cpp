#include "proxy/tls_certificate.h"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "auth/secret.h"
#include "base/read_file.h"
#include "proxy/http.h"

namespace layergate::proxy {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20U;  // bytes

OpensslPointer<BIO> reader_of(std::string_view text) {
  return OpensslPointer<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

// Without it OpenSSL asks the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

std::vector<std::string> host_names(const X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const auto* name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    const auto* text = name->d.dNSName;
    const std::string_view view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                static_cast<std::size_t>(ASN1_STRING_length(text)));
    names.push_back(lower_case(view));
  }
  GENERAL_NAMES_free(all);
  return names;
}

class Loader {
 public:
  Loader(const config::TlsPair& pair, WallTime now, std::vector<Problem>& warnings)
      : pair_(pair), now_(now), warnings_(warnings) {}

  tl::expected<TlsCertificate, Problem> load() {
    if (auto problem = read_certificate(); !problem.empty()) return fail(std::move(problem));
    if (auto problem = read_key(); !problem.empty()) return fail(std::move(problem));
    if (X509_check_private_key(made_.leaf.get(), made_.key.get()) != 1) {
      ERR_clear_error();
      return fail(pair_.key.string() + " is not the key of " + pair_.certificate.string());
    }
    judge();
    return std::move(made_);
  }

 private:
  Problem at_pair(std::string what) const {
    return {"layergate.yml", pair_.line, pair_.column, std::move(what), ""};
  }
  tl::unexpected<Problem> fail(std::string what) const {
    return tl::unexpected(at_pair(std::move(what)));
  }
  void warn(std::string what) { warnings_.push_back(at_pair(std::move(what))); }

  // Each returns what is wrong, or nothing.
  std::string read_certificate() {
    const auto name = pair_.certificate.string();
    const auto text = read_file(pair_.certificate, kLargestFile);
    if (!text) return name + ' ' + text.error();
    const auto bio = reader_of(*text);
    ERR_clear_error();
    made_.leaf.reset(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    if (!made_.leaf) {
      return name + " holds no certificate in PEM form (" + take_openssl_error() + ")";
    }
    while (auto* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      made_.chain.emplace_back(next);
    }
    // The end of the file is "no start line"; all else is a certificate that is cut or broken.
    const auto code = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (!at_end) {
      return name + " is broken after its certificate " + std::to_string(made_.chain.size() + 1) +
             " (" + take_openssl_error() + ")";
    }
    ERR_clear_error();
    return "";
  }

  std::string read_key() {
    const auto name = pair_.key.string();
    auto text = read_file(pair_.key, kLargestFile);
    if (!text) return name + ' ' + text.error();
    auto& secret = *text;
    const auth::Cleanser cleanser(secret.data(), secret.size());
    const auto bio = reader_of(secret);
    bool was_asked = false;
    ERR_clear_error();
    made_.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &was_asked));
    if (made_.key) return "";
    const auto reason = take_openssl_error();
    if (was_asked) {
      return name + " is locked with a passphrase, which nobody is there to type; " +
             "store the key without one (openssl pkey -in … -out …), readable by the service only";
    }
    return name + " holds no private key in PEM form (" + reason + ")";
  }

  void judge() {
    const auto name = pair_.certificate.string();
    const auto* leaf = made_.leaf.get();
    made_.names = host_names(leaf);
    made_.expires = time_of(X509_get0_notAfter(leaf));
    if (made_.expires <= now_) {
      warn(name + " expired at " + format_time(made_.expires) + ": clients refuse it");
    }
    if (const auto begin = time_of(X509_get0_notBefore(leaf)); begin > now_) {
      warn(name + " is not valid before " + format_time(begin));
    }
    const auto* issued = leaf;
    for (const auto& issuer : made_.chain) {
      if (X509_check_issued(issuer.get(), const_cast<X509*>(issued)) != X509_V_OK) {
        warn(name +
             " holds a chain that is out of order: each certificate is followed by its issuer's");
        break;
      }
      issued = issuer.get();
    }
    struct stat status {};
    if (::stat(pair_.key.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
      warn(pair_.key.string() + " is open to every user of this machine; chmod o= it");
    }
  }

  const config::TlsPair& pair_;
  const WallTime now_;
  std::vector<Problem>& warnings_;
  TlsCertificate made_;
};

}  // namespace

bool name_covers(std::string_view name, std::string_view host) {
  if (name == host) return true;
  if (!name.starts_with("*.")) return false;
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && host.substr(dot) == name.substr(1);
}

tl::expected<TlsCertificate, Problem> TlsCertificate::load(const config::TlsPair& pair,
                                                           WallTime now,
                                                           std::vector<Problem>& warnings) {
  return Loader(pair, now, warnings).load();
}

}  // namespace layergate::proxy

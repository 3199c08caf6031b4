// A certificate, its chain and its key, as one pair of files holds them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "base/problem.h"
#include "config/config.h"
#include "proxy/openssl.h"

namespace layergate::proxy {

// Whether a name of a certificate stands for the host: equal, or "*.x" for one label before x
// (RFC 6125, 6.4.3). REQUIRES: both are in lower case.
bool name_covers(std::string_view name, std::string_view host);

struct TlsCertificate {
  OpensslPointer<X509> leaf;
  std::vector<OpensslPointer<X509>> chain;  // the issuers, as they are sent
  OpensslPointer<EVP_PKEY> key;
  std::vector<std::string> names;  // of hosts, in lower case
  WallTime expires{};

  // Reads both files. Problems stand at the pair's place in layergate.yml and name the file; what
  // makes the pair unusable is the error, all else (an end that has passed, a key that everybody
  // can read) is added to `warnings`. The key's text is overwritten after use.
  static tl::expected<TlsCertificate, Problem> load(const config::TlsPair& pair, WallTime now,
                                                    std::vector<Problem>& warnings);
};

}  // namespace layergate::proxy

#include "proxy/tls_certificate.h"

#include <chrono>

#include <doctest/doctest.h>

#include "tests/unit/proxy/tls_pair.h"

namespace layergate::proxy {
namespace {

struct Result {
  std::string error;
  std::string warnings;
  std::vector<std::string> names;
  std::size_t issuers = 0;
};

Result load(const config::TlsPair& pair) {
  Result result;
  std::vector<Problem> warnings;
  const auto loaded = TlsCertificate::load(pair, wall_now(), warnings);
  for (const auto& warning : warnings) result.warnings += warning.to_string() + "\n";
  if (loaded) {
    result.names = loaded->names;
    result.issuers = loaded->chain.size();
  } else {
    result.error = loaded.error().to_string();
  }
  return result;
}

bool has(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("tls certificate: a pair that is right") {
  const TempDir dir;
  const auto result = load(
      write_pair(dir, "a", make_pair("DNS:Registry.Example.com,DNS:*.example.org,IP:1.2.3.4")));
  CHECK(result.error.empty());
  CHECK(result.warnings.empty());
  CHECK(result.names == std::vector<std::string>{"registry.example.com", "*.example.org"});
}

TEST_CASE("tls certificate: what makes a pair unusable is told with its place") {
  const TempDir dir;
  const auto made = make_pair("DNS:a");
  auto pair = write_pair(dir, "a", made);

  SUBCASE("no file") {
    std::filesystem::remove(pair.certificate);
    CHECK(has(load(pair).error, "layergate.yml:4:9: " + pair.certificate.string() +
                                    " cannot be opened: No such file"));
  }
  SUBCASE("no key file") {
    std::filesystem::remove(pair.key);
    CHECK(has(load(pair).error, "layergate.yml:4:9: " + pair.key.string() + " cannot be opened"));
  }
  SUBCASE("another key") {
    pair.key = write_pair(dir, "b", make_pair("DNS:a")).key;
    CHECK(has(load(pair).error, "b.key is not the key of " + pair.certificate.string()));
  }
  SUBCASE("no certificate in it") {
    write_text(pair.certificate, "what?\n");
    CHECK(has(load(pair).error, "a.crt holds no certificate in PEM form"));
  }
  SUBCASE("a chain that was cut off") {
    const auto text = pem_of(made.certificate.get());
    write_text(pair.certificate, text + text.substr(0, text.size() / 2));
    CHECK(has(load(pair).error, "a.crt is broken after its certificate 1"));
  }
  SUBCASE("the files changed places") {
    std::swap(pair.certificate, pair.key);
    CHECK(has(load(pair).error, "a.key holds no certificate in PEM form"));
  }
  SUBCASE("a key that is locked, without a question on the terminal") {
    std::filesystem::remove(pair.key);
    write_text(pair.key, pem_of(made.key.get(), "word"));
    CHECK(has(load(pair).error, "a.key is locked with a passphrase"));
  }
  SUBCASE("a directory") {
    pair.key = dir.path();
    CHECK(has(load(pair).error, " is a directory"));
  }
}

TEST_CASE("tls certificate: what clients will not like is a warning") {
  const TempDir dir;
  SUBCASE("expired") {
    const auto result = load(write_pair(dir, "a", make_pair("DNS:a", -7200, -3600)));
    CHECK(result.error.empty());
    CHECK(has(result.warnings, "layergate.yml:4:9: "));
    CHECK(has(result.warnings, "a.crt expired at 20"));
  }
  SUBCASE("not valid yet") {
    CHECK(has(load(write_pair(dir, "a", make_pair("DNS:a", 3600, 7200))).warnings,
              "a.crt is not valid before 20"));
  }
  SUBCASE("a key that everybody can read") {
    const auto pair = write_pair(dir, "a", make_pair("DNS:a"));
    std::filesystem::permissions(pair.key, std::filesystem::perms{0644});
    CHECK(has(load(pair).warnings, "a.key is open to every user of this machine"));
    std::filesystem::permissions(pair.key, std::filesystem::perms{0640});
    CHECK(load(pair).warnings.empty());
  }
  SUBCASE("a chain out of order") {
    const auto root = make_pair("");
    const auto leaf = make_pair("DNS:a", -60, 3600, &root);
    const auto stranger = make_pair("DNS:b", -60, 3600, &root);
    auto pair = write_pair(dir, "a", leaf);
    const auto chain = [&](const MadePair& next) {
      write_text(pair.certificate, pem_of(leaf.certificate.get()) + pem_of(next.certificate.get()));
    };
    chain(root);
    CHECK(load(pair).issuers == 1);
    CHECK(load(pair).warnings.empty());
    chain(stranger);
    CHECK(has(load(pair).warnings, "out of order"));
  }
}

TEST_CASE("tls certificate: a wildcard stands for one label") {
  CHECK(name_covers("a.example.com", "a.example.com"));
  CHECK(name_covers("*.example.com", "a.example.com"));
  CHECK_FALSE(name_covers("*.example.com", "example.com"));
  CHECK_FALSE(name_covers("*.example.com", ".example.com"));
  CHECK_FALSE(name_covers("*.example.com", "a.b.example.com"));
  CHECK_FALSE(name_covers("a.example.com", "b.example.com"));
  CHECK_FALSE(name_covers("*", "localhost"));
}

}  // namespace layergate::proxy

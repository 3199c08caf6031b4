// layergate.yml, read and checked.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/problem.h"

namespace layergate::config {

struct Endpoint {
  std::string host;  // an IP address or, for an upstream, a name
  std::uint16_t port = 0;

  [[nodiscard]] std::string to_string() const;  // "127.0.0.1:5000", "[::1]:5000"
};

// A certificate with its chain, and its key; both PEM.
struct TlsPair {
  std::filesystem::path certificate;  // absolute, as is the key
  std::filesystem::path key;
  int line = 0;  // of layergate.yml, where the pair stands
  int column = 0;
};

struct Listen {
  Endpoint address;
  std::vector<IpNetwork> trusted_proxies;
  std::vector<TlsPair>
      tls;  // empty: plain HTTP. Else the client's SNI picks, and the first is the default
};

struct Admin {
  Endpoint address{"127.0.0.1", 8080};
  std::vector<std::string> names;  // lower-case host names by which a browser may ask
  std::vector<IpNetwork> trusted_proxies;
  std::chrono::seconds session_idle{30 * 60};  // unused for so long, a session of the page ends
  std::chrono::seconds session_longest{12 * 3600};  // and in any case after this
};

enum class Redirects : std::uint8_t {
  refuse,  // 502
  follow,  // inside, to http:// addresses
};

enum class Verify : std::uint8_t {
  off,    // a file is believed
  first,  // compared with its digest before it is served for the first time, or changed
};

enum class StorageMode : std::uint8_t {
  read,   // blobs come from the files
  write,  // and go to them
};

// The registry's own files, if this machine has them.
struct Storage {
  std::filesystem::path root;  // absolute; empty: they are not used
  StorageMode mode = StorageMode::read;
  Verify verify = Verify::first;
  int line = 0;  // of root in layergate.yml, for what is found when it is looked at
  int column = 0;
};

struct Upstream {
  std::string url;     // as it was written, for people
  std::string socket;  // path of a unix socket; if empty, `address` is meant
  Endpoint address;
  bool tls = false;          // https
  std::filesystem::path ca;  // whom it is trusted by; empty: the system's authorities
  int ca_line = 0;           // of layergate.yml
  int ca_column = 0;
  Redirects redirects = Redirects::refuse;
  bool exclusive = true;  // nobody else writes to the registry
  Storage storage;
};

enum class ExpiredPassword : std::uint8_t {
  warn,    // in the log and in lists of accounts
  refuse,  // as any login that is not right
};

struct Passwords {
  std::chrono::hours max_age{90 * 24};  // 0: a password never gets old
  ExpiredPassword expired = ExpiredPassword::warn;
  unsigned bcrypt_cost = 10;
};

struct Index {
  std::chrono::seconds grace{15 * 60};       // what a moved or deleted tag reached stays readable
  std::chrono::seconds untagged{7 * 86400};  // what no tag reaches is remembered
  int parallel = 8;                          // questions to the registry at once, in the background
};

// Who did what, in state/records.db.
struct Records {
  std::chrono::seconds retention{90 * 86400};
  bool required = true;  // what changes something is refused while it cannot be recorded

  struct Webhook {
    std::string url;  // empty: there is none
    std::filesystem::path secret_file;
  };
  Webhook webhook;

  struct Anomalies {  // 0 and false: this kind is not looked for
    int logins_by_address = 20;
    int logins_by_account = 10;
    std::chrono::seconds within{600};
    bool new_network = true;
    int volume_times = 5;                           // the usual volume of a day
    std::uint64_t volume_at_least = 200ULL << 30U;  // bytes
  };
  Anomalies anomalies;
};

// In memory.
struct Cache {
  std::uint64_t manifests = 64ULL << 20U;  // bytes; 0: each comes from the registry
};

struct Limits {
  std::chrono::milliseconds idle{60'000};    // no byte moved, or a kept-alive connection unused
  std::chrono::milliseconds head{10'000};    // from a request's first byte to its head's last
  std::uint64_t minimum_rate = 1024;         // bytes a second, averaged over `idle`
  std::chrono::milliseconds drain{300'000};  // how long SIGTERM waits for transfers
  int connections = 10'000;                  // clients, in all
};

struct Config {
  std::filesystem::path dir;
  std::vector<Listen> listen;
  Admin admin;
  Upstream upstream;
  std::string realm = "Layergate";
  std::filesystem::path htpasswd;  // this and the next two: absolute
  std::filesystem::path acl;
  std::filesystem::path state;
  std::chrono::milliseconds cache_ttl{300'000};
  Passwords passwords;
  int workers = 0;  // never 0 once loaded
  Index index;
  Records records;
  Cache cache;
  Limits limits;
};

struct Loaded {
  std::optional<Config> config;  // nothing exactly if errors is not empty
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
};

// Reads dir/layergate.yml. Relative paths in it start at dir.
Loaded load(const std::filesystem::path& dir);
Loaded parse(const std::string& text, const std::filesystem::path& dir);

// --config-dir if it was given, else $LAYERGATE_CONFIG_DIR, else ./conf if it holds layergate.yml,
// else /etc/layergate.
std::filesystem::path find_dir(const std::string& given);

}  // namespace layergate::config

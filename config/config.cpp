#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

#include "base/read_file.h"
#include "base/yaml.h"
#include "base/yaml_reader.h"

namespace layergate::config {
namespace {

using yaml::Node;
using yaml::Reader;

constexpr std::size_t kLargestFile = std::size_t{1} << 20U;

// "host:port" or "[v6]:port".
std::optional<Endpoint> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Endpoint endpoint;
  endpoint.host = text.substr(0, colon);
  const bool bracketed =
      endpoint.host.size() > 2 && endpoint.host.front() == '[' && endpoint.host.back() == ']';
  if (bracketed) endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  if (endpoint.host.empty() || (!bracketed && endpoint.host.find(':') != std::string::npos))
    return std::nullopt;
  const char* first = text.data() + colon + 1;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, endpoint.port);
  if (error != std::errc{} || end != last || endpoint.port == 0) return std::nullopt;
  return endpoint;
}

std::optional<Endpoint> read_listen_address(Reader& read, const Node& node, std::string_view what) {
  const auto text = read.text(node, what);
  if (!text) return std::nullopt;
  auto endpoint = parse_endpoint(*text);
  if (!endpoint || !IpAddress::parse(endpoint->host)) {
    read.refuse(node, std::string(what) +
                          " must be an IP address and a port, as 0.0.0.0:5000 or [::]:5000");
    return std::nullopt;
  }
  return endpoint;
}

bool host_name_is_valid(const std::string& host) {
  if (IpAddress::parse(host)) return true;
  return host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-' || c == '_';
         });
}

class Builder {
 public:
  Builder(const std::filesystem::path& dir, Loaded& loaded)
      : read_("layergate.yml", loaded.errors), loaded_(loaded) {
    config_.dir = dir;
    config_.htpasswd = dir / "htpasswd";
    config_.acl = dir / "acl.yml";
    config_.state = (dir / "../state").lexically_normal();
  }

  void build(const Node& root) {
    if (root.kind == Node::Kind::null ||
        !read_.map(root, "the file",
                   {"listen", "admin", "upstream", "auth", "acl", "state", "workers", "limits",
                    "index", "records", "cache"})) {
      if (root.kind == Node::Kind::null)
        read_.refuse(root, "the file is empty; it needs at least upstream: {url: …}");
      return;
    }
    read_listen(root.find("listen"));
    read_admin(root.find("admin"));
    read_upstream(root);
    read_auth(root.find("auth"));
    if (const auto* node = root.find("acl")) read_path(*node, "acl", config_.acl);
    if (const auto* node = root.find("state")) read_path(*node, "state", config_.state);
    if (const auto* node = root.find("workers")) {
      if (const auto count = read_.integer(*node, "workers", 0, 256))
        config_.workers = static_cast<int>(*count);
    }
    if (config_.workers == 0) {
      config_.workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    }
    read_limits(root.find("limits"));
    read_index(root.find("index"));
    read_records(root.find("records"));
    read_cache(root.find("cache"));
    check_addresses(root);
    if (loaded_.errors.empty()) loaded_.config = std::move(config_);
  }

 private:
  void read_listen(const Node* node) {
    if (node == nullptr) {
      config_.listen.push_back({{"0.0.0.0", 5000}, {}, {}});
      return;
    }
    if (!read_.list(*node, "listen")) return;
    if (node->items.empty()) read_.refuse(*node, "listen must name at least one address");
    for (const auto& item : node->items) {
      if (!read_.map(item, "listen", {"address", "tls", "trusted_proxies"})) continue;
      Listen listen;
      if (const auto* address = item.find("address")) {
        Reader::into(listen.address, read_listen_address(read_, *address, "address"));
      } else {
        read_.refuse(item, "an entry of listen needs an address");
      }
      if (const auto* tls = item.find("tls")) read_tls(*tls, listen.tls);
      if (const auto* proxies = item.find("trusted_proxies")) {
        Reader::into(listen.trusted_proxies, read_.networks(*proxies, "trusted_proxies"));
      }
      config_.listen.push_back(std::move(listen));
    }
  }

  // One pair, or a list of pairs. Plain text where the operator asked for TLS would fail open.
  void read_tls(const Node& node, std::vector<TlsPair>& pairs) {
    if (node.kind != Node::Kind::sequence) return read_tls_pair(node, pairs);
    if (node.items.empty()) read_.refuse(node, "tls must name at least one certificate");
    for (const auto& item : node.items) read_tls_pair(item, pairs);
  }

  void read_tls_pair(const Node& node, std::vector<TlsPair>& pairs) {
    if (!read_.map(node, "tls", {"certificate", "key"})) return;
    TlsPair pair;
    pair.line = node.line;
    pair.column = node.column;
    const auto read = [&](const char* key, std::filesystem::path& target) {
      if (const auto* file = node.find(key)) {
        read_path(*file, "tls." + std::string(key), target);
      } else {
        read_.refuse(node,
                     "tls needs a certificate and a key; the " + std::string(key) + " is missing");
      }
    };
    read("certificate", pair.certificate);
    read("key", pair.key);
    pairs.push_back(std::move(pair));
  }

  void read_admin(const Node* node) {
    if (node == nullptr ||
        !read_.map(*node, "admin",
                   {"address", "names", "trusted_proxies", "session_idle", "session_longest"})) {
      return;
    }
    auto& admin = config_.admin;
    if (const auto* address = node->find("address")) {
      Reader::into(admin.address, read_listen_address(read_, *address, "admin.address"));
    }
    if (const auto* names = node->find("names")) read_names(*names);
    if (const auto* proxies = node->find("trusted_proxies")) {
      Reader::into(admin.trusted_proxies, read_.networks(*proxies, "admin.trusted_proxies"));
    }
    read_seconds(*node, "admin", "session_idle", admin.session_idle);
    read_seconds(*node, "admin", "session_longest", admin.session_longest);
  }

  void read_names(const Node& node) {
    if (!read_.list(node, "admin.names")) return;
    for (const auto& item : node.items) {
      const auto name = read_.text(item, "a name of admin.names");
      if (!name) continue;
      if (name->empty() || !host_name_is_valid(*name)) {
        read_.refuse(item, "a name of admin.names is a host name alone, as gate.example.com");
        continue;
      }
      std::string lower;
      for (const char c : *name)
        lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      config_.admin.names.push_back(std::move(lower));
    }
  }

  // The kernel would refuse the second of two only when the program starts.
  void check_addresses(const Node& root) {
    const auto meet = [](const Endpoint& a, const Endpoint& b) {
      const auto any = [](const Endpoint& e) { return e.host == "0.0.0.0" || e.host == "::"; };
      return a.port == b.port && (a.host == b.host || any(a) || any(b));
    };
    const auto& listen = config_.listen;
    for (std::size_t i = 0; i < listen.size(); ++i) {
      const auto name = listen[i].address.to_string();
      if (meet(listen[i].address, config_.admin.address)) {
        read_.refuse(root, "listen (" + name + ") and admin (" + config_.admin.address.to_string() +
                               ") are the same port");
      }
      for (std::size_t j = 0; j < i; ++j) {
        if (listen[i].address.port == listen[j].address.port &&
            listen[i].address.host == listen[j].address.host) {
          read_.refuse(root, "listen names " + name + " twice");
        }
      }
    }
  }

  void read_upstream(const Node& root) {
    const auto* node = root.find("upstream");
    if (node == nullptr) {
      read_.refuse(root,
                   "upstream.url is missing: the registry to stand in front of, as "
                   "http://127.0.0.1:5001 or unix:///run/layergate/registry.sock");
      return;
    }
    if (!read_.map(
            *node, "upstream",
            {"url", "ca", "redirects", "storage", "storage_mode", "storage_verify", "exclusive"})) {
      return;
    }
    if (const auto* url = node->find("url")) {
      if (const auto text = read_.text(*url, "upstream.url")) read_url(*url, *text);
    } else {
      read_.refuse(*node, "upstream.url is missing");
    }
    if (const auto* ca = node->find("ca")) {
      read_path(*ca, "upstream.ca", config_.upstream.ca);
      config_.upstream.ca_line = ca->line;
      config_.upstream.ca_column = ca->column;
      if (!config_.upstream.tls) {
        read_.refuse(*ca, "upstream.ca is for a registry whose upstream.url starts with https://");
      }
    }
    if (const auto* redirects = node->find("redirects")) {
      const auto text = read_.text(*redirects, "upstream.redirects");
      if (text && *text == "follow") {
        config_.upstream.redirects = Redirects::follow;
      } else if (text && *text != "refuse") {
        read_.refuse(*redirects, "upstream.redirects must be refuse or follow",
                     closest(*text, {"refuse", "follow"}));
      }
    }
    if (const auto* exclusive = node->find("exclusive")) {
      Reader::into(config_.upstream.exclusive, read_.boolean(*exclusive, "upstream.exclusive"));
    }
    read_storage(*node);
  }

  void read_storage(const Node& upstream) {
    auto& storage = config_.upstream.storage;
    if (const auto* root = upstream.find("storage")) {
      const auto text = read_.text(*root, "upstream.storage");
      if (text && !text->empty()) {
        storage.root = (config_.dir / *text).lexically_normal();
        storage.line = root->line;
        storage.column = root->column;
      }
    }
    if (const auto* mode = upstream.find("storage_mode")) {
      const auto text = read_.text(*mode, "upstream.storage_mode");
      if (text && *text == "write") {
        storage.mode = StorageMode::write;
        if (storage.root.empty()) {
          read_.refuse(*mode,
                       "upstream.storage_mode: write needs upstream.storage, the registry's files");
        } else if (!config_.upstream.exclusive) {
          read_.refuse(*mode,
                       "upstream.storage_mode: write needs upstream.exclusive: true: no other "
                       "program may write to the registry");
        }
      } else if (text && *text != "read") {
        read_.refuse(*mode, "upstream.storage_mode must be read or write",
                     closest(*text, {"read", "write"}));
      }
    }
    if (const auto* verify = upstream.find("storage_verify")) {
      const auto text = read_.text(*verify, "upstream.storage_verify");
      if (text && *text == "off") {
        storage.verify = Verify::off;
      } else if (text && *text != "first") {
        read_.refuse(*verify, "upstream.storage_verify must be first or off",
                     closest(*text, {"first", "off"}));
      }
    }
  }

  void read_url(const Node& node, std::string url) {
    config_.upstream.url = url;
    if (url.starts_with("unix://")) {
      config_.upstream.socket = url.substr(7);
      // sockaddr_un holds 108 bytes.
      if (config_.upstream.socket.empty() || config_.upstream.socket.front() != '/' ||
          config_.upstream.socket.size() > 107) {
        read_.refuse(node,
                     "a unix socket is named by its absolute path of at most 107 bytes: "
                     "unix:///run/layergate/registry.sock");
      }
      return;
    }
    config_.upstream.tls = url.starts_with("https://");
    if (!config_.upstream.tls && !url.starts_with("http://")) {
      read_.refuse(node, "upstream.url must start with http://, https:// or unix://");
      return;
    }
    url = url.substr(url.find("://") + 3);
    if (url.ends_with('/')) url.pop_back();
    if (url.find_first_of("/?#@") != std::string::npos) {
      read_.refuse(node,
                   "upstream.url is scheme, host and port only: the registry's API stands at /v2/");
      return;
    }
    const bool has_port =
        url.find(':', url.starts_with('[') ? url.find(']') : 0) != std::string::npos;
    const auto endpoint =
        parse_endpoint(has_port ? url : url + (config_.upstream.tls ? ":443" : ":80"));
    if (!endpoint || !host_name_is_valid(endpoint->host)) {
      read_.refuse(node, "upstream.url has no valid host and port");
      return;
    }
    config_.upstream.address = *endpoint;
  }

  void read_auth(const Node* node) {
    if (node == nullptr || !read_.map(*node, "auth",
                                      {"realm", "htpasswd", "cache_ttl", "bcrypt_cost",
                                       "password_max_age", "password_expired"})) {
      return;
    }
    if (const auto* realm = node->find("realm")) {
      if (const auto text = read_.text(*realm, "auth.realm")) {
        const bool clean = std::all_of(text->begin(), text->end(), [](char c) {
          return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        });
        if (text->empty() || !clean)
          read_.refuse(*realm, "auth.realm must be printable ASCII without quotes");
        config_.realm = *text;
      }
    }
    if (const auto* file = node->find("htpasswd"))
      read_path(*file, "auth.htpasswd", config_.htpasswd);
    if (const auto* ttl = node->find("cache_ttl")) {
      Reader::into(config_.cache_ttl, read_.duration(*ttl, "auth.cache_ttl"));
    }
    read_passwords(*node);
  }

  void read_passwords(const Node& auth) {
    auto& passwords = config_.passwords;
    if (const auto* cost = auth.find("bcrypt_cost")) {
      if (const auto number = read_.integer(*cost, "auth.bcrypt_cost", 10, 14))
        passwords.bcrypt_cost = static_cast<unsigned>(*number);
    }
    if (const auto* age = auth.find("password_max_age")) {
      if (const auto length = read_.duration(*age, "auth.password_max_age"))
        passwords.max_age = std::chrono::ceil<std::chrono::hours>(*length);
    }
    if (const auto* expired = auth.find("password_expired")) {
      const auto text = read_.text(*expired, "auth.password_expired");
      if (text && *text == "refuse") {
        passwords.expired = ExpiredPassword::refuse;
      } else if (text && *text != "warn") {
        read_.refuse(*expired, "auth.password_expired must be warn or refuse",
                     closest(*text, {"warn", "refuse"}));
      }
    }
  }

  void read_limits(const Node* node) {
    if (node == nullptr ||
        !read_.map(*node, "limits", {"idle", "head", "minimum_rate", "drain", "connections"}))
      return;
    auto& limits = config_.limits;
    if (const auto* idle = node->find("idle")) read_positive(*idle, "limits.idle", limits.idle);
    if (const auto* head = node->find("head")) read_positive(*head, "limits.head", limits.head);
    if (const auto* rate = node->find("minimum_rate"))
      Reader::into(limits.minimum_rate, read_.size(*rate, "limits.minimum_rate"));
    if (const auto* drain = node->find("drain"))
      Reader::into(limits.drain, read_.duration(*drain, "limits.drain"));
    if (const auto* connections = node->find("connections")) {
      if (const auto count = read_.integer(*connections, "limits.connections", 1, 1'000'000))
        limits.connections = static_cast<int>(*count);
    }
  }

  void read_index(const Node* node) {
    if (node == nullptr || !read_.map(*node, "index", {"grace", "untagged", "parallel"})) return;
    auto& index = config_.index;
    read_seconds(*node, "index", "grace", index.grace);
    read_seconds(*node, "index", "untagged", index.untagged);
    if (const auto* parallel = node->find("parallel")) {
      if (const auto count = read_.integer(*parallel, "index.parallel", 1, 256))
        index.parallel = static_cast<int>(*count);
    }
  }

  void read_records(const Node* node) {
    if (node == nullptr ||
        !read_.map(*node, "records", {"retention", "required", "webhook", "anomalies"})) {
      return;
    }
    auto& records = config_.records;
    if (const auto* retention = node->find("retention")) {
      std::chrono::milliseconds length{0};
      read_positive(*retention, "records.retention", length);
      records.retention = std::chrono::ceil<std::chrono::seconds>(length);
    }
    if (const auto* required = node->find("required")) {
      Reader::into(records.required, read_.boolean(*required, "records.required"));
    }
    read_webhook(node->find("webhook"));
    read_anomalies(node->find("anomalies"));
  }

  void read_cache(const Node* node) {
    if (node == nullptr || !read_.map(*node, "cache", {"manifests"})) return;
    if (const auto* manifests = node->find("manifests")) {
      Reader::into(config_.cache.manifests, read_.size(*manifests, "cache.manifests"));
    }
  }

  void read_webhook(const Node* node) {
    if (node == nullptr || !read_.map(*node, "records.webhook", {"url", "secret_file"})) return;
    auto& webhook = config_.records.webhook;
    const auto* url = node->find("url");
    if (url == nullptr) {
      read_.refuse(*node, "records.webhook needs a url");
    } else if (const auto text = read_.text(*url, "records.webhook.url")) {
      const auto begin = text->find("://");
      const bool is_http = text->starts_with("http://") || text->starts_with("https://");
      if (!is_http || text->size() <= begin + 3 || text->find_first_of(" \t\r\n") != text->npos) {
        read_.refuse(*url,
                     "records.webhook.url must be an address that starts with https:// or "
                     "http://");
      }
      webhook.url = *text;
    }
    if (const auto* file = node->find("secret_file")) {
      read_path(*file, "records.webhook.secret_file", webhook.secret_file);
    }
  }

  void read_anomalies(const Node* node) {
    if (node == nullptr ||
        !read_.map(*node, "records.anomalies", {"failed_logins", "new_network", "volume"})) {
      return;
    }
    auto& limits = config_.records.anomalies;
    const auto read_count = [&](const Node& of, const char* key, const std::string& what,
                                int& target) {
      const auto* value = of.find(key);
      if (value == nullptr) return;
      if (const auto count = read_.integer(*value, what + key, 0, 10'000)) {
        target = static_cast<int>(*count);
      }
    };
    if (const auto* logins = node->find("failed_logins")) {
      const std::string what = "records.anomalies.failed_logins";
      if (!read_.map(*logins, what, {"by_address", "by_account", "within"})) return;
      read_count(*logins, "by_address", what + ".", limits.logins_by_address);
      read_count(*logins, "by_account", what + ".", limits.logins_by_account);
      if (const auto* within = logins->find("within")) {
        std::chrono::milliseconds length{0};
        read_positive(*within, what + ".within", length);
        limits.within = std::chrono::ceil<std::chrono::seconds>(length);
      }
    }
    if (const auto* network = node->find("new_network")) {
      Reader::into(limits.new_network, read_.boolean(*network, "records.anomalies.new_network"));
    }
    if (const auto* volume = node->find("volume")) {
      const std::string what = "records.anomalies.volume";
      if (!read_.map(*volume, what, {"times", "at_least"})) return;
      read_count(*volume, "times", what + ".", limits.volume_times);
      if (const auto* least = volume->find("at_least")) {
        Reader::into(limits.volume_at_least, read_.size(*least, what + ".at_least"));
      }
    }
  }

  void read_seconds(const Node& node, const std::string& where, const char* key,
                    std::chrono::seconds& target) {
    const auto* value = node.find(key);
    if (value == nullptr) return;
    if (const auto length = read_.duration(*value, where + '.' + key)) {
      target = std::chrono::ceil<std::chrono::seconds>(*length);
    }
  }

  void read_positive(const Node& node, std::string_view what, std::chrono::milliseconds& target) {
    const auto value = read_.duration(node, what);
    if (value && value->count() == 0)
      read_.refuse(node, std::string(what) + " must be longer than 0");
    Reader::into(target, value);
  }

  void read_path(const Node& node, std::string_view what, std::filesystem::path& target) {
    const auto text = read_.text(node, what);
    if (!text) return;
    if (text->empty()) {
      read_.refuse(node, std::string(what) + " must not be empty");
      return;
    }
    target = (config_.dir / *text).lexically_normal();
  }

  Reader read_;
  Loaded& loaded_;
  Config config_;
};

}  // namespace

std::string Endpoint::to_string() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Loaded parse(const std::string& text, const std::filesystem::path& dir) {
  Loaded loaded;
  const auto root = yaml::parse(text, "layergate.yml");
  if (!root) {
    loaded.errors.push_back(root.error());
    return loaded;
  }
  Builder(dir, loaded).build(*root);
  return loaded;
}

Loaded load(const std::filesystem::path& dir) {
  const auto file = dir / "layergate.yml";
  const auto text = read_file(file, kLargestFile);
  if (!text) {
    Loaded loaded;
    loaded.errors.push_back({file.string(), 0, 0,
                             text.error() + "; name the directory that holds it with --config-dir",
                             ""});
    return loaded;
  }
  return parse(*text, std::filesystem::absolute(dir).lexically_normal());
}

std::filesystem::path find_dir(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* variable = std::getenv("LAYERGATE_CONFIG_DIR");
      variable != nullptr && *variable != '\0')
    return variable;
  std::error_code ignored;
  if (std::filesystem::exists("conf/layergate.yml", ignored)) return "conf";
  return "/etc/layergate";
}

}  // namespace layergate::config

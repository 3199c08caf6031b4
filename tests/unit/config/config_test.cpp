#include "config/config.h"

#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/temp_dir.h"

namespace layergate::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string kUpstream = "upstream: {url: http://127.0.0.1:5001}\n";

std::string as_lines(const std::vector<Problem>& problems) {
  std::string lines;
  for (const auto& problem : problems) lines += (lines.empty() ? "" : "\n") + problem.to_string();
  return lines;
}

Config must_parse(const std::string& text) {
  const auto loaded = parse(text, "/etc/layergate");
  REQUIRE_MESSAGE(loaded.config.has_value(), as_lines(loaded.errors));
  CHECK(loaded.errors.empty());
  return *loaded.config;
}

}  // namespace

TEST_CASE("config: everything has a default but the upstream") {
  const auto config = must_parse(kUpstream);
  REQUIRE(config.listen.size() == 1);
  CHECK(config.listen[0].address.to_string() == "0.0.0.0:5000");
  CHECK(config.listen[0].trusted_proxies.empty());
  CHECK(config.admin.address.to_string() == "127.0.0.1:8080");
  CHECK(config.upstream.address.to_string() == "127.0.0.1:5001");
  CHECK(config.upstream.socket.empty());
  CHECK(config.upstream.redirects == Redirects::refuse);
  CHECK(config.upstream.exclusive);
  CHECK(config.realm == "Layergate");
  CHECK(config.htpasswd == "/etc/layergate/htpasswd");
  CHECK(config.acl == "/etc/layergate/acl.yml");
  CHECK(config.state == "/etc/state");
  CHECK(config.cache_ttl == milliseconds{300'000});
  CHECK(config.passwords.bcrypt_cost == 10);
  CHECK(config.passwords.max_age == std::chrono::hours{2160});
  CHECK(config.passwords.expired == ExpiredPassword::warn);
  CHECK(config.workers > 0);
  CHECK(config.limits.idle == milliseconds{60'000});
  CHECK(config.limits.connections == 10'000);
  CHECK(config.index.grace == seconds{900});
  CHECK(config.index.untagged == seconds{604'800});
  CHECK(config.index.parallel == 8);
  CHECK(config.records.retention == std::chrono::days{90});
  CHECK(config.records.required);
  CHECK(config.records.webhook.url.empty());
  CHECK(config.records.anomalies.logins_by_address == 20);
  CHECK(config.records.anomalies.volume_at_least == 200ULL << 30U);
}

TEST_CASE("config: a port with TLS has a certificate, or several") {
  const auto one = must_parse(kUpstream + R"(
listen:
  - address: 0.0.0.0:443
    tls: {certificate: tls/server.crt, key: /keys/server.key}
)");
  REQUIRE(one.listen[0].tls.size() == 1);
  CHECK(one.listen[0].tls[0].certificate == "/etc/layergate/tls/server.crt");
  CHECK(one.listen[0].tls[0].key == "/keys/server.key");
  CHECK(one.listen[0].tls[0].line == 5);
  CHECK(one.listen[0].tls[0].column == 10);

  const auto two = must_parse(kUpstream + R"(
listen:
  - address: 0.0.0.0:443
    tls:
      - {certificate: a.crt, key: a.key}
      - {certificate: b.crt, key: b.key}
  - address: 127.0.0.1:5000
)");
  REQUIRE(two.listen[0].tls.size() == 2);
  CHECK(two.listen[0].tls[1].certificate == "/etc/layergate/b.crt");
  CHECK(two.listen[0].tls[1].line == 7);
  CHECK(two.listen[1].tls.empty());
}

TEST_CASE("config: a registry over https") {
  const auto system = must_parse("upstream: {url: https://registry.example.com}\n").upstream;
  CHECK(system.tls);
  CHECK(system.ca.empty());
  CHECK(system.address.to_string() == "registry.example.com:443");
  const auto own = must_parse("upstream: {url: 'https://[::1]:5001', ca: tls/ca.crt}\n").upstream;
  CHECK(own.ca == "/etc/layergate/tls/ca.crt");
  CHECK(own.address.to_string() == "[::1]:5001");
  CHECK_FALSE(must_parse(kUpstream).upstream.tls);
}

TEST_CASE("config: every key is read") {
  const auto config = must_parse(R"(
listen:
  - address: 127.0.0.1:5000
    trusted_proxies: [127.0.0.1/32, "2001:db8::/32"]
  - address: "[::]:5443"
admin:
  address: 127.0.0.2:8081
  names: [Gate.Example.com, gate]
  trusted_proxies: [127.0.0.1/32]
  session_idle: 90s
  session_longest: 1h
upstream:
  url: unix:///run/layergate/registry.sock
  redirects: follow
  exclusive: false
auth:
  realm: Models of the house
  htpasswd: /srv/passwords
  cache_ttl: 30s
  bcrypt_cost: 12
  password_max_age: 30d
  password_expired: refuse
acl: rules/acl.yml
state: /var/lib/layergate
workers: 3
limits: {idle: 90s, head: 5s, minimum_rate: 4KiB, drain: 0, connections: 17}
index: {grace: 0, untagged: 1h, parallel: 3}
records:
  retention: 400d
  required: false
  webhook: {url: "https://example.com/hook?x=y", secret_file: hook.secret}
  anomalies:
    failed_logins: {by_address: 50, by_account: 0, within: 1h}
    new_network: false
    volume: {times: 3, at_least: 1TiB}
)");
  REQUIRE(config.listen.size() == 2);
  CHECK(config.listen[0].trusted_proxies.size() == 2);
  CHECK(config.listen[0].trusted_proxies[0].contains(*IpAddress::parse("127.0.0.1")));
  CHECK(config.listen[1].address.host == "::");
  CHECK(config.listen[1].address.to_string() == "[::]:5443");
  CHECK(config.admin.address.to_string() == "127.0.0.2:8081");
  CHECK(config.admin.names == std::vector<std::string>{"gate.example.com", "gate"});
  CHECK(config.admin.trusted_proxies.size() == 1);
  CHECK(config.admin.session_idle == seconds{90});
  CHECK(config.admin.session_longest == seconds{3600});
  CHECK(config.upstream.socket == "/run/layergate/registry.sock");
  CHECK(config.upstream.redirects == Redirects::follow);
  CHECK_FALSE(config.upstream.exclusive);
  CHECK(config.realm == "Models of the house");
  CHECK(config.htpasswd == "/srv/passwords");
  CHECK(config.acl == "/etc/layergate/rules/acl.yml");
  CHECK(config.state == "/var/lib/layergate");
  CHECK(config.cache_ttl == milliseconds{30'000});
  CHECK(config.passwords.bcrypt_cost == 12);
  CHECK(config.passwords.max_age == std::chrono::hours{720});
  CHECK(config.passwords.expired == ExpiredPassword::refuse);
  CHECK(config.workers == 3);
  CHECK(config.limits.idle == milliseconds{90'000});
  CHECK(config.limits.head == milliseconds{5'000});
  CHECK(config.limits.minimum_rate == 4096);
  CHECK(config.limits.drain == milliseconds{0});
  CHECK(config.limits.connections == 17);
  CHECK(config.index.grace == seconds{0});
  CHECK(config.index.untagged == seconds{3600});
  CHECK(config.index.parallel == 3);
  CHECK(config.records.retention == std::chrono::days{400});
  CHECK_FALSE(config.records.required);
  CHECK(config.records.webhook.url == "https://example.com/hook?x=y");
  CHECK(config.records.webhook.secret_file == "/etc/layergate/hook.secret");
  CHECK(config.records.anomalies.logins_by_address == 50);
  CHECK(config.records.anomalies.logins_by_account == 0);
  CHECK(config.records.anomalies.within == seconds{3600});
  CHECK_FALSE(config.records.anomalies.new_network);
  CHECK(config.records.anomalies.volume_times == 3);
  CHECK(config.records.anomalies.volume_at_least == 1ULL << 40U);
}

TEST_CASE("config: the index counts in whole seconds, and a part of one is a whole") {
  const auto config = must_parse(kUpstream + "index: {grace: 1ms, untagged: 1500ms}\n");
  CHECK(config.index.grace == seconds{1});
  CHECK(config.index.untagged == seconds{2});
}

TEST_CASE("config: upstreams and what is read from them") {
  struct Row {
    std::string url;
    std::string address;
  };
  const Row kRows[] = {
      {"http://registry", "registry:80"},
      {"http://registry:5001", "registry:5001"},
      {"http://registry.example.com:5001/", "registry.example.com:5001"},
      {"http://[::1]:5001", "[::1]:5001"},
      {"http://[::1]", "[::1]:80"},
  };
  for (const auto& [url, address] : kRows) {
    const auto& this_url = url;
    CAPTURE(this_url);
    CHECK(must_parse("upstream: {url: \"" + url + "\"}").upstream.address.to_string() == address);
  }
}

TEST_CASE("config: each mistake is refused with its line, and what is wrong") {
  struct Row {
    std::string text;
    std::string problem;  // a part of it, from its beginning
  };
  const Row kRows[] = {
      {"", "layergate.yml:1:1: the file is empty"},
      {"# nothing\n", "layergate.yml:2:1: the file is empty"},
      {"- a\n", "layergate.yml:1:1: the file must be a map"},
      {"acl: acl.yml\n", "layergate.yml:1:1: upstream.url is missing"},
      {kUpstream + "workers: 1\nworkers: 2\n", "layergate.yml:3:1: "},
      {kUpstream + "worker: 1\n",
       "layergate.yml:2:1: unknown key \"worker\" in the file; did you mean \"workers\"?"},
      {kUpstream + "listen: 0.0.0.0:5000\n", "layergate.yml:2:9: listen must be a list"},
      {kUpstream + "listen: []\n", "layergate.yml:2:9: listen must name at least one address"},
      {kUpstream + "listen:\n  - {}\n", "layergate.yml:3:5: an entry of listen needs an address"},
      {kUpstream + "listen:\n  - {adress: 0.0.0.0:5000}\n", "layergate.yml:3:6: unknown key"},
      {kUpstream + "listen:\n  - address: localhost:5000\n",
       "layergate.yml:3:14: address must be an IP address and a port"},
      {kUpstream + "listen:\n  - address: 0.0.0.0\n", "layergate.yml:3:14: address must be"},
      {kUpstream + "listen:\n  - address: 0.0.0.0:0\n", "layergate.yml:3:14: address must be"},
      {kUpstream + "listen:\n  - address: 0.0.0.0:65536\n", "layergate.yml:3:14: address must be"},
      {kUpstream + "listen:\n  - address: \":::5000\"\n", "layergate.yml:3:14: address must be"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: {}}\n",
       "layergate.yml:3:31: tls needs a certificate and a key; the certificate is missing"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: {certificate: a}}\n",
       "layergate.yml:3:31: tls needs a certificate and a key; the key is missing"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: {certificate: a, key: ''}}\n",
       "layergate.yml:3:53: tls.key must not be empty"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: {certificate: a, keys: b}}\n",
       "layergate.yml:3:48: unknown key \"keys\" in tls; did you mean \"key\"?"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: []}\n",
       "layergate.yml:3:31: tls must name at least one certificate"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: server.pem}\n",
       "layergate.yml:3:31: tls must be a map"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, tls: }\n", "layergate.yml:3:"},
      {kUpstream + "listen:\n  - {address: 0.0.0.0:1, trusted_proxies: [10.0.0.1/8]}\n",
       "layergate.yml:3:44: each item of trusted_proxies must be"},
      {kUpstream + "admin: {address: 8080}\n", "layergate.yml:2:18: admin.address must be"},
      {kUpstream + "admin: {port: 8080}\n", "layergate.yml:2:9: unknown key \"port\" in admin"},
      {kUpstream + "admin: {names: [\"gate:8080\"]}\n",
       "layergate.yml:2:17: a name of admin.names is a host name alone"},
      {kUpstream + "admin: {names: gate}\n", "layergate.yml:2:16: admin.names must be a list"},
      {"upstream: {}\n", "layergate.yml:1:11: upstream.url is missing"},
      {"upstream: http://a\n", "layergate.yml:1:11: upstream must be a map"},
      {"upstream: {url: registry:5000}\n",
       "layergate.yml:1:17: upstream.url must start with http://, https:// or unix://"},
      {"upstream: {url: https://}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: https://a, ca: ''}\n", "layergate.yml:1:32: upstream.ca must not be"},
      {"upstream: {url: http://a, ca: ca.crt}\n",
       "layergate.yml:1:31: upstream.ca is for a registry whose upstream.url starts with https"},
      {"upstream: {url: http://}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: http:///}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: http://a:0}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: \"http://a:\"}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: \"http://[::1\"}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: http://a b}\n", "layergate.yml:1:17: upstream.url has no valid host"},
      {"upstream: {url: http://a/v2/}\n", "layergate.yml:1:17: upstream.url is scheme, host and"},
      {"upstream: {url: http://u:p@a}\n", "layergate.yml:1:17: upstream.url is scheme, host and"},
      {"upstream: {url: unix://run/x.sock}\n", "layergate.yml:1:17: a unix socket is named by"},
      {"upstream: {url: unix:///" + std::string(107, 'x') + "}\n",
       "layergate.yml:1:17: a unix socket is named by"},
      {"upstream:\n  url: http://a\n  redirects: folow\n",
       "layergate.yml:3:14: upstream.redirects must be refuse or follow; did you mean \"follow\"?"},
      {kUpstream + "auth: {realm: 'a\"b'}\n", "layergate.yml:2:15: auth.realm must be printable"},
      {kUpstream + "auth: {realm: ''}\n", "layergate.yml:2:15: auth.realm must be printable"},
      {kUpstream + "auth: {realm: ä}\n", "layergate.yml:2:15: auth.realm must be printable"},
      {kUpstream + "auth: {htpasswd: ''}\n", "layergate.yml:2:18: auth.htpasswd must not be empty"},
      {kUpstream + "auth: {cache_ttl: 5}\n", "layergate.yml:2:19: auth.cache_ttl must be a"},
      {kUpstream + "auth: {bcrypt_cost: 9}\n", "layergate.yml:2:21: auth.bcrypt_cost must be a"},
      {kUpstream + "auth: {password_max_age: 90}\n",
       "layergate.yml:2:26: auth.password_max_age must be a"},
      {kUpstream + "auth: {password_expired: refused}\n",
       "layergate.yml:2:26: auth.password_expired must be warn or refuse; did you mean"},
      {kUpstream + "acl:\n", "layergate.yml:2:"},
      {kUpstream + "state: [a]\n", "layergate.yml:2:8: state must be text"},
      {kUpstream + "workers: -1\n", "layergate.yml:2:10: workers must be a whole number from 0"},
      {kUpstream + "workers: 257\n", "layergate.yml:2:10: workers must be a whole number"},
      {kUpstream + "workers: many\n", "layergate.yml:2:10: workers must be a whole number"},
      {kUpstream + "limits: {idle: 0}\n", "layergate.yml:2:16: limits.idle must be longer than 0"},
      {kUpstream + "limits: {head: 0s}\n", "layergate.yml:2:16: limits.head must be longer"},
      {kUpstream + "limits: {minimum_rate: 1KB}\n", "layergate.yml:2:24: limits.minimum_rate must"},
      {kUpstream + "limits: {drain: 5 minutes}\n", "layergate.yml:2:17: limits.drain must be a"},
      {kUpstream + "limits: {connections: 0}\n", "layergate.yml:2:23: limits.connections must be"},
      {kUpstream + "index: {grace: 900}\n", "layergate.yml:2:16: index.grace must be a"},
      {kUpstream + "index: {untagged: soon}\n", "layergate.yml:2:19: index.untagged must be a"},
      {kUpstream + "index: {parallel: 0}\n", "layergate.yml:2:19: index.parallel must be a whole"},
      {kUpstream + "index: {parallel: 257}\n", "layergate.yml:2:19: index.parallel must be a"},
      {kUpstream + "index: {possession: 7d}\n",
       "layergate.yml:2:9: unknown key \"possession\" in index"},
      {kUpstream + "index: 15m\n", "layergate.yml:2:8: index must be a map"},
      {"upstream: {url: http://a, exclusive: maybe}\n",
       "layergate.yml:1:38: upstream.exclusive must be"},
      {kUpstream + "limits: {total: 5m}\n", "layergate.yml:2:10: unknown key \"total\" in limits"},
      {kUpstream + "records: {retention: 0}\n",
       "layergate.yml:2:22: records.retention must be longer than 0"},
      {kUpstream + "records: {retain: 1d}\n",
       "layergate.yml:2:11: unknown key \"retain\" in records"},
      {kUpstream + "records: {required: maybe}\n", "layergate.yml:2:21: records.required must be"},
      {kUpstream + "records: {webhook: {}}\n", "layergate.yml:2:20: records.webhook needs a url"},
      {kUpstream + "records: {webhook: {url: ftp://a}}\n",
       "layergate.yml:2:26: records.webhook.url must be an address that starts with https://"},
      {kUpstream + "records: {webhook: {url: 'https://'}}\n",
       "layergate.yml:2:26: records.webhook"},
      {kUpstream + "records: {webhook: {url: 'https://a b'}}\n", "layergate.yml:2:26: records.web"},
      {kUpstream + "records: {anomalies: {volume: {times: -1}}}\n",
       "layergate.yml:2:39: records.anomalies.volume.times must be a whole number"},
      {kUpstream + "records: {anomalies: {failed_logins: {by_name: 1}}}\n",
       "layergate.yml:2:39: unknown key \"by_name\" in records.anomalies.failed_logins"},
      {"upstream: {url: \"http://a}\n", "layergate.yml:"},
  };
  for (const auto& [text, problem] : kRows) {
    const auto& this_text = text;
    CAPTURE(this_text);
    const auto loaded = parse(text, "/etc/layergate");
    CHECK_FALSE(loaded.config.has_value());
    REQUIRE_FALSE(loaded.errors.empty());
    const auto said = loaded.errors.front().to_string();
    CAPTURE(said);
    CHECK(said.substr(0, problem.size()) == problem);
  }
}

TEST_CASE("config: all mistakes are told at once") {
  const auto loaded = parse("upstream: {url: ftp://a}\nworkers: x\nlimits: {idle: 0}\n", "/");
  CHECK(loaded.errors.size() == 3);
}

TEST_CASE("config: the registry's files") {
  const auto loaded =
      parse("upstream:\n  url: http://a\n  storage: ../data\n  storage_mode: read\n", "/etc/gate");
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.warnings.empty());
  const auto& storage = loaded.config->upstream.storage;
  CHECK(storage.root == "/etc/data");
  CHECK(storage.verify == Verify::first);
  CHECK(storage.line == 3);
  CHECK(storage.column == 12);

  const auto with = [](const std::string& more) {
    return parse("upstream: {url: http://a, " + more + "}\n", "/");
  };
  CHECK(with("storage: \"\"").config->upstream.storage.root.empty());
  CHECK(with("storage_verify: off").config->upstream.storage.verify == Verify::off);
  const auto refused = [&](const std::string& more) {
    const auto result = with(more);
    REQUIRE(result.errors.size() == 1);
    return result.errors[0].to_string();
  };
  CHECK(refused("storage_mode: raed").find("did you mean \"read\"") != std::string::npos);
  CHECK(refused("storage_verify: always").find("must be first or off") != std::string::npos);
  CHECK(refused("storage: [a]").find("upstream.storage") != std::string::npos);
}

TEST_CASE("config: who writes the registry's files has them, and for himself alone") {
  const auto with = [](const std::string& more) {
    return parse("upstream:\n  url: http://a\n  storage_mode: write\n" + more, "/");
  };
  const auto loaded = with("  storage: /data\n");
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->upstream.storage.mode == StorageMode::write);
  const auto refused = [&](const std::string& more) {
    const auto result = with(more);
    REQUIRE(result.errors.size() == 1);
    return result.errors[0].to_string();
  };
  CHECK(
      refused("").starts_with("layergate.yml:3:17: upstream.storage_mode: write needs "
                              "upstream.storage"));
  CHECK(refused("  storage: /data\n  exclusive: false\n").find("needs upstream.exclusive: true") !=
        std::string::npos);
}

TEST_CASE("config: a directory is loaded by its name, and what is missing is named") {
  const TempDir dir;
  const auto missing = load(dir.path());
  CHECK_FALSE(missing.config.has_value());
  REQUIRE(missing.errors.size() == 1);
  CHECK(missing.errors[0].file == (dir / "layergate.yml").string());
  CHECK(missing.errors[0].what.find("--config-dir") != std::string::npos);

  write_text(dir / "layergate.yml", kUpstream);
  const auto loaded = load(dir.path());
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->dir == dir.path());
  CHECK(loaded.config->acl == dir / "acl.yml");
  CHECK(loaded.config->state == dir.path().parent_path() / "state");
}

TEST_CASE("config: the directory that is given goes before the environment's") {
  const char* const kVariable = "LAYERGATE_CONFIG_DIR";
  const char* before = std::getenv(kVariable);
  const std::string saved = before == nullptr ? "" : before;
  ::setenv(kVariable, "/from/environment", 1);
  CHECK(find_dir("/given") == "/given");
  CHECK(find_dir("") == "/from/environment");
  ::setenv(kVariable, "", 1);
  const auto fallback = find_dir("");
  CHECK((fallback == "conf" || fallback == "/etc/layergate"));
  if (before == nullptr) {
    ::unsetenv(kVariable);
  } else {
    ::setenv(kVariable, saved.c_str(), 1);
  }
}

}  // namespace layergate::config

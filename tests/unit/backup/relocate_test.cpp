#include "backup/relocate.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::backup {
namespace {

const char* const kUpstream = "upstream: {url: \"http://127.0.0.1:5001\"}\n";

tl::expected<Relocated, manage::Failure> relocated(const std::string& text,
                                                   const std::string& acl = "conf/acl.yml",
                                                   const std::string& htpasswd = "conf/htpasswd") {
  return relocate(kUpstream + text, "/new", {{}, acl, htpasswd, {}});
}

}  // namespace

TEST_CASE("backup: a layergate.yml that means what is beside it stays as it is") {
  for (const char* text : {"", "state: ../state  # ours\n", "auth: {htpasswd: ./htpasswd}\n"}) {
    CAPTURE(text);
    const auto result = relocated(text);
    REQUIRE(result.has_value());
    CHECK(result->text == kUpstream + std::string(text));
    CHECK(result->changed.empty());
    CHECK(result->config.state == "/new/state");
  }
}

TEST_CASE("backup: a layergate.yml that means other places is changed there and nowhere else") {
  struct Row {
    const char* text;
    const char* changed;
  };
  const Row kRows[] = {
      {"state: /var/lib/layergate/state\n", "state: '../state'\n"},
      {"# state: here\nstate: /var/lib/a b   # comment\nworkers: 1\n",
       "# state: here\nstate: '../state'   # comment\nworkers: 1\n"},
      {"state: \"/var/lib\"\n", "state: '../state'\n"},
      {"state: '/var/lib' # x\n", "state: '../state' # x\n"},
      {"state: .", "state: '../state'"},
      {"auth: {htpasswd: /etc/ä}  # Tür\n", "auth: {htpasswd: 'htpasswd'}  # Tür\n"},
      {"acl: /é/acl.yml\nauth: {htpasswd: /ß}\n", "acl: 'acl.yml'\nauth: {htpasswd: 'htpasswd'}\n"},
      {"acl: /etc/layergate/acl.yml\nstate: /state\nauth:\n  htpasswd: /etc/layergate/htpasswd\n",
       "acl: 'acl.yml'\nstate: '../state'\nauth:\n  htpasswd: 'htpasswd'\n"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    const auto result = relocated(row.text);
    REQUIRE(result.has_value());
    CHECK(result->text == kUpstream + std::string(row.changed));
    CHECK_FALSE(result->changed.empty());
    CHECK(result->config.state == "/new/state");
    CHECK(result->config.acl == "/new/conf/acl.yml");
    CHECK(result->config.htpasswd == "/new/conf/htpasswd");
  }
}

TEST_CASE("backup: what stood outside of the config dir is found beside it") {
  const auto result = relocated("acl: ../shared/policy.yml\nauth: {htpasswd: /etc/pw}\n",
                                "acl/policy.yml", "auth/pw");
  REQUIRE(result.has_value());
  CHECK(result->config.acl == "/new/acl/policy.yml");
  CHECK(result->config.htpasswd == "/new/auth/pw");
}

TEST_CASE("backup: a value that cannot be replaced is said, and not guessed at") {
  for (const char* text :
       {"state: >-\n  /var/lib\n", "state: /var\n  lib\n", "state: \"/var\\x2flib\\\"a\"\n"}) {
    CAPTURE(text);
    const auto result = relocated(text);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().kind == manage::Failure::Kind::invalid);
    CHECK(result.error().what.find("layergate.yml: state cannot be changed to ../state") == 0);
  }
  CHECK(relocated("stat: x\n").error().what.find("layergate.yml:2:1: unknown key") == 0);
}

}  // namespace layergate::backup

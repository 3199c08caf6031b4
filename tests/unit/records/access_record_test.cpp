#include "records/access_record.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace layergate::records {

TEST_CASE("access record: one line with every field, in a fixed order") {
  AccessRecord record;
  record.time = *parse_time("2026-06-01T12:00:00.250Z");
  record.trace = "0a1b";
  record.user = "alice";
  record.address = *IpAddress::parse("10.0.0.1");
  record.method = "GET";
  record.action = "pull";
  record.repository = "team/a";
  record.reference = "latest";
  record.digest = "sha256:x";
  record.tag = "7b";
  record.status = 403;
  record.code = "DENIED";
  record.bytes_in = 1;
  record.bytes_out = 18446744073709551615ULL;
  record.seconds = 0.25;
  record.reason = "denied";
  record.rule = "no releases (acl.yml:12)";
  record.user_agent = "docker/24";
  CHECK(record.to_json() ==
        R"({"time":"2026-06-01T12:00:00.250Z","trace":"0a1b","user":"alice",)"
        R"("address":"10.0.0.1","method":"GET","action":"pull","repository":"team/a",)"
        R"("reference":"latest","digest":"sha256:x","tag":"7b","status":403,)"
        R"("code":"DENIED","bytes_in":1,)"
        R"("bytes_out":18446744073709551615,"seconds":0.25,"decision":"denied",)"
        R"("complete":true,"reason":"denied",)"
        R"x("rule":"no releases (acl.yml:12)","user_agent":"docker/24"})x");
  record.allowed = true;
  CHECK(nlohmann::json::parse(record.to_json())["decision"] == "allowed");
}

TEST_CASE("access record: what a client made up cannot end the line or forge a field") {
  AccessRecord record;
  record.user = "a\",\"status\":200,\"x\":\"\n{}\r\x1b[31m";
  record.user_agent = std::string("\0\\\"\t", 4);
  record.reference = "\xc3\xa4\xe2\x80\xa8";
  const auto text = record.to_json();
  CHECK(text.find_first_of(std::string("\0\n\r\t\x1b", 5)) == std::string::npos);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["user"] == record.user);
  CHECK(json["user_agent"] == record.user_agent);
  CHECK(json["reference"] == record.reference);
  CHECK(json["status"] == 0);
  CHECK(json.size() == 20);
}

TEST_CASE("access record: bytes that are no UTF-8 are replaced, and the line stays JSON") {
  for (const std::string odd : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80"}) {
    CAPTURE(odd);
    AccessRecord record;
    record.user = odd;
    record.repository = odd;
    record.reference = odd;
    record.user_agent = odd;
    const auto json = nlohmann::json::parse(record.to_json(), nullptr, false);
    REQUIRE_FALSE(json.is_discarded());
    for (const auto* key : {"user", "repository", "reference", "user_agent"}) {
      CHECK(json[key].get<std::string>().find("\xef\xbf\xbd") != std::string::npos);
    }
  }
}

TEST_CASE("access record: what a client made up is kept to 300 bytes") {
  AccessRecord record;
  record.user_agent = std::string(300, 'a');
  CHECK(nlohmann::json::parse(record.to_json())["user_agent"] == record.user_agent);
  record.user_agent += "a";
  CHECK(nlohmann::json::parse(record.to_json())["user_agent"] == std::string(300, 'a') + "…");
  // A cut through a character is no reason to lose the record.
  record.user = std::string(299, 'a') + "\xc3\xa4";
  const auto json = nlohmann::json::parse(record.to_json(), nullptr, false);
  CHECK_FALSE(json.is_discarded());
  CHECK(json["user"].get<std::string>().size() < 310);
}

}  // namespace layergate::records

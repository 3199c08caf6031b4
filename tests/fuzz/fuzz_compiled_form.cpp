// The compiled form of a policy: whatever stands behind a right checksum, a policy that comes of it
// answers without reading outside of itself, and is written again as it was read.
//
// An input is the body of a form; its head is made here, for no input would hit the checksum.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "acl/compiled_form.h"
#include "base/sha256.h"

namespace {

using namespace layergate;
using namespace layergate::acl;

constexpr std::string_view kNames[] = {"telechat", "a", "a/b", "release/x/y", "team/telechat"};
constexpr std::string_view kTags[] = {"7b-int4", "7b-fp16", "latest", "1"};

void require(bool holds) {
  if (!holds) std::abort();
}

std::string form_of(std::string_view key, std::string_view body) {
  Sha256 hash;
  hash.add(key);
  hash.add(body);
  return std::string("LGPOLICY").append(key).append(hash.hex()).append(body);
}

void ask(const Policy& policy) {
  auto accounts = policy.accounts();
  if (accounts.size() > 6) accounts.resize(6);
  accounts.emplace_back("stranger");
  for (const auto& account : accounts) {
    const Principal who{account, *IpAddress::parse("10.0.0.1"), *parse_time("2026-06-01")};
    for (const auto name : kNames) {
      for (const Action action : kActions) {
        for (const auto tag : kTags) {
          static_cast<void>(policy.decide(who, action, name, tag).to_string());
        }
        static_cast<void>(policy.decide_some_tag(who, action, name).to_string());
        static_cast<void>(policy.decide_every_tag(who, action, name).to_string());
        static_cast<void>(policy.allowed_ranges(account, action, name, 4));
      }
    }
    static_cast<void>(policy.since(account));
  }
  for (const auto name : kNames) {
    static_cast<void>(policy.has_immutable(name));
    static_cast<void>(policy.covers_every_tag(name));
    static_cast<void>(policy.is_immutable(name, kTags[0]) || policy.covers(name, kTags[0]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string key(kFormKey, '0');
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  require(!from_form(body, key) || is_form_of(body, key));
  const auto compiled = from_form(form_of(key, body), key);
  if (!compiled) {
    require(!compiled.error().empty());
    return 0;
  }
  ask(*compiled->policy);
  static_cast<void>(compiled->result(*parse_time("2026-06-01")));
  const auto written = to_form(*compiled, key);
  require(from_form(written, key).has_value());
  return 0;
}

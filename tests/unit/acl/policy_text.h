// Policies in tests are YAML text; this loads and asks them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "acl/loader.h"

namespace layergate::acl {

inline const WallTime kTestNow = *parse_time("2026-06-01T12:00:00Z");

inline std::string as_lines(const std::vector<Problem>& problems) {
  std::string lines;
  for (const auto& problem : problems) lines += (lines.empty() ? "" : "\n") + problem.to_string();
  return lines;
}

inline LoadResult parse_text(const std::string& text) {
  return parse({{"acl.yml", text}}, kTestNow);
}

// A policy that has to load, in short form: the questions come from 10.0.0.1 at kTestNow.
class Asked {
 public:
  explicit Asked(const std::string& text) {
    auto result = parse_text(text);
    REQUIRE_MESSAGE(result.policy != nullptr, as_lines(result.errors));
    policy_ = result.policy;
  }

  Decision operator()(std::string_view account, Action action, std::string_view repository,
                      std::string_view tag) const {
    return policy_->decide(who(account), action, repository, tag);
  }
  Decision some_tag(std::string_view account, Action action, std::string_view repository) const {
    return policy_->decide_some_tag(who(account), action, repository);
  }
  Decision every_tag(std::string_view account, Action action, std::string_view repository) const {
    return policy_->decide_every_tag(who(account), action, repository);
  }
  const Policy* operator->() const { return policy_.get(); }

  static Principal who(std::string_view account, std::string_view address = "10.0.0.1",
                       std::string_view time = "") {
    return {account, IpAddress::parse(address).value(),
            time.empty() ? kTestNow : parse_time(time).value()};
  }

 private:
  std::shared_ptr<const Policy> policy_;
};

}  // namespace layergate::acl

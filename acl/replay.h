// Which requests of the past would a policy decide otherwise.
//
// A request is asked again by name and tag, at its own time and from its own address. What a
// decision took from pushes and registry contents of that time is not known any more; such requests
// are counted, with the reason, and not guessed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "acl/policy.h"

namespace layergate::acl {

// Of its to_string().
std::optional<Reason> parse_reason(std::string_view text);

// A request as it was decided. The texts are viewed during the call only.
struct PastRequest {
  WallTime time;
  std::string_view user;
  IpAddress address;
  Action action = Action::pull;
  std::string_view repository;  // empty: about the account alone
  std::string_view tag;         // empty: about some tag of the repository
  // It asked to read or delete a digest; the tag, if there is one, is the one that it was decided
  // on. Others may reach it too.
  bool by_digest = false;
  bool allowed = false;
  std::string_view reason;  // to_string(Reason), or "immutable"
  std::string_view rule;    // RuleOrigin::to_string(), or empty
};

class Replay {
 public:
  // The policy must outlive this.
  explicit Replay(const Policy& policy) : policy_(policy) {}

  void add(const PastRequest& request);
  // Of a request that no policy decided: only counted.
  void pass_over(std::string_view why) { ++passed_over_[std::string(why)]; }

  // Requests of one user and kind that the policy decides otherwise, and alike.
  struct Otherwise {
    std::string user;
    Action action = Action::pull;
    std::string repository, tag;
    bool allowed = false;       // by the policy; before, it was the other way
    std::string before, after;  // why
    std::uint64_t count = 0;
    WallTime first{}, last{};
  };
  // Those that are refused now first; then by user, image and action.
  [[nodiscard]] std::vector<Otherwise> otherwise() const;

  [[nodiscard]] std::uint64_t same() const { return same_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }  // that were allowed
  [[nodiscard]] std::uint64_t allowed() const { return allowed_; }  // that were refused
  // By why they could not be decided.
  [[nodiscard]] const std::map<std::string, std::uint64_t>& passed_over() const {
    return passed_over_;
  }
  // How many of refused() and allowed() are beyond what otherwise() can hold.
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  static constexpr std::size_t kMostKinds = 100'000;

  [[nodiscard]] Decision decide(const PastRequest& request) const;
  // Why it cannot be told; null if it can.
  [[nodiscard]] const char* doubt(const PastRequest& request, const Decision& decision) const;

  struct Counted {
    std::uint64_t count = 0;
    WallTime first{}, last{};
  };
  // allowed, user, repository, tag, action, before, after
  using Kind =
      std::tuple<bool, std::string, std::string, std::string, Action, std::string, std::string>;

  const Policy& policy_;
  std::map<Kind, Counted> kinds_;
  std::map<std::string, std::uint64_t> passed_over_;
  std::uint64_t same_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t allowed_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace layergate::acl

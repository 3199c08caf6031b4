#include "acl/replay.h"

#include <algorithm>

namespace layergate::acl {
namespace {

// As Decision::to_string() would have said it then.
std::string said_then(const PastRequest& request) {
  if (!request.rule.empty()) {
    return (request.allowed ? "allowed by " : "denied by ") + std::string(request.rule);
  }
  if (const auto reason = parse_reason(request.reason)) {
    return Decision{request.allowed, *reason, nullptr}.to_string();
  }
  return std::string(request.allowed ? "allowed" : "refused") + ": " + std::string(request.reason);
}

}  // namespace

std::optional<Reason> parse_reason(std::string_view text) {
  for (auto i = static_cast<int>(Reason::rule); i <= static_cast<int>(Reason::no_tag); ++i) {
    const auto reason = static_cast<Reason>(i);
    if (to_string(reason) == text) return reason;
  }
  return std::nullopt;
}

Decision Replay::decide(const PastRequest& request) const {
  const Principal who{request.user, request.address, request.time};
  if (request.repository.empty()) return policy_.admit(who);
  // Who brought it there may read it as long as he may push something.
  if (request.reason == to_string(Reason::possession)) {
    auto decision = policy_.decide_some_tag(who, Action::push, request.repository);
    if (decision.allowed) decision = {true, Reason::possession, nullptr};
    return decision;
  }
  if (request.tag.empty()) return policy_.decide_some_tag(who, request.action, request.repository);
  return policy_.decide(who, request.action, request.repository, request.tag);
}

const char* Replay::doubt(const PastRequest& request, const Decision& decision) const {
  // A refused account is refused whatever there is.
  if (!decision.allowed && decision.reason != Reason::no_rule &&
      decision.reason != Reason::denied) {
    return nullptr;
  }
  const bool unregistered = policy_.may_push_unregistered() && request.action != Action::erase &&
                            decision.reason == Reason::no_rule && !request.repository.empty();
  if (unregistered && !(request.tag.empty() ? policy_.covers_every_tag(request.repository)
                                            : policy_.covers(request.repository, request.tag))) {
    return "under unregistered: push it depends on who pushed the tag";
  }
  const bool by_right =
      request.reason != to_string(Reason::possession) && decision.reason != Reason::admin;
  if (request.by_digest && request.tag.empty() && decision.allowed && by_right) {
    return "it asked for a digest, and which tags reached it was not recorded";
  }
  return nullptr;
}

void Replay::add(const PastRequest& request) {
  const auto decision = decide(request);
  if (const auto* why = doubt(request, decision)) {
    pass_over(why);
    return;
  }
  // What is immutable stays closed as long as the policy says so of the tag.
  const bool closed = request.reason == "immutable" && !request.tag.empty() &&
                      policy_.is_immutable(request.repository, request.tag);
  const bool allowed = decision.allowed && !closed;
  if (allowed == request.allowed) {
    ++same_;
    return;
  }
  ++(allowed ? allowed_ : refused_);
  Kind kind{allowed,        request.user,       request.repository,  request.tag,
            request.action, said_then(request), decision.to_string()};
  auto found = kinds_.find(kind);
  if (found == kinds_.end()) {
    if (kinds_.size() >= kMostKinds) {
      ++left_out_;
      return;
    }
    found = kinds_.emplace(std::move(kind), Counted{0, request.time, request.time}).first;
  }
  auto& counted = found->second;
  ++counted.count;
  counted.first = std::min(counted.first, request.time);
  counted.last = std::max(counted.last, request.time);
}

std::vector<Replay::Otherwise> Replay::otherwise() const {
  std::vector<Otherwise> all;
  all.reserve(kinds_.size());
  for (const auto& [kind, counted] : kinds_) {
    const auto& [allowed, user, repository, tag, action, before, after] = kind;
    all.push_back({user, action, repository, tag, allowed, before, after, counted.count,
                   counted.first, counted.last});
  }
  return all;
}

}  // namespace layergate::acl

#include "proxy/gate.h"

#include <utility>

#include "proxy/reference.h"

namespace layergate::proxy {
namespace {

using acl::Action;
using acl::Decision;
using acl::Policy;
using acl::Principal;

Refusal denied(const Route& route, const Principal& who, Action action, const Decision& decision) {
  std::string message(who.account);
  message += " may not ";
  message += acl::to_string(action);
  message += " ";
  message += route.image();
  if (decision.reason == acl::Reason::not_every_tag) {
    message += ": this needs the right on every tag of " + route.repository;
  } else if (decision.rule != nullptr && !decision.rule->reason.empty()) {
    message += ": ";
    message += decision.rule->reason;
  }
  return {403, ErrorCode::denied, std::move(message), "", 0};
}

// A tag that stands for another manifest needs the right on every tag.
Decision decide_tag(std::string_view repository, std::string_view tag, const Principal& who,
                    const Policy& policy, Action action) {
  return is_fallback_tag(tag) ? policy.decide_every_tag(who, action, repository)
                              : policy.decide(who, action, repository, tag);
}

// The action on what the route names: a tag where it names one that means only itself, else all.
Decision decide_reference(const Route& route, const Principal& who, const Policy& policy,
                          Action action) {
  if (!route.tag.empty()) return decide_tag(route.repository, route.tag, who, policy, action);
  return policy.decide_every_tag(who, action, route.repository);
}

class Judge {
 public:
  Judge(const Route& route, const Principal& who, const Policy& policy)
      : route_(route), who_(who), policy_(policy) {}

  Ruling rule() {
    switch (route_.endpoint) {
      case Endpoint::ping:
      case Endpoint::catalog:
        return answer(Action::view, policy_.admit(who_));
      case Endpoint::tags:
        return answer(Action::view, policy_.decide_some_tag(who_, Action::view, route_.repository));
      case Endpoint::referrers:
        return hide(Action::pull, policy_.decide_every_tag(who_, Action::pull, route_.repository),
                    ErrorCode::manifest_unknown);
      case Endpoint::manifest:
        return rule_manifest();
      case Endpoint::blob:
        return rule_blob();
      case Endpoint::start_upload:
      case Endpoint::upload:
        return rule_upload();
    }
    return answer(Action::view, Decision{});
  }

 private:
  Ruling rule_manifest() {
    switch (route_.method) {
      case Method::put:
        return push_manifest();
      case Method::erase:
        return erase();
      case Method::get:
      case Method::head:
      case Method::post:
      case Method::patch:
        break;
    }
    const auto decision = decide_reference(route_, who_, policy_, Action::pull);
    // containerd asks for a manifest before it pushes it, and gives up on 403.
    const bool pushes = policy_.decide_some_tag(who_, Action::push, route_.repository).allowed;
    if (pushes) return hide(Action::pull, decision, ErrorCode::manifest_unknown);
    return answer(Action::pull, decision);
  }

  Ruling rule_blob() {
    if (route_.method == Method::erase) return erase();
    // skopeo asks other repositories for layers to mount, and gives up on 403.
    return hide(Action::pull, policy_.decide_every_tag(who_, Action::pull, route_.repository),
                ErrorCode::blob_unknown);
  }

  Ruling rule_upload() {
    auto ruling =
        answer(Action::push, policy_.decide_some_tag(who_, Action::push, route_.repository));
    if (!ruling.refusal) ruling.refusal = refuse_reserved_name();
    if (!ruling.refusal && !route_.mount.empty() && !route_.from.empty()) {
      ruling.mount_readable = policy_.decide_every_tag(who_, Action::pull, route_.from).allowed;
    }
    return ruling;
  }

  Ruling push_manifest() {
    const bool by_tag = !route_.tag.empty();
    const auto push = by_tag ? decide_reference(route_, who_, policy_, Action::push)
                             : policy_.decide_some_tag(who_, Action::push, route_.repository);
    auto ruling = answer(Action::push, push);
    if (ruling.refusal) return ruling;
    ruling.refusal = refuse_reserved_name();
    if (ruling.refusal) return ruling;
    if (by_tag && policy_.is_immutable(route_.repository, route_.tag)) {
      // Whether the tag exists already, only the index can say.
      ruling.refusal = Refusal{403, ErrorCode::denied, route_.image() + " is immutable", "", 0};
      return ruling;
    }
    // A manifest reads what it names: each descriptor has to be readable to its pusher.
    const auto pull = policy_.decide_every_tag(who_, Action::pull, route_.repository);
    if (!pull.allowed) {
      ruling.decision = pull;
      ruling.refusal =
          Refusal{403, ErrorCode::denied,
                  std::string(who_.account) + " may not push " + route_.image() +
                      ": a push needs the right to pull every tag of " + route_.repository,
                  "", 0};
    }
    return ruling;
  }

  Ruling erase() {
    auto ruling = answer(Action::erase, decide_reference(route_, who_, policy_, Action::erase));
    if (ruling.refusal) return ruling;
    const bool immutable = route_.tag.empty() || is_fallback_tag(route_.tag)
                               ? policy_.has_immutable(route_.repository)
                               : policy_.is_immutable(route_.repository, route_.tag);
    if (immutable) {
      ruling.refusal = Refusal{403, ErrorCode::denied,
                               route_.image() + " is immutable, or may carry a tag that is", "", 0};
    }
    return ruling;
  }

  std::optional<Refusal> refuse_reserved_name() const {
    if (!has_reserved_part(route_.repository)) return std::nullopt;
    return Refusal{400, ErrorCode::name_invalid,
                   "no part of a repository's name may be manifests, blobs, tags, uploads or "
                   "referrers",
                   "", 0};
  }

  // 403 if it is not allowed.
  Ruling answer(Action action, const Decision& decision) const {
    Ruling ruling{action, decision, refuse_account(decision), false};
    if (!decision.allowed && !ruling.refusal) {
      ruling.refusal = denied(route_, who_, action, decision);
    }
    return ruling;
  }

  // 404 if it is not allowed, as if it did not exist.
  Ruling hide(Action action, const Decision& decision, ErrorCode code) const {
    Ruling ruling{action, decision, refuse_account(decision), false};
    if (!decision.allowed && !ruling.refusal) ruling.refusal = unknown_to_registry(code);
    return ruling;
  }

  static Refusal unknown_to_registry(ErrorCode code) {
    const auto* what =
        code == ErrorCode::blob_unknown ? "blob unknown to registry" : "manifest unknown";
    return {404, code, what, "", 0};
  }

  const Route& route_;
  const Principal& who_;
  const Policy& policy_;
};

}  // namespace

Refusal unauthorized() {
  return {401, ErrorCode::unauthorized, "authentication required: docker login with your account",
          "", 0};
}

std::optional<Refusal> refuse_account(const Decision& admitted) {
  switch (admitted.reason) {
    case acl::Reason::unknown_account:
    case acl::Reason::disabled:
    case acl::Reason::expired:
      return unauthorized();
    case acl::Reason::address:
      return Refusal{403, ErrorCode::denied, "this account may not be used from this address", "",
                     0};
    case acl::Reason::rule:
    case acl::Reason::admin:
    case acl::Reason::usable:
    case acl::Reason::permission:
    case acl::Reason::denied:
    case acl::Reason::no_rule:
    case acl::Reason::not_every_tag:
      return std::nullopt;
  }
  return std::nullopt;
}

Decision decide_view(std::string_view repository, std::string_view tag, const Principal& who,
                     const Policy& policy) {
  return decide_tag(repository, tag, who, policy, Action::view);
}

Ruling rule_on(const Route& route, const Principal& who, const Policy& policy) {
  return Judge(route, who, policy).rule();
}

}  // namespace layergate::proxy

#include "proxy/gate.h"

#include <set>
#include <utility>

#include "index/rights.h"
#include "oci/reference.h"

namespace layergate::proxy {
namespace {

using acl::Action;
using acl::Decision;
using acl::Policy;
using acl::Principal;
using index::Held;

Refusal denied(const Route& route, const Principal& who, Action action, const Decision& decision) {
  std::string message(who.account);
  message += " may not ";
  message += acl::to_string(action);
  message += " ";
  message += route.image();
  if (decision.rule != nullptr && !decision.rule->reason.empty()) {
    message += ": ";
    message += decision.rule->reason;
  }
  return {403, ErrorCode::denied, std::move(message), "", 0};
}

Refusal unknown_to_registry(ErrorCode code) {
  const auto* what =
      code == ErrorCode::blob_unknown ? "blob unknown to registry" : "manifest unknown";
  return {404, code, what, "", 0};
}

class Judge {
 public:
  Judge(const Route& route, const Principal& who, const Policy& policy, const index::Index& index)
      : route_(route), who_(who), policy_(policy), index_(index), rights_(index, policy, who) {}

  Ruling rule() {
    switch (route_.endpoint) {
      case Endpoint::ping:
      case Endpoint::catalog:
        return answer(Action::view, policy_.admit(who_));
      case Endpoint::tags:
        return answer(Action::view, rights_.on_some_tag(Action::view, route_.repository));
      case Endpoint::referrers:
        return answer(Action::pull, rights_.on_some_tag(Action::pull, route_.repository));
      case Endpoint::manifest:
        return rule_manifest();
      case Endpoint::blob:
        return route_.method == Method::erase ? erase_digest(Held::blob) : read_digest(Held::blob);
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
        return route_.tag.empty() ? erase_digest(Held::manifest) : erase_tag();
      case Method::get:
      case Method::head:
      case Method::post:
      case Method::patch:
        break;
    }
    return route_.tag.empty() ? read_digest(Held::manifest) : read_tag();
  }

  Ruling read_tag() {
    const auto decision = rights_.on_tag(Action::pull, route_.repository, route_.tag);
    auto ruling = answer(Action::pull, decision);
    if (ruling.refusal && oci::is_fallback_tag(route_.tag)) {
      // Whether a tag reaches what it speaks of must not show: answered by its own name alone.
      const auto own = policy_.decide(who_, Action::pull, route_.repository, route_.tag);
      ruling = answer(Action::pull, own);
      if (!ruling.refusal) {
        ruling.decision = decision;
        ruling.refusal = unknown_to_registry(ErrorCode::manifest_unknown);
      }
    }
    if (ruling.refusal) {
      // containerd asks for a manifest before it pushes it, and gives up on 403.
      if (ruling.refusal->status == 403 && !refuse_account(decision) && pushes()) {
        ruling.refusal = unknown_to_registry(ErrorCode::manifest_unknown);
      }
      return ruling;
    }
    const auto* tag = find_tag();
    if (tag == nullptr) {
      ruling.refusal = unknown_to_registry(ErrorCode::manifest_unknown);
    } else {
      set_stored(ruling, tag->root);
      ruling.tag = route_.tag;
    }
    return ruling;
  }

  Ruling read_digest(Held as) {
    auto reach = rights_.may_read(route_.repository, route_.digest, as);
    auto ruling = hide(Action::pull, reach.decision, as);
    if (ruling.refusal) return ruling;
    ruling.tag = std::move(reach.tag);
    if (as == Held::blob) return ruling;
    const auto node = index_.find_manifest(route_.repository, route_.digest);
    if (node != index::kNone) set_stored(ruling, node);
    return ruling;
  }

  Ruling rule_upload() {
    auto ruling = answer(Action::push, rights_.on_some_tag(Action::push, route_.repository));
    if (!ruling.refusal) ruling.refusal = refuse_reserved_name();
    if (!ruling.refusal && !route_.mount.empty() && !route_.from.empty()) {
      ruling.mount_readable =
          rights_.may_read(route_.from, route_.mount, Held::blob).decision.allowed;
    }
    return ruling;
  }

  Ruling push_manifest() {
    const bool by_tag = !route_.tag.empty();
    auto ruling =
        answer(Action::push, by_tag ? rights_.on_tag(Action::push, route_.repository, route_.tag)
                                    : rights_.on_some_tag(Action::push, route_.repository));
    if (!ruling.refusal) ruling.refusal = refuse_reserved_name();
    if (ruling.refusal || !by_tag) return ruling;
    ruling.tag = route_.tag;
    ruling.must_be_unchanged = policy_.is_immutable(route_.repository, route_.tag);
    ruling.must_be_own = ruling.decision.reason == acl::Reason::unregistered;
    return ruling;
  }

  Ruling erase_tag() {
    auto ruling =
        answer(Action::erase, rights_.on_tag(Action::erase, route_.repository, route_.tag));
    if (ruling.refusal) return ruling;
    ruling.tag = route_.tag;
    if (find_tag() == nullptr) {
      ruling.refusal = unknown_to_registry(ErrorCode::manifest_unknown);
    } else if (policy_.is_immutable(route_.repository, route_.tag)) {
      ruling.refusal = immutable();
    }
    return ruling;
  }

  Ruling erase_digest(Held as) {
    auto reach = rights_.may_delete(route_.repository, route_.digest, as);
    const bool immutable_tag = rights_.is_immutable(route_.repository, route_.digest, as);
    if (!reach.decision.allowed || immutable_tag) {
      // To who may read it, that it is there is no secret.
      if (!rights_.may_read(route_.repository, route_.digest, as).decision.allowed) {
        return hide(Action::erase, some_decision(Action::erase), as);
      }
      if (!reach.decision.allowed) return answer(Action::erase, reach.decision);
    }
    auto ruling = answer(Action::erase, reach.decision);
    ruling.tag = std::move(reach.tag);
    if (immutable_tag) ruling.refusal = immutable();
    return ruling;
  }

  // Not allowed, for a reason that the policy alone gives.
  Decision some_decision(Action action) const {
    auto decision = policy_.decide_some_tag(who_, action, route_.repository);
    if (decision.allowed) decision = {false, acl::Reason::no_tag, nullptr};
    return decision;
  }

  Refusal immutable() const {
    return {403, ErrorCode::denied, route_.image() + " is immutable, or carries a tag that is", "",
            0};
  }

  std::optional<Refusal> refuse_reserved_name() const {
    if (!oci::has_reserved_part(route_.repository)) return std::nullopt;
    return Refusal{400, ErrorCode::name_invalid,
                   "no part of a repository's name may be manifests, blobs, tags, uploads or "
                   "referrers",
                   "", 0};
  }

  void set_stored(Ruling& ruling, index::NodeId node) const {
    if (!index_.is_manifest(node)) return;
    ruling.stored = index_.media_type(node);
    ruling.digest = index_.digest_of(node);
  }

  const index::Tag* find_tag() const { return index_.find_tag(route_.repository, route_.tag); }

  bool pushes() const { return rights_.on_some_tag(Action::push, route_.repository).allowed; }

  // 403 if it is not allowed.
  Ruling answer(Action action, const Decision& decision) const {
    Ruling ruling;
    ruling.action = action;
    ruling.decision = decision;
    ruling.refusal = refuse_account(decision);
    if (!decision.allowed && !ruling.refusal) {
      ruling.refusal = denied(route_, who_, action, decision);
    }
    return ruling;
  }

  // If it is not allowed, the answer for a digest that is not there.
  Ruling hide(Action action, const Decision& decision, Held as) const {
    auto ruling = answer(action, decision);
    if (!ruling.refusal || refuse_account(decision)) return ruling;
    if (as == Held::blob) {
      // skopeo asks other repositories for layers to mount, and gives up on 403.
      ruling.refusal = unknown_to_registry(ErrorCode::blob_unknown);
    } else if (pushes() || rights_.on_every_tag(action, route_.repository).allowed ||
               rights_.on_every_tag(Action::pull, route_.repository).allowed) {
      ruling.refusal = unknown_to_registry(ErrorCode::manifest_unknown);
    }
    return ruling;
  }

  const Route& route_;
  const Principal& who_;
  const Policy& policy_;
  const index::Index& index_;
  const index::Rights rights_;
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
    case acl::Reason::unregistered:
    case acl::Reason::possession:
    case acl::Reason::permission:
    case acl::Reason::denied:
    case acl::Reason::no_rule:
    case acl::Reason::not_every_tag:
    case acl::Reason::no_tag:
      return std::nullopt;
  }
  return std::nullopt;
}

Ruling rule_on(const Route& route, const Principal& who, const Policy& policy,
               const index::Index& index) {
  return Judge(route, who, policy, index).rule();
}

std::optional<Refusal> rule_on_contents(const oci::Manifest& manifest, std::string_view repository,
                                        const Principal& who, const Policy& policy,
                                        const index::Index& index) {
  const index::Rights rights(index, policy, who);
  const auto refuse = [](const oci::Descriptor& descriptor) {
    return Refusal{404, ErrorCode::manifest_blob_unknown,
                   "the manifest names " + descriptor.digest +
                       ", which is not in this repository: push it there first",
                   "", 0};
  };
  std::set<std::string_view> seen;  // a manifest may name one digest thousands of times
  for (const auto& child : manifest.manifests) {
    if (!seen.insert(child.digest).second) continue;
    if (!rights.may_name(repository, child.digest, Held::manifest)) return refuse(child);
  }
  seen.clear();
  for (const auto& blob : manifest.blobs) {
    if (!seen.insert(blob.digest).second) continue;
    if (!rights.may_name(repository, blob.digest, Held::blob, blob.has_urls)) return refuse(blob);
  }
  return std::nullopt;
}

}  // namespace layergate::proxy

#include "index/rights.h"

#include <algorithm>

#include "index/candidates.h"
#include "index/climb.h"
#include "oci/reference.h"

namespace layergate::index {
namespace {

using acl::Action;
using acl::Decision;
using acl::Principal;
using acl::Reason;

constexpr std::size_t kMostCandidates = 4096;  // tags
constexpr int kDeepest = 8;                    // signatures of signatures of …

constexpr Links kAsManifest{Link::child, Link::subject};
constexpr Links kAsBlob{Link::child, Link::blob, Link::subject};

Links links_of(Held as) { return as == Held::blob ? kAsBlob : kAsManifest; }

}  // namespace

Decision Rights::plain(const Principal& who, Action action, std::string_view repository,
                       std::string_view tag) const {
  auto decision = policy_.decide(who, action, repository, tag);
  if (decision.allowed || decision.reason != Reason::no_rule || action == Action::erase ||
      !policy_.may_push_unregistered() || policy_.covers(repository, tag)) {
    return decision;
  }
  const auto* at = index_.find_tag(repository, tag);
  const bool own =
      at != nullptr && at->account != kNone && index_.account_name(at->account) == who.account;
  if (own || (at == nullptr && action == Action::push)) {
    return {true, Reason::unregistered, nullptr};
  }
  return decision;
}

// By the ordinary tags that reach what a fallback tag speaks of; nothing if none does, or if it is
// an ordinary tag itself.
std::optional<Decision> Rights::by_subject(Action action, std::string_view repository,
                                           std::string_view tag) const {
  if (!oci::is_fallback_tag(tag)) return std::nullopt;
  const auto subject = oci::subject_of_tag(tag);
  if (subject.empty()) return policy_.decide_every_tag(who_, action, repository);
  const auto node = index_.find_manifest(repository, subject);
  std::optional<Decision> decision;
  if (node != kNone) {
    // A grace is for reading only.
    const bool with_graces = action == Action::pull;
    any_tag(node, kAsManifest, with_graces, [&](std::string_view other, const Grace* grace) {
      if (oci::is_fallback_tag(other)) return false;
      const auto its =
          grace == nullptr ? plain(who_, action, repository, other) : on_grace(repository, *grace);
      if (!decision || !decision->allowed || its.allowed) decision = its;
      // What only `unregistered: push` allows is bound to the moment; a rule on another tag is not.
      return its.allowed && (action != Action::push || its.reason != Reason::unregistered);
    });
  }
  if (is_spent()) return Decision{false, Reason::no_tag, nullptr};
  return decision;
}

Decision Rights::on_tag(Action action, std::string_view repository, std::string_view tag) const {
  const auto decision = by_subject(action, repository, tag);
  return decision ? *decision : plain(who_, action, repository, tag);
}

Decision Rights::on_some_tag(Action action, std::string_view repository) const {
  auto decision = policy_.decide_some_tag(who_, action, repository);
  if (decision.allowed || decision.reason != Reason::no_rule || action == Action::erase ||
      !policy_.may_push_unregistered() || policy_.covers_every_tag(repository)) {
    return decision;
  }
  return {true, Reason::unregistered, nullptr};
}

// visit(tag, its grace or null) for each tag that reaches the node, until it answers true. Tags may
// come twice.
template <typename Visit>
bool Rights::any_tag(NodeId node, Links links, bool with_graces, Visit visit) const {
  bool spent = false;
  const bool stopped = climb(
      index_, node, links,
      [&](NodeId referrer, NodeId subject) { return is_shown(referrer, subject, with_graces, 0); },
      [&](NodeId manifest) {
        spent = is_spent();
        if (spent) return true;
        for (const auto* tag : index_.tags_of(manifest)) {
          if (spent = is_spent(); spent) return true;
          if (visit(std::string_view(*tag), static_cast<const Grace*>(nullptr))) return true;
        }
        if (!with_graces) return false;
        for (const auto& grace : index_.graces_of(manifest)) {
          if (spent = is_spent(); spent) return true;
          if (grace.until > now() && visit(std::string_view(grace.tag), &grace)) return true;
        }
        return false;
      });
  return stopped && !spent;
}

// What a tag was at is not its present owner's, if only who pushed it makes it his.
Decision Rights::plain(const Principal& who, Action action, std::string_view repository,
                       const Grace& grace) const {
  auto decision = plain(who, action, repository, grace.tag);
  if (decision.reason == Reason::unregistered && grace.account != who.account) {
    decision = {false, Reason::no_rule, nullptr};
  }
  return decision;
}

Decision Rights::on_grace(std::string_view repository, const Grace& grace) const {
  const auto decision = by_subject(Action::pull, repository, grace.tag);
  return decision ? *decision : plain(who_, Action::pull, repository, grace);
}

// Shown is the least there is: a referrer is, if who put it pushes to a tag that reaches its
// subject by way of referrers that are shown. The ways may lead back to where they began, so it is
// looked for again with what was found, until nothing more is.
bool Rights::is_shown(NodeId referrer, NodeId subject, bool with_graces, int depth) const {
  const auto* it = index_.find_referrer(referrer);
  if (it == nullptr || is_spent()) return false;
  auto& shown = shown_[with_graces ? 1 : 0];
  const auto look = [&] {
    shown.round_of[referrer] = shown.round;
    const bool found = std::any_of(it->putters.begin(), it->putters.end(), [&](const auto& p) {
      return p.account.empty() || pushes_to(p, subject, with_graces, depth);
    });
    if (found) {
      shown.found.insert(referrer);
      shown.grew = true;
    }
    return found;
  };
  if (shown.found.contains(referrer)) return true;
  if (const auto known = shown.round_of.find(referrer);
      known != shown.round_of.end() &&
      (known->second == kSettled || (shown.is_looking && known->second == shown.round))) {
    return false;
  }
  if (shown.is_looking) return look();
  shown.is_looking = true;
  bool found = false;
  do {
    ++shown.round;
    shown.grew = false;
    found = look();
  } while (!found && shown.grew && !is_spent());
  shown.is_looking = false;
  if (!shown.grew) {
    for (auto& [node, round] : shown.round_of) {
      if (round == shown.round) round = kSettled;
    }
  }
  return found;
}

// Only ordinary tags count here, and no fallback tag's reach: digests cannot form a circle, tags
// can.
bool Rights::pushes_to(const Putter& putter, NodeId subject, bool with_graces, int depth) const {
  if (depth >= kDeepest) return false;
  const auto& repository = index_.repository(index_.repository_of(subject)).name;
  const auto address = IpAddress::parse(putter.address);
  const Principal who{putter.account, address.value_or(IpAddress{}), who_.now};
  bool spent = false;
  const bool found = climb(
      index_, subject, kAsManifest,
      [&](NodeId referrer, NodeId of) { return is_shown(referrer, of, with_graces, depth + 1); },
      [&](NodeId manifest) {
        const auto tags = index_.tags_of(manifest);
        spent = is_spent();
        if (spent || std::any_of(tags.begin(), tags.end(), [&](const std::string* tag) {
              return !is_spent() && !oci::is_fallback_tag(*tag) &&
                     plain(who, Action::push, repository, *tag).allowed;
            })) {
          return true;
        }
        if (!with_graces) return false;
        const auto graces = index_.graces_of(manifest);
        return std::any_of(graces.begin(), graces.end(), [&](const Grace& grace) {
          return !is_spent() && grace.until > now() && !oci::is_fallback_tag(grace.tag) &&
                 plain(who, Action::push, repository, grace).allowed;
        });
      });
  return found && !spent;
}

bool Rights::possesses(std::string_view repository, NodeId node, Held as) const {
  return on_some_tag(Action::push, repository).allowed &&
         index_.possesses(who_.account, node, as, now(), [&] { return is_spent(); });
}

Reach Rights::may_read(std::string_view repository, std::string_view digest, Held as) const {
  const auto node = index_.find(repository, digest);
  Reach reach;
  const bool may_pull = on_some_tag(Action::pull, repository).allowed;
  bool is_reached = false;
  std::size_t seen = 0;
  const bool is_there = node != kNone && (as == Held::blob || index_.is_manifest(node));
  if (is_there && (may_pull || policy_.is_admin(who_.account))) {
    std::optional<Reach> from_tags;
    const bool read =
        any_tag(node, links_of(as), true, [&](std::string_view tag, const Grace* grace) {
          is_reached = true;
          if (++seen == index_.options().many) {
            from_tags = read_from_tags(index_.repository(index_.repository_of(node)), node, as);
            if (from_tags) return true;
          }
          reach.decision = grace == nullptr ? on_tag(Action::pull, repository, tag)
                                            : on_grace(repository, *grace);
          if (reach.decision.allowed) reach.tag = tag;
          return reach.decision.allowed;
        });
    if (from_tags && from_tags->decision.allowed) return *from_tags;
    if (read && !from_tags) return reach;
  }
  if (is_there && possesses(repository, node, as)) {
    return {{true, Reason::possession, nullptr}, ""};
  }
  // Of blobs that nobody tagged the index does not know all; of manifests it does.
  if (!is_reached && steps_ <= kMostSteps && policy_.is_admin(who_.account) &&
      (as == Held::blob || is_there)) {
    return {policy_.decide_some_tag(who_, Action::pull, repository), ""};
  }
  // The same for what is not there: nothing of the tags that were looked at.
  const auto some = policy_.decide_some_tag(who_, Action::pull, repository);
  return {some.allowed ? Decision{false, Reason::no_tag, nullptr} : some, ""};
}

// The grace of that tag at the node, if it lasts.
const Grace* Rights::find_grace(NodeId node, std::string_view tag) const {
  for (const auto& grace : index_.graces_of(node)) {
    if (grace.tag == tag && grace.until > now()) return &grace;
  }
  return nullptr;
}

std::optional<Reach> Rights::read_from_tags(const Repository& repository, NodeId node,
                                            Held as) const {
  const Candidates candidates(policy_, who_.account, Action::pull, repository);
  if (!candidates.are_bounded()) return std::nullopt;
  std::size_t looked_at = 0;
  Reach reach{{false, Reason::no_tag, nullptr}, ""};
  const auto try_tag = [&](const std::string& tag, NodeId root, const Grace* grace) {
    if (++looked_at > kMostCandidates) return false;
    const auto decision = grace == nullptr ? on_tag(Action::pull, repository.name, tag)
                                           : on_grace(repository.name, *grace);
    if (!decision.allowed || !reaches(repository, root, node, as)) return false;
    reach = {decision, tag};
    return true;
  };
  for (const auto& range : candidates.ranges()) {
    const auto is_in = [&](const std::string& tag) {
      return range.exact ? tag == range.text : tag.starts_with(range.text);
    };
    for (auto at = repository.tags.lower_bound(range.text);
         at != repository.tags.end() && is_in(at->first); ++at) {
      if (try_tag(at->first, at->second.root, nullptr)) return reach;
      if (looked_at > kMostCandidates) return std::nullopt;
    }
    for (auto at = repository.graces.lower_bound(range.text);
         at != repository.graces.end() && is_in(at->first); ++at) {
      const auto* grace = find_grace(at->second, at->first);
      if (grace != nullptr && try_tag(at->first, at->second, grace)) return reach;
      if (looked_at > kMostCandidates) return std::nullopt;
    }
  }
  return reach;
}

// Downwards: children, referrers that are shown, what fallback tags of these are at, and at the
// end blobs.
bool Rights::reaches(const Repository& repository, NodeId root, NodeId node, Held as) const {
  Met met;
  std::vector<NodeId> todo;
  const auto meet = [&](NodeId manifest) {
    if (index_.is_manifest(manifest) && met.add(manifest)) todo.push_back(manifest);
  };
  meet(root);
  while (!todo.empty() && !is_spent()) {
    const auto manifest = todo.back();
    todo.pop_back();
    if (manifest == node) return true;
    bool is_named = false;
    index_.each_child(manifest, [&](Link link, NodeId child) {
      ++steps_;
      if (link == Link::child) meet(child);
      is_named |= link == Link::blob && child == node && as == Held::blob;
    });
    if (is_named) return true;
    index_.any_parent(manifest, Link::subject, [&](NodeId referrer) {
      if (is_shown(referrer, manifest, true, 0)) meet(referrer);
      return false;
    });
    auto prefix = index_.digest_of(manifest);
    if (!oci::is_digest(prefix) || !prefix.starts_with("sha256:")) continue;
    prefix[6] = '-';
    for (auto at = repository.tags.lower_bound(prefix);
         at != repository.tags.end() && at->first.starts_with(prefix); ++at) {
      if (oci::is_fallback_tag(at->first) &&
          on_tag(Action::pull, repository.name, at->first).allowed) {
        meet(at->second.root);
      }
    }
    for (auto at = repository.graces.lower_bound(prefix);
         at != repository.graces.end() && at->first.starts_with(prefix); ++at) {
      const auto* grace = find_grace(at->second, at->first);
      if (grace != nullptr && oci::is_fallback_tag(at->first) &&
          on_grace(repository.name, *grace).allowed) {
        meet(at->second);
      }
    }
  }
  return false;
}

bool Rights::may_name(std::string_view repository, std::string_view digest, Held as,
                      bool may_lie_elsewhere) const {
  const auto node = index_.find(repository, digest);
  if (as == Held::manifest) {
    return node != kNone && index_.is_manifest(node) &&
           (possesses(repository, node, as) || may_read(repository, digest, as).decision.allowed);
  }
  // A manifest's bytes are no blob to the registry until somebody uploads them as one.
  bool is_blob = false;
  if (node != kNone) {
    is_blob = index_.any_parent(node, Link::blob, [](NodeId) { return true; }) ||
              index_.came_as_blob(node);
  }
  if (is_blob && possesses(repository, node, as)) return true;
  // Of blobs that nobody tagged the index does not know all, and an admin who is told by HEAD that
  // one is there uploads it no more: the registry will say.
  if (!is_blob && (may_lie_elsewhere || !policy_.is_admin(who_.account))) return false;
  return may_read(repository, digest, as).decision.allowed;
}

Reach Rights::may_delete(std::string_view repository, std::string_view digest, Held as) const {
  const auto node = index_.find(repository, digest);
  const auto every = policy_.decide_every_tag(who_, Action::erase, repository);
  if (node != kNone && (as == Held::blob || index_.is_manifest(node))) {
    bool is_reached = false;
    Reach refused;
    Reach allowed;
    const bool stopped =
        any_tag(node, links_of(as), false, [&](std::string_view tag, const Grace*) {
          is_reached = true;
          const auto decision = every.allowed ? every : on_tag(Action::erase, repository, tag);
          (decision.allowed ? allowed : refused) = {decision, std::string(tag)};
          return !decision.allowed || every.allowed;
        });
    if (steps_ > kMostSteps) return {{false, Reason::no_tag, nullptr}, ""};
    if (is_reached) return stopped && !every.allowed ? refused : allowed;
    if (as == Held::manifest && possesses(repository, node, as)) {
      return {{true, Reason::possession, nullptr}, ""};
    }
  }
  const auto some = policy_.decide_some_tag(who_, Action::erase, repository);
  if (policy_.is_admin(who_.account) || !some.allowed) return {some, ""};
  if (every.allowed) return {every, ""};
  return {{false, Reason::no_tag, nullptr}, ""};
}

bool Rights::is_immutable(std::string_view repository, std::string_view digest, Held as) const {
  if (!policy_.has_immutable(repository)) return false;
  const auto node = index_.find(repository, digest);
  if (node == kNone || (as == Held::manifest && !index_.is_manifest(node))) return false;
  return any_tag(node, links_of(as), false,
                 [&](std::string_view tag, const Grace*) {
                   return policy_.is_immutable(repository, tag);
                 }) ||
         steps_ > kMostSteps;
}

std::vector<NodeId> Rights::referrers(std::string_view repository, std::string_view subject) const {
  std::vector<NodeId> shown;
  const auto node = index_.find(repository, subject);
  if (node == kNone) return shown;
  const bool is_read = may_read(repository, subject, Held::manifest).decision.allowed;
  index_.any_parent(node, Link::subject, [&](NodeId referrer) {
    const bool is_seen =
        is_read ? is_shown(referrer, node, true, 0)
                : may_read(repository, index_.digest_of(referrer), Held::manifest).decision.allowed;
    if (is_seen) shown.push_back(referrer);
    return false;
  });
  return shown;
}

}  // namespace layergate::index

// Who may do what to tags and digests: the policy's rules about tags, carried to what tags reach.
//
// A manifest is reached by the tags at it and at the indexes that name it, and from its subject; a
// blob by the manifests that name it. docs/policy.md, "What tags reach", says it in words.
//
// Thread safety: of the Index that it reads, and belongs to one thread. For one request: all
// references must outlive it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "acl/policy.h"
#include "index/climb.h"
#include "index/index.h"

namespace layergate::index {

// A decision, and the tag that it was made on, if it was one.
struct Reach {
  acl::Decision decision;
  std::string tag;
};

class Rights {
 public:
  Rights(const Index& index, const acl::Policy& policy, const acl::Principal& who)
      : index_(index), policy_(policy), who_(who) {}

  // The right on a tag that may or may not exist. A tag that speaks of another manifest
  // (oci::is_fallback_tag) is decided by the ordinary tags that reach that one; where none does, by
  // its own name. Reason::unregistered: only `unregistered: push` allows it, so the tag must not
  // exist, or be the account's own, at the very moment of a push.
  [[nodiscard]] acl::Decision on_tag(acl::Action action, std::string_view repository,
                                     std::string_view tag) const;
  // On at least one tag that may or may not exist.
  [[nodiscard]] acl::Decision on_some_tag(acl::Action action, std::string_view repository) const;
  // On every tag that there could be.
  [[nodiscard]] acl::Decision on_every_tag(acl::Action action, std::string_view repository) const {
    return policy_.decide_every_tag(who_, action, repository);
  }

  // Whether it may be read: pull on a tag that reaches it, possession, or, where no tag reaches it,
  // the permission admin. `as` blob: by a blob's path; what may be read as a manifest may be read
  // so too.
  [[nodiscard]] Reach may_read(std::string_view repository, std::string_view digest, Held as) const;
  // Whether a manifest put here may name it: what may be read as such, and is there.
  // `may_lie_elsewhere`: the descriptor has urls, so the registry would not look for it.
  [[nodiscard]] bool may_name(std::string_view repository, std::string_view digest, Held as,
                              bool may_lie_elsewhere = false) const;
  // Delete on every tag that reaches it, and at least one; where none does, its pusher (of a
  // manifest), or who holds delete on every tag that there could be, as an admin does.
  [[nodiscard]] Reach may_delete(std::string_view repository, std::string_view digest,
                                 Held as) const;
  // Whether a tag under `immutable:` reaches it.
  [[nodiscard]] bool is_immutable(std::string_view repository, std::string_view digest,
                                  Held as) const;

  // The manifests that speak of this one and are shown, if it may be read: those whose putter holds
  // push on a tag that reaches the subject. Where it may not be read, or is not there: those that
  // may be read anyhow.
  [[nodiscard]] std::vector<NodeId> referrers(std::string_view repository,
                                              std::string_view subject) const;

 private:
  [[nodiscard]] acl::Decision plain(const acl::Principal& who, acl::Action action,
                                    std::string_view repository, std::string_view tag) const;
  [[nodiscard]] acl::Decision plain(const acl::Principal& who, acl::Action action,
                                    std::string_view repository, const Grace& grace) const;
  template <typename Visit>
  bool any_tag(NodeId node, Links links, bool with_graces, Visit visit) const;
  // The same answer as by climbing from the digest to its tags, from the tags that the account may
  // pull: for digests that very many tags reach. Nothing if those may be many as well.
  [[nodiscard]] std::optional<Reach> read_from_tags(const Repository& repository, NodeId node,
                                                    Held as) const;
  [[nodiscard]] bool reaches(const Repository& repository, NodeId root, NodeId node, Held as) const;
  [[nodiscard]] std::optional<acl::Decision> by_subject(acl::Action action,
                                                        std::string_view repository,
                                                        std::string_view tag) const;
  [[nodiscard]] acl::Decision on_grace(std::string_view repository, const Grace& grace) const;
  [[nodiscard]] const Grace* find_grace(NodeId node, std::string_view tag) const;
  [[nodiscard]] bool is_shown(NodeId referrer, NodeId subject, bool with_graces, int depth) const;
  [[nodiscard]] bool pushes_to(const Putter& putter, NodeId subject, bool with_graces,
                               int depth) const;
  [[nodiscard]] bool possesses(std::string_view repository, NodeId node, Held as) const;
  [[nodiscard]] Seconds now() const { return std::chrono::floor<std::chrono::seconds>(who_.now); }

  const Index& index_;
  const acl::Policy& policy_;
  const acl::Principal& who_;
  // Accounts make up what is walked here: each referrer is looked into once, and all walks of this
  // object together take so many steps. Beyond them nothing is allowed.
  static constexpr std::size_t kMostSteps = 300'000;
  mutable std::size_t steps_ = 0;
  struct Shown {
    std::unordered_set<NodeId> found;
    std::unordered_map<NodeId, int> round_of;  // in which the others were looked at last
    int round = 0;
    bool grew = false;
    bool is_looking = false;
  };
  static constexpr int kSettled = -1;   // looked at, and not shown
  mutable std::array<Shown, 2> shown_;  // without and with graces
  [[nodiscard]] bool is_spent() const { return ++steps_ > kMostSteps; }
};

}  // namespace layergate::index

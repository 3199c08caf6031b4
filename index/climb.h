// From a node up to the manifests that reach it.
#pragma once

#include <initializer_list>
#include <unordered_set>
#include <vector>

#include "index/index.h"

namespace layergate::index {

// Which nodes a climb has met. Most climbs meet few; a layer that every image has may meet 100,000.
class Met {
 public:
  // False if it was met before.
  bool add(NodeId node) {
    if (many_.empty()) {
      for (const NodeId met : few_) {
        if (met == node) return false;
      }
      if (few_.size() < kFew) {
        few_.push_back(node);
        return true;
      }
      many_.insert(few_.begin(), few_.end());
    }
    return many_.insert(node).second;
  }

 private:
  static constexpr std::size_t kFew = 16;
  std::vector<NodeId> few_;
  std::unordered_set<NodeId> many_;
};

struct Links {
  bool child = false, blob = false, subject = false;
  constexpr Links(std::initializer_list<Link> links) {  // NOLINT(google-explicit-constructor)
    for (const Link link : links) {
      child |= link == Link::child;
      blob |= link == Link::blob;
      subject |= link == Link::subject;
    }
  }
};

// Visits each manifest that reaches `start`, itself first if it is one, each once, and ends when
// visit(manifest) answers true; whether it did. `links`: by which the first step may go; from a
// manifest on it goes by child and, if `links` holds it and follows(referrer, subject) agrees, from
// a referrer to its subject.
template <typename Follows, typename Visit>
bool climb(const Index& index, NodeId start, Links links, Follows follows, Visit visit) {
  Met met;
  std::vector<NodeId> todo;
  // At once: most climbs end at the first one, and a layer may have 100,000 of them.
  const auto meet = [&](NodeId manifest) {
    if (!met.add(manifest)) return false;
    if (visit(manifest)) return true;
    if (index.has_parents(manifest) || index.find_referrer(manifest) != nullptr) {
      todo.push_back(manifest);
    }
    return false;
  };
  if (index.is_manifest(start) && meet(start)) return true;
  if (links.blob && index.any_parent(start, Link::blob, meet)) return true;
  while (!todo.empty()) {
    const NodeId manifest = todo.back();
    todo.pop_back();
    if (index.any_parent(manifest, Link::child, meet)) return true;
    if (!links.subject) continue;
    const auto* referrer = index.find_referrer(manifest);
    if (referrer != nullptr && index.is_manifest(referrer->subject) &&
        follows(manifest, referrer->subject) && meet(referrer->subject)) {
      return true;
    }
  }
  return false;
}

}  // namespace layergate::index

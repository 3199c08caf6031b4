// Which tags there are, what each reaches, and who brought what: the facts, in memory.
//
// A node is a (repository, digest). Manifests name nodes by links. Nothing here knows of rights;
// index/rights.h asks who may reach what.
//
// 56 bytes a node, 24 a link and 16 a possession, besides a hash table of at most 16 bytes a node:
// large registries have millions.
//
// Thread safety: none of its own; SharedIndex (index/shared_index.h) keeps readers and the one
// writer apart. Pointers and views from here are valid while nobody writes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/id_table.h"
#include "index/record.h"
#include "oci/digest.h"

namespace layergate::index {

using NodeId = std::uint32_t;
using RepositoryId = std::uint32_t;
using AccountId = std::uint32_t;
inline constexpr std::uint32_t kNone = UINT32_MAX;

struct Tag {
  NodeId root = kNone;
  AccountId account = kNone;  // who pushed it last
  Seconds at{};
};

struct Repository {
  RepositoryId id = kNone;
  std::string name;
  std::map<std::string, Tag, std::less<>> tags;
  std::multimap<std::string, NodeId, std::less<>> graces;  // what tags were at; may be outdated
  bool known = false;  // all of its tags in the upstream are here
};

// A tag that was at a manifest until it was moved or deleted.
struct Grace {
  std::string tag;
  Seconds until{};
  std::string account;  // who had pushed it
};

// What changed: each may stand here more than once, and may be gone. Beside a tag's or digest's
// name, its repository.
struct Touched {
  using Names = std::vector<std::pair<RepositoryId, std::string>>;
  bool complete = false;
  std::vector<RepositoryId> known;
  std::vector<AccountId> accounts;
  Names manifests;
  Names tags;
  Names graces;       // of these digests
  Names possessions;  // of these digests, by all accounts

  [[nodiscard]] bool any() const {
    return complete || !known.empty() || !accounts.empty() || !manifests.empty() || !tags.empty() ||
           !graces.empty() || !possessions.empty();
  }
};

// A manifest with a subject, as the referrers API shows it.
struct Referrer {
  NodeId subject = kNone;
  std::uint64_t size = 0;
  std::string artifact_type;
  std::string annotations;
  std::vector<Putter> putters;
};

class Index {
 public:
  struct Options {
    std::chrono::seconds grace{15 * 60};
    std::chrono::seconds possession{7 * 24 * 3600};  // how long it lasts when no tag reaches
    // At how many tags of a digest index/rights.h turns to the few tags that the account may pull.
    std::size_t many = 64;
  };

  explicit Index(const Options& options) : options_(options) {}
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  // --- facts that come in; each may come twice

  // From here on what changes is noted there, until nullptr is given.
  void watch(Touched* touched) { touched_ = touched; }

  // Whether the index holds all repositories of the upstream.
  void set_complete(bool complete);
  void set_known(std::string_view repository, bool known);
  // Adds to what is known of it. Possessions that have lapsed by now do not come back, here and in
  // set_tag(), though a tag may reach what they are of from now on.
  void add_manifest(std::string_view repository, const ManifestRecord& manifest, Seconds now);
  // The tag, new or moved, is at this digest. What it was at before keeps a grace.
  void set_tag(std::string_view repository, const TagRecord& tag, Seconds now);
  void remove_tag(std::string_view repository, std::string_view tag, Seconds now);
  // It was deleted by its digest: its tags and graces end at once, and so do the links of indexes
  // to it. Should it come again, they become reach again only when the indexes are put again.
  void remove_manifest(std::string_view repository, std::string_view digest, Seconds now);
  void remove_blob(std::string_view repository, std::string_view digest);
  void possess(std::string_view repository, std::string_view digest, std::string_view account,
               Held as, Seconds at);
  void add_grace(std::string_view repository, std::string_view digest, Grace grace);
  // These are all accounts that there are. Where a name stands for somebody else than before, what
  // the one before brought is nobody's from now on: the tags stay, possessions end.
  void set_accounts(std::span<const AccountRecord> accounts);
  // Whether that would change nothing.
  [[nodiscard]] bool has_accounts(std::span<const AccountRecord> accounts) const;

  // --- facts that come in from the disk, millions of them: by number and key, many at a time

  AccountId add_account(const AccountRecord& account);
  struct Linked {
    Link link = Link::blob;
    oci::Digest digest;
  };
  // One without a subject. REQUIRES: nothing is possessed yet.
  void add_manifest(RepositoryId repository, const oci::Digest& digest, oci::MediaType type,
                    std::span<const Linked> links);
  struct Possessed {
    RepositoryId repository = kNone;
    oci::Digest digest;
    AccountId account = kNone;
    std::array<Seconds, kHelds.size()> at{};  // PossessionRecord::at
  };
  void possess(std::span<const Possessed> all);
  // Makes room for so many links and, each mostly the only one to what it names, as many nodes.
  void reserve(std::size_t links);

  // Forgets what nobody can reach any more. Looks at about `count` nodes from `from` on and returns
  // where to go on, or kNone at the end.
  NodeId forget(NodeId from, std::size_t count, Seconds now);

  // --- facts that are asked for

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] bool is_complete() const { return complete_; }
  // Whether what is not here is not in the upstream either.
  [[nodiscard]] bool is_known(std::string_view repository) const;
  [[nodiscard]] const Repository* find_repository(std::string_view name) const;
  [[nodiscard]] const Repository& repository(RepositoryId id) const { return *by_id_[id]; }
  // In lexical order; the first one behind `after`.
  [[nodiscard]] const Repository* next_repository(std::string_view after) const;

  [[nodiscard]] NodeId find(const Repository& repository, std::string_view digest) const;
  // kNone also if there is no such repository.
  [[nodiscard]] NodeId find(std::string_view repository, std::string_view digest) const;
  // kNone also if it is no manifest.
  [[nodiscard]] NodeId find_manifest(std::string_view repository, std::string_view digest) const;
  [[nodiscard]] bool is_manifest(NodeId node) const { return nodes_[node].type != kNotManifest; }
  [[nodiscard]] oci::MediaType media_type(NodeId node) const {
    return static_cast<oci::MediaType>(nodes_[node].type);
  }
  [[nodiscard]] RepositoryId repository_of(NodeId node) const { return nodes_[node].repository; }
  [[nodiscard]] std::string digest_of(NodeId node) const;
  [[nodiscard]] const Tag* find_tag(const Repository& repository, std::string_view tag) const;
  // nullptr also if there is no such repository.
  [[nodiscard]] const Tag* find_tag(std::string_view repository, std::string_view tag) const;
  [[nodiscard]] std::span<const std::string* const> tags_of(NodeId node) const;
  [[nodiscard]] std::span<const Grace> graces_of(NodeId node) const;
  [[nodiscard]] const Referrer* find_referrer(NodeId node) const;
  // Whether a walk has to end; asked at each manifest that it meets. What it did not find by then
  // does not count.
  using Spent = std::function<bool()>;
  // Lasts while a tag reaches the node, and for Options::possession after.
  [[nodiscard]] bool possesses(
      std::string_view account, NodeId node, Held as, Seconds now,
      const Spent& is_spent = [] { return false; }) const;
  [[nodiscard]] const std::string& account_name(AccountId id) const { return accounts_[id].name; }
  [[nodiscard]] const AccountRecord& account(AccountId id) const { return accounts_[id]; }

  [[nodiscard]] bool has_parents(NodeId node) const { return nodes_[node].first_parent != kNone; }
  // visit(manifest) for each manifest that names the node so, until it returns true; whether it
  // did.
  template <typename Visit>
  bool any_parent(NodeId node, Link link, Visit visit) const {
    for (auto edge = nodes_[node].first_parent; edge != kNone; edge = edges_[edge].next_parent) {
      if (edges_[edge].link == link && visit(edges_[edge].parent)) return true;
    }
    return false;
  }
  // visit(link, node) for each that the manifest names.
  template <typename Visit>
  void each_child(NodeId manifest, Visit visit) const {
    for (auto edge = nodes_[manifest].first_child; edge != kNone; edge = edges_[edge].next_child) {
      visit(edges_[edge].link, edges_[edge].child);
    }
  }
  // Whether anybody, now or once, brought it as a blob.
  [[nodiscard]] bool came_as_blob(NodeId node) const;
  // Of all accounts.
  [[nodiscard]] std::vector<PossessionRecord> possessions_of(NodeId node) const;
  // The manifest as it was told, but for `size` where there is no subject.
  [[nodiscard]] ManifestRecord record_of(NodeId manifest) const;
  // visit(node) for each manifest of a repository or, kNone, of all.
  template <typename Visit>
  void each_manifest(RepositoryId repository, Visit visit) const {
    for (NodeId node = 0; node < nodes_.size(); ++node) {
      if (nodes_[node].repository != kNone && is_manifest(node) &&
          (repository == kNone || nodes_[node].repository == repository)) {
        visit(node);
      }
    }
  }
  // visit(node) for the manifest and all that it reaches; nothing, if it is no manifest.
  void each_below(NodeId manifest, const std::function<void(NodeId)>& visit) const;
  // Whether any tag at all reaches the node, rights aside; as a manifest, or as anything.
  [[nodiscard]] bool is_tagged(
      NodeId node, Held as = Held::blob, const Spent& is_spent = [] { return false; }) const;

  struct Stats {
    std::size_t repositories = 0, tags = 0, manifests = 0, nodes = 0, links = 0, possessions = 0,
                referrers = 0, accounts = 0;
    std::size_t bytes = 0;  // of memory, about
  };
  [[nodiscard]] Stats stats() const;
  // How many ids a table over all nodes needs.
  [[nodiscard]] std::size_t node_bound() const { return nodes_.size(); }

 private:
  static constexpr std::uint8_t kNotManifest = 0xff;
  static constexpr std::uint32_t kEnded = 1;  // PossessionRecord::kEnded

  struct Node {
    oci::DigestKey digest;
    RepositoryId repository = kNone;  // kNone: free
    std::uint32_t first_child = kNone;
    std::uint32_t first_parent = kNone;
    std::uint32_t first_possession = kNone;
    std::uint8_t type = kNotManifest;  // oci::MediaType
    bool other_algorithm = false;      // the text of the digest is in other_digests_
  };
  struct Edge {
    NodeId parent = kNone;
    NodeId child = kNone;
    std::uint32_t next_child = kNone;   // the next of the same parent
    std::uint32_t next_parent = kNone;  // the next to the same child
    std::uint32_t previous_parent = kNone;
    Link link = Link::blob;
  };
  struct Possession {
    AccountId account = kNone;
    std::array<std::uint32_t, kHelds.size()> at{};  // PossessionRecord::at, until 2106
    std::uint32_t next = kNone;
  };

  static std::uint32_t number(Seconds time) {
    return static_cast<std::uint32_t>(time.time_since_epoch().count());
  }
  [[nodiscard]] static std::uint64_t hash_of(RepositoryId repository, const oci::DigestKey& key) {
    return mix(key.hash() ^ (std::uint64_t{repository} << 32U));
  }
  [[nodiscard]] std::uint64_t hash_of(NodeId node) const {
    return hash_of(nodes_[node].repository, nodes_[node].digest);
  }
  // By a tag or a grace, or by so much that it is not looked through.
  [[nodiscard]] bool may_be_reached(NodeId node) const;
  [[nodiscard]] bool is_recent(std::uint32_t at, Seconds now) const {
    return at > kEnded && now - time_of(at) < options_.possession;
  }
  [[nodiscard]] bool has_possessions() const {
    return possessions_.size() > free_possessions_.size();
  }
  // What one change may walk.
  static Spent some_steps();

  Repository& ensure_repository(std::string_view name);
  AccountId ensure_account(std::string_view name);
  // Those of `accounts` that are somebody else than before, and those that are gone.
  [[nodiscard]] std::vector<AccountRecord> changed_accounts(
      std::span<const AccountRecord> accounts) const;
  // `whose`, by AccountId: what they brought is nobody's.
  void disown(const std::vector<bool>& whose);
  NodeId ensure_node(RepositoryId repository, const oci::Digest& digest);
  [[nodiscard]] NodeId find(RepositoryId repository, const oci::DigestKey& key) const;
  // Brings what is known of these into the processor's cache, all at once: a large index is filled
  // at the speed of the memory, and one at a time its misses do not overlap.
  template <typename Item, typename HashOf>
  void warm(std::span<const Item> items, HashOf hash_of) const;
  NodeId link(RepositoryId repository, const oci::Digest& digest, oci::MediaType type,
              std::span<const Linked> links, Seconds now);
  void possess(NodeId node, AccountId account, Held as, std::uint32_t at);
  void add_edge(NodeId parent, NodeId child, Link link);
  void unlink(std::uint32_t edge);
  void remove_edges(NodeId parent);
  void remove_from_parents(NodeId child);
  void clear_manifest(NodeId node);
  void drop_possessions(NodeId node);
  // Of all accounts, as this only: that they brought the same bytes as the other stays true.
  void drop_possessions(NodeId node, Held as);
  // Frees the node if nothing speaks of it any more.
  void release(NodeId node);
  void drop_graces(NodeId node, const std::function<bool(const Grace&)>& is_over);
  void leave_root(NodeId root, std::string_view tag, AccountId account, Seconds now);
  // What hangs below a manifest that a tag reached may be untagged from now on.
  void restart_possessions(NodeId manifest, Seconds now);
  // change(at) for each time that counts.
  template <typename Change>
  void change_possessions(NodeId node, Change change);
  // Before a tag reaches more than it did: possessions of that which have lapsed by now end for
  // good, or it would revive them.
  void end_lapsed(NodeId node, Seconds now, const Spent& is_spent);
  void end_lapsed(NodeId root, Seconds now);
  void end_lapsed(NodeId manifest, const std::vector<std::pair<NodeId, Link>>& added, Seconds now);

  void touch(Touched::Names Touched::*names, NodeId node) {
    if (touched_ != nullptr) {
      (touched_->*names).emplace_back(nodes_[node].repository, digest_of(node));
    }
  }
  void touch_tag(const Repository& in, std::string_view tag) {
    if (touched_ != nullptr) touched_->tags.emplace_back(in.id, tag);
  }

  const Options options_;
  Touched* touched_ = nullptr;
  bool complete_ = false;
  std::map<std::string, std::unique_ptr<Repository>, std::less<>> repositories_;
  std::vector<Repository*> by_id_;
  std::vector<AccountRecord> accounts_;
  std::unordered_map<std::string, AccountId> account_ids_;

  std::vector<Node> nodes_;
  std::vector<NodeId> free_nodes_;
  IdTable node_table_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> free_edges_;
  std::vector<Possession> possessions_;
  std::vector<std::uint32_t> free_possessions_;
  std::unordered_map<NodeId, std::string> other_digests_;
  std::unordered_map<NodeId, std::vector<const std::string*>> tags_;  // names in Repository::tags
  std::unordered_map<NodeId, std::vector<Grace>> graces_;
  std::unordered_map<NodeId, Referrer> referrers_;
};

}  // namespace layergate::index

#include "index/index.h"

#include <algorithm>
#include <utility>

#include "index/climb.h"

namespace layergate::index {
namespace {

constexpr std::size_t kMostPutters = 16;
// Manifests that one change climbs through to find what tags keep alive. Accounts make up what is
// walked; beyond it possessions end, and who uploads once more has them again.
constexpr std::size_t kMostSteps = 1'000'000;
// AccountRecord::since of an account that the policy had and has no more. No account of the policy
// has it, so that the next of that name is somebody else.
constexpr WallTime kGone = WallTime::min();

}  // namespace

// --- facts that come in

Repository& Index::ensure_repository(std::string_view name) {
  const auto found = repositories_.find(name);
  if (found != repositories_.end()) return *found->second;
  auto repository = std::make_unique<Repository>();
  repository->id = static_cast<RepositoryId>(by_id_.size());
  repository->name = name;
  by_id_.push_back(repository.get());
  return *repositories_.emplace(std::string(name), std::move(repository)).first->second;
}

AccountId Index::ensure_account(std::string_view name) {
  const auto [found, is_new] =
      account_ids_.try_emplace(std::string(name), static_cast<AccountId>(accounts_.size()));
  if (is_new) accounts_.push_back({std::string(name), {}});
  return found->second;
}

std::vector<AccountRecord> Index::changed_accounts(std::span<const AccountRecord> accounts) const {
  std::vector<AccountRecord> changed;
  std::vector<bool> is_there(accounts_.size());
  for (const auto& account : accounts) {
    const auto known = account_ids_.find(account.name);
    if (known != account_ids_.end()) is_there[known->second] = true;
    const auto since = known == account_ids_.end() ? WallTime{} : accounts_[known->second].since;
    if (account.since != since) changed.push_back(account);
  }
  for (AccountId id = 0; id < accounts_.size(); ++id) {
    if (!is_there[id] && accounts_[id].since != kGone)
      changed.push_back({accounts_[id].name, kGone});
  }
  return changed;
}

bool Index::has_accounts(std::span<const AccountRecord> accounts) const {
  return changed_accounts(accounts).empty();
}

void Index::set_accounts(std::span<const AccountRecord> accounts) {
  const AccountId first_new = static_cast<AccountId>(accounts_.size());
  std::vector<bool> others(first_new);
  bool any = false;
  for (const auto& account : changed_accounts(accounts)) {
    const auto id = ensure_account(account.name);
    accounts_[id].since = account.since;
    if (touched_ != nullptr) touched_->accounts.push_back(id);
    // Of one that is gone, everything is left to whom the name is given next, or to lapse.
    if (id < first_new && account.since != kGone) any = others[id] = true;
  }
  if (!any) return;
  others.resize(accounts_.size());
  disown(others);
}

AccountId Index::add_account(const AccountRecord& account) {
  const auto id = ensure_account(account.name);
  accounts_[id].since = account.since;
  return id;
}

void Index::disown(const std::vector<bool>& whose) {
  const auto is_theirs = [&](const std::string& name) {
    const auto known = account_ids_.find(name);
    return known != account_ids_.end() && whose[known->second];
  };
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    bool changed = false;
    for (auto i = nodes_[node].first_possession; i != kNone; i = possessions_[i].next) {
      if (!whose[possessions_[i].account]) continue;
      for (auto& at : possessions_[i].at) {
        if (at <= kEnded) continue;
        at = kEnded;
        changed = true;
      }
    }
    if (changed) touch(&Touched::possessions, node);
  }
  for (auto* in : by_id_) {
    for (auto& [name, tag] : in->tags) {
      if (tag.account == kNone || !whose[tag.account]) continue;
      tag.account = kNone;
      touch_tag(*in, name);
    }
  }
  for (auto& [node, graces] : graces_) {
    bool changed = false;
    for (auto& grace : graces) {
      if (!is_theirs(grace.account)) continue;
      grace.account.clear();
      changed = true;
    }
    if (changed) touch(&Touched::graces, node);
  }
  for (auto& [node, referrer] : referrers_) {
    if (std::erase_if(referrer.putters, [&](const Putter& p) { return is_theirs(p.account); }) >
        0) {
      touch(&Touched::manifests, node);
    }
  }
}

template <typename Item, typename HashOf>
void Index::warm(std::span<const Item> items, HashOf hash_of) const {
  for (const auto& item : items) node_table_.prefetch(hash_of(item));
  for (const auto& item : items) {
    const auto likely = node_table_.likely(hash_of(item));
    if (likely != IdTable::kNone) __builtin_prefetch(&nodes_[likely]);
  }
}

void Index::reserve(std::size_t links) {
  edges_.reserve(links);
  nodes_.reserve(links);
  node_table_.reserve(links);
}

NodeId Index::ensure_node(RepositoryId repository, const oci::Digest& digest) {
  const auto known = find(repository, digest.key());
  if (known != kNone) return known;
  NodeId node = 0;
  if (free_nodes_.empty()) {
    node = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  } else {
    node = free_nodes_.back();
    free_nodes_.pop_back();
    nodes_[node] = Node{};
  }
  nodes_[node].digest = digest.key();
  nodes_[node].repository = repository;
  if (!digest.other_text().empty()) {
    nodes_[node].other_algorithm = true;
    other_digests_.emplace(node, digest.other_text());
  }
  node_table_.insert(hash_of(node), node, [&](std::uint32_t id) { return hash_of(id); });
  return node;
}

void Index::release(NodeId node) {
  const Node& it = nodes_[node];
  if (it.repository == kNone || it.type != kNotManifest || it.first_child != kNone ||
      it.first_parent != kNone || it.first_possession != kNone || tags_.contains(node) ||
      graces_.contains(node)) {
    return;
  }
  node_table_.erase(hash_of(node), node, [&](std::uint32_t id) { return hash_of(id); });
  if (it.other_algorithm) other_digests_.erase(node);
  nodes_[node] = Node{};
  free_nodes_.push_back(node);
}

void Index::add_edge(NodeId parent, NodeId child, Link link) {
  std::uint32_t edge = 0;
  if (free_edges_.empty()) {
    edge = static_cast<std::uint32_t>(edges_.size());
    edges_.emplace_back();
  } else {
    edge = free_edges_.back();
    free_edges_.pop_back();
  }
  edges_[edge] = {parent, child, nodes_[parent].first_child, nodes_[child].first_parent,
                  kNone,  link};
  if (edges_[edge].next_parent != kNone) edges_[edges_[edge].next_parent].previous_parent = edge;
  nodes_[parent].first_child = edge;
  nodes_[child].first_parent = edge;
}

// From the list of its child's parents; its parent's list is the caller's.
void Index::unlink(std::uint32_t edge) {
  const Edge removed = edges_[edge];
  if (removed.previous_parent == kNone) {
    nodes_[removed.child].first_parent = removed.next_parent;
  } else {
    edges_[removed.previous_parent].next_parent = removed.next_parent;
  }
  if (removed.next_parent != kNone) {
    edges_[removed.next_parent].previous_parent = removed.previous_parent;
  }
  free_edges_.push_back(edge);
}

void Index::remove_edges(NodeId parent) {
  auto edge = std::exchange(nodes_[parent].first_child, kNone);
  while (edge != kNone) {
    const Edge removed = edges_[edge];
    unlink(edge);
    release(removed.child);
    edge = removed.next_child;
  }
}

void Index::remove_from_parents(NodeId child) {
  std::vector<NodeId> parents;
  any_parent(child, Link::child, [&](NodeId parent) {
    parents.push_back(parent);
    return false;
  });
  for (const auto parent : parents) {
    auto* at = &nodes_[parent].first_child;
    while (edges_[*at].child != child || edges_[*at].link != Link::child) {
      at = &edges_[*at].next_child;
    }
    const auto edge = *at;
    *at = edges_[edge].next_child;
    unlink(edge);
    touch(&Touched::manifests, parent);
  }
}

void Index::set_complete(bool complete) {
  complete_ = complete;
  if (touched_ != nullptr) touched_->complete = true;
}

void Index::set_known(std::string_view repository, bool known) {
  auto& in = ensure_repository(repository);
  in.known = known;
  if (touched_ != nullptr) touched_->known.push_back(in.id);
}

NodeId Index::link(RepositoryId repository, const oci::Digest& digest, oci::MediaType type,
                   std::span<const Linked> links, Seconds now) {
  const auto node = ensure_node(repository, digest);
  const bool is_new = !is_manifest(node);
  std::vector<std::pair<NodeId, Link>> present;  // already
  if (!is_new) {
    each_child(node, [&](Link link, NodeId child) { present.emplace_back(child, link); });
    std::sort(present.begin(), present.end());
  }
  warm(links, [&](const Linked& linked) { return hash_of(repository, linked.digest.key()); });
  std::vector<std::pair<NodeId, Link>> added;
  added.reserve(links.size());
  for (const auto& linked : links) {
    const auto child = ensure_node(repository, linked.digest);
    if (!std::binary_search(present.begin(), present.end(), std::pair(child, linked.link))) {
      added.emplace_back(child, linked.link);
    }
  }
  end_lapsed(node, added, now);
  nodes_[node].type = static_cast<std::uint8_t>(type);
  for (const auto& [child, as] : added) add_edge(node, child, as);
  return node;
}

void Index::add_manifest(RepositoryId repository, const oci::Digest& digest, oci::MediaType type,
                         std::span<const Linked> links) {
  touch(&Touched::manifests, link(repository, digest, type, links, Seconds{}));
}

void Index::add_manifest(std::string_view repository, const ManifestRecord& manifest, Seconds now) {
  const auto in = ensure_repository(repository).id;
  std::vector<Linked> links;
  links.reserve(manifest.links.size());
  for (const auto& named : manifest.links) links.push_back({named.link, oci::Digest(named.digest)});
  const auto node = link(in, oci::Digest(manifest.digest), manifest.type, links, now);
  if (const auto* subject = manifest.subject()) {
    auto& referrer = referrers_[node];
    referrer.subject = find(in, oci::key_of(*subject));
    referrer.size = manifest.size;
    referrer.artifact_type = manifest.artifact_type;
    referrer.annotations = manifest.annotations;
    auto& putters = referrer.putters;
    for (const auto& putter : manifest.putters) {
      std::erase_if(putters, [&](const Putter& old) { return old.account == putter.account; });
      putters.push_back(putter);
    }
    if (putters.size() > kMostPutters) putters.erase(putters.begin());
  }
  touch(&Touched::manifests, node);
}

void Index::leave_root(NodeId root, std::string_view tag, AccountId account, Seconds now) {
  const auto found = tags_.find(root);
  if (found != tags_.end()) {
    std::erase_if(found->second, [&](const std::string* name) { return *name == tag; });
    if (found->second.empty()) tags_.erase(found);
  }
  if (options_.grace.count() > 0) {
    auto& graces = graces_[root];
    const auto old = std::erase_if(graces, [&](const Grace& grace) { return grace.tag == tag; });
    graces.push_back({std::string(tag), now + options_.grace,
                      account == kNone ? std::string() : accounts_[account].name});
    if (old == 0) by_id_[nodes_[root].repository]->graces.emplace(tag, root);
    touch(&Touched::graces, root);
  }
  restart_possessions(root, now);
}

template <typename Change>
void Index::change_possessions(NodeId node, Change change) {
  bool changed = false;
  for (auto held = nodes_[node].first_possession; held != kNone; held = possessions_[held].next) {
    for (auto& at : possessions_[held].at) {
      const auto before = at;
      if (before > kEnded) at = change(before);
      changed |= at != before;
    }
  }
  if (changed) touch(&Touched::possessions, node);
}

void Index::restart_possessions(NodeId manifest, Seconds now) {
  each_below(manifest, [&](NodeId node) {
    change_possessions(node, [&](std::uint32_t at) { return std::max(at, number(now)); });
  });
}

// Those that a tag keeps alive start anew, so that it is not climbed for again for a long while.
void Index::end_lapsed(NodeId node, Seconds now, const Spent& is_spent) {
  std::optional<bool> is_kept;
  change_possessions(node, [&](std::uint32_t at) {
    if (is_recent(at, now)) return at;
    if (!is_kept) is_kept = is_tagged(node, Held::blob, is_spent);
    return *is_kept ? number(now) : kEnded;
  });
}

// A tag comes to the manifest.
void Index::end_lapsed(NodeId root, Seconds now) {
  if (!has_possessions()) return;
  const auto is_spent = some_steps();
  if (is_tagged(root, Held::manifest, is_spent)) return;  // and so was all below it
  each_below(root, [&](NodeId node) { end_lapsed(node, now, is_spent); });
}

// The manifest comes, or comes to name these too.
void Index::end_lapsed(NodeId manifest, const std::vector<std::pair<NodeId, Link>>& added,
                       Seconds now) {
  if (!has_possessions()) return;
  const auto is_spent = some_steps();
  const bool is_new = !is_manifest(manifest);
  const auto will_reach = [&](NodeId from) {
    return is_tagged(from, Held::manifest, is_spent) || is_spent();
  };
  const bool is_reached =
      !is_new ? will_reach(manifest)
              : tags_.contains(manifest) || any_parent(manifest, Link::child, will_reach) ||
                    std::any_of(added.begin(), added.end(), [&](const auto& each) {
                      return each.second == Link::subject && will_reach(each.first);
                    });
  if (!is_reached) return;
  const auto end = [&](NodeId node) { end_lapsed(node, now, is_spent); };
  for (const auto& [node, link] : added) {
    if (link == Link::blob) end(node);
    if (link == Link::child) each_below(node, end);
  }
  if (!is_new) return;
  end(manifest);
  // What spoke of it before it came.
  any_parent(manifest, Link::subject, [&](NodeId referrer) {
    each_below(referrer, end);
    return false;
  });
}

void Index::set_tag(std::string_view repository, const TagRecord& record, Seconds now) {
  auto& in = ensure_repository(repository);
  const auto root = ensure_node(in.id, oci::Digest(record.digest));
  end_lapsed(root, now);
  const auto [at, is_new] = in.tags.try_emplace(record.name);
  Tag& tag = at->second;
  const auto old = std::exchange(tag.root, root);
  const auto old_account = tag.account;
  tag.account = record.account.empty() ? kNone : ensure_account(record.account);
  tag.at = record.at;
  touch_tag(in, record.name);
  if (!is_new && old == root) return;
  tags_[root].push_back(&at->first);
  if (is_new) return;
  leave_root(old, record.name, old_account, now);
  release(old);
}

void Index::remove_tag(std::string_view repository, std::string_view tag, Seconds now) {
  const auto known = repositories_.find(repository);
  if (known == repositories_.end()) return;
  auto& in = *known->second;
  const auto found = in.tags.find(tag);
  if (found == in.tags.end()) return;
  const auto root = found->second.root;
  leave_root(root, tag, found->second.account, now);
  touch_tag(in, found->first);
  in.tags.erase(found);
  release(root);
}

void Index::clear_manifest(NodeId node) {
  if (is_manifest(node)) touch(&Touched::manifests, node);
  nodes_[node].type = kNotManifest;
  referrers_.erase(node);
  remove_edges(node);
}

void Index::drop_possessions(NodeId node) {
  touch(&Touched::possessions, node);
  auto at = std::exchange(nodes_[node].first_possession, kNone);
  while (at != kNone) {
    free_possessions_.push_back(at);
    at = possessions_[at].next;
  }
}

void Index::drop_possessions(NodeId node, Held as) {
  std::uint32_t* at = &nodes_[node].first_possession;
  if (*at != kNone) touch(&Touched::possessions, node);
  while (*at != kNone) {
    auto& held = possessions_[*at];
    held.at[static_cast<std::size_t>(as)] = 0;
    if (std::any_of(held.at.begin(), held.at.end(), [](auto other) { return other != 0; })) {
      at = &held.next;
      continue;
    }
    free_possessions_.push_back(*at);
    *at = held.next;
  }
}

void Index::remove_manifest(std::string_view repository, std::string_view digest, Seconds now) {
  const auto node = find(repository, digest);
  if (node == kNone) return;
  auto& in = *by_id_[nodes_[node].repository];
  // Where none reaches it, what is below it loses none.
  if (is_tagged(node, Held::manifest, some_steps())) restart_possessions(node, now);
  if (const auto tags = tags_.find(node); tags != tags_.end()) {
    const auto names = std::move(tags->second);
    tags_.erase(tags);
    for (const auto* name : names) {
      touch_tag(in, *name);
      in.tags.erase(in.tags.find(*name));
    }
  }
  drop_graces(node, [](const Grace&) { return true; });
  remove_from_parents(node);
  clear_manifest(node);
  drop_possessions(node, Held::manifest);
  release(node);
}

void Index::remove_blob(std::string_view repository, std::string_view digest) {
  const auto node = find(repository, digest);
  if (node == kNone) return;
  drop_possessions(node, Held::blob);
  release(node);
}

void Index::possess(std::string_view repository, std::string_view digest, std::string_view account,
                    Held as, Seconds at) {
  const auto node = ensure_node(ensure_repository(repository).id, oci::Digest(digest));
  possess(node, ensure_account(account), as, number(at));
}

void Index::possess(std::span<const Possessed> all) {
  constexpr std::size_t kAtOnce = 64;
  for (; !all.empty(); all = all.subspan(std::min(kAtOnce, all.size()))) {
    const auto some = all.first(std::min(kAtOnce, all.size()));
    warm(some, [](const Possessed& possessed) {
      return hash_of(possessed.repository, possessed.digest.key());
    });
    for (const auto& possessed : some) {
      if (possessed.at == decltype(possessed.at){}) continue;
      const auto node = ensure_node(possessed.repository, possessed.digest);
      for (const auto as : kHelds) {
        const auto at = possessed.at[static_cast<std::size_t>(as)];
        if (at != PossessionRecord::kNever) possess(node, possessed.account, as, number(at));
      }
    }
  }
}

void Index::possess(NodeId node, AccountId account, Held as, std::uint32_t at) {
  touch(&Touched::possessions, node);
  for (auto i = nodes_[node].first_possession; i != kNone; i = possessions_[i].next) {
    if (possessions_[i].account != account) continue;
    auto& since = possessions_[i].at[static_cast<std::size_t>(as)];
    since = std::max(since, at);
    return;
  }
  std::uint32_t held = 0;
  if (free_possessions_.empty()) {
    held = static_cast<std::uint32_t>(possessions_.size());
    possessions_.emplace_back();
  } else {
    held = free_possessions_.back();
    free_possessions_.pop_back();
  }
  possessions_[held] = {account, {}, nodes_[node].first_possession};
  possessions_[held].at[static_cast<std::size_t>(as)] = at;
  nodes_[node].first_possession = held;
}

void Index::add_grace(std::string_view repository, std::string_view digest, Grace grace) {
  const auto node = ensure_node(ensure_repository(repository).id, oci::Digest(digest));
  by_id_[nodes_[node].repository]->graces.emplace(grace.tag, node);
  graces_[node].push_back(std::move(grace));
  touch(&Touched::graces, node);
}

void Index::drop_graces(NodeId node, const std::function<bool(const Grace&)>& is_over) {
  const auto found = graces_.find(node);
  if (found == graces_.end()) return;
  auto& by_tag = by_id_[nodes_[node].repository]->graces;
  const auto dropped = std::erase_if(found->second, [&](const Grace& grace) {
    if (!is_over(grace)) return false;
    const auto [first, last] = by_tag.equal_range(grace.tag);
    const auto at =
        std::find_if(first, last, [&](const auto& each) { return each.second == node; });
    if (at != last) by_tag.erase(at);
    return true;
  });
  if (dropped > 0) touch(&Touched::graces, node);
  if (found->second.empty()) graces_.erase(found);
}

NodeId Index::forget(NodeId from, std::size_t count, Seconds now) {
  const auto end = static_cast<NodeId>(std::min<std::size_t>(nodes_.size(), from + count));
  for (NodeId node = from; node < end; ++node) {
    if (nodes_[node].repository == kNone) continue;
    drop_graces(node, [&](const Grace& grace) { return grace.until <= now; });
    bool recent = false;
    for (auto at = nodes_[node].first_possession; at != kNone; at = possessions_[at].next) {
      for (const auto since : possessions_[at].at) recent |= is_recent(since, now);
    }
    if (recent) continue;
    const bool has_possession = nodes_[node].first_possession != kNone;
    if ((!has_possession && !is_manifest(node)) || may_be_reached(node)) {
      release(node);
      continue;
    }
    if (has_possession) drop_possessions(node);
    if (is_manifest(node)) clear_manifest(node);
    release(node);
  }
  return end == nodes_.size() ? kNone : end;
}

// --- facts that are asked for

bool Index::is_known(std::string_view repository) const {
  const auto* found = find_repository(repository);
  return found == nullptr ? complete_ : found->known;
}

const Repository* Index::find_repository(std::string_view name) const {
  const auto found = repositories_.find(name);
  return found == repositories_.end() ? nullptr : found->second.get();
}

const Repository* Index::next_repository(std::string_view after) const {
  const auto next = after.empty() ? repositories_.begin() : repositories_.upper_bound(after);
  return next == repositories_.end() ? nullptr : next->second.get();
}

NodeId Index::find(const Repository& repository, std::string_view digest) const {
  return find(repository.id, oci::key_of(digest));
}

NodeId Index::find(RepositoryId repository, const oci::DigestKey& key) const {
  return node_table_.find(hash_of(repository, key), [&](std::uint32_t id) {
    return nodes_[id].repository == repository && nodes_[id].digest == key;
  });
}

NodeId Index::find(std::string_view repository, std::string_view digest) const {
  const auto* in = find_repository(repository);
  return in == nullptr ? kNone : find(*in, digest);
}

NodeId Index::find_manifest(std::string_view repository, std::string_view digest) const {
  const auto node = find(repository, digest);
  return node != kNone && is_manifest(node) ? node : kNone;
}

std::string Index::digest_of(NodeId node) const {
  if (nodes_[node].other_algorithm) return other_digests_.at(node);
  return oci::sha256_text(nodes_[node].digest);
}

const Tag* Index::find_tag(const Repository& repository, std::string_view tag) const {
  const auto found = repository.tags.find(tag);
  return found == repository.tags.end() ? nullptr : &found->second;
}

const Tag* Index::find_tag(std::string_view repository, std::string_view tag) const {
  const auto* in = find_repository(repository);
  return in == nullptr ? nullptr : find_tag(*in, tag);
}

std::span<const std::string* const> Index::tags_of(NodeId node) const {
  const auto found = tags_.find(node);
  if (found == tags_.end()) return {};
  return found->second;
}

std::span<const Grace> Index::graces_of(NodeId node) const {
  const auto found = graces_.find(node);
  if (found == graces_.end()) return {};
  return found->second;
}

const Referrer* Index::find_referrer(NodeId node) const {
  const auto found = referrers_.find(node);
  return found == referrers_.end() ? nullptr : &found->second;
}

ManifestRecord Index::record_of(NodeId manifest) const {
  ManifestRecord record;
  record.digest = digest_of(manifest);
  record.type = media_type(manifest);
  each_child(manifest, [&](Link link, NodeId child) {
    record.links.push_back({link, digest_of(child)});
  });
  std::sort(record.links.begin(), record.links.end());
  if (const auto* referrer = find_referrer(manifest)) {
    record.size = referrer->size;
    record.artifact_type = referrer->artifact_type;
    record.annotations = referrer->annotations;
    record.putters = referrer->putters;
  }
  return record;
}

bool Index::possesses(std::string_view account, NodeId node, Held as, Seconds now,
                      const Spent& is_spent) const {
  for (auto at = nodes_[node].first_possession; at != kNone; at = possessions_[at].next) {
    const auto& held = possessions_[at];
    if (accounts_[held.account].name != account) continue;
    const auto since = held.at[static_cast<std::size_t>(as)];
    return since > kEnded && (is_recent(since, now) || is_tagged(node, Held::blob, is_spent));
  }
  return false;
}

bool Index::came_as_blob(NodeId node) const {
  for (auto at = nodes_[node].first_possession; at != kNone; at = possessions_[at].next) {
    if (possessions_[at].at[static_cast<std::size_t>(Held::blob)] != 0) return true;
  }
  return false;
}

std::vector<PossessionRecord> Index::possessions_of(NodeId node) const {
  std::vector<PossessionRecord> all;
  for (auto at = nodes_[node].first_possession; at != kNone; at = possessions_[at].next) {
    const auto& held = possessions_[at];
    auto& record = all.emplace_back(PossessionRecord{accounts_[held.account].name});
    std::transform(held.at.begin(), held.at.end(), record.at.begin(), time_of);
  }
  return all;
}

bool Index::is_tagged(NodeId node, Held as, const Spent& is_spent) const {
  const Links links = as == Held::blob ? Links{Link::child, Link::blob, Link::subject}
                                       : Links{Link::child, Link::subject};
  bool found = false;
  climb(
      *this, node, links, [](NodeId, NodeId) { return true; },
      [&](NodeId manifest) {
        if (is_spent()) return true;
        found = tags_.contains(manifest);
        return found;
      });
  return found;
}

Index::Spent Index::some_steps() {
  return [steps = std::size_t{0}]() mutable { return ++steps > kMostSteps; };
}

bool Index::may_be_reached(NodeId node) const {
  constexpr std::size_t kMost = 256;
  std::size_t met = 0;
  return climb(
      *this, node, {Link::child, Link::blob, Link::subject}, [](NodeId, NodeId) { return true; },
      [&](NodeId manifest) {
        return ++met > kMost || tags_.contains(manifest) || graces_.contains(manifest);
      });
}

void Index::each_below(NodeId manifest, const std::function<void(NodeId)>& visit) const {
  Met met;
  Met entered;  // a layer may be a manifest too, and reaches nothing as a layer
  std::vector<NodeId> todo;
  const auto meet = [&](NodeId node) {
    if (met.add(node)) visit(node);
  };
  const auto enter = [&](NodeId node) {
    if (!is_manifest(node)) return;  // an index may name what was forgotten since
    meet(node);
    if (entered.add(node)) todo.push_back(node);
  };
  enter(manifest);
  while (!todo.empty()) {
    const auto node = todo.back();
    todo.pop_back();
    each_child(node, [&](Link link, NodeId child) {
      if (link == Link::child) enter(child);
      if (link == Link::blob) meet(child);
    });
    any_parent(node, Link::subject, [&](NodeId referrer) {
      enter(referrer);
      return false;
    });
  }
}

Index::Stats Index::stats() const {
  Stats stats;
  stats.repositories = repositories_.size();
  for (const auto& [name, repository] : repositories_) stats.tags += repository->tags.size();
  stats.nodes = nodes_.size() - free_nodes_.size();
  each_manifest(kNone, [&](NodeId) { ++stats.manifests; });
  stats.links = edges_.size() - free_edges_.size();
  stats.possessions = possessions_.size() - free_possessions_.size();
  stats.referrers = referrers_.size();
  stats.accounts = accounts_.size();
  stats.bytes = nodes_.capacity() * sizeof(Node) + edges_.capacity() * sizeof(Edge) +
                possessions_.capacity() * sizeof(Possession) + node_table_.bytes() +
                stats.tags * (sizeof(Tag) + 96) + tags_.size() * 88;
  return stats;
}

}  // namespace layergate::index

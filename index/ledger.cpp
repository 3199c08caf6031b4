#include "index/ledger.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace layergate::index {
namespace {

// A fact as it is now, under its name in a repository; nothing if it is gone.
template <typename Fact>
struct Named {
  std::string repository;
  std::string name;
  Fact fact;
};

struct Facts {
  std::optional<bool> complete;
  std::vector<std::pair<std::string, bool>> known;
  std::vector<AccountRecord> accounts;
  std::vector<Named<std::optional<ManifestRecord>>> manifests;
  std::vector<Named<std::optional<TagRecord>>> tags;
  std::vector<Named<std::vector<Grace>>> graces;
  std::vector<Named<std::vector<PossessionRecord>>> possessions;
};

// Each once, with what `read(repository, name)` says.
template <typename Fact, typename Read>
void take(std::vector<Named<Fact>>& facts, const Index& index, Touched::Names& names, Read read) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  facts.reserve(names.size());
  for (auto& [id, name] : names) {
    const auto& in = index.repository(id);
    auto fact = read(in, name);
    facts.push_back({in.name, std::move(name), std::move(fact)});
  }
}

Facts read(const Index& index, Touched& touched) {
  Facts facts;
  if (touched.complete) facts.complete = index.is_complete();
  for (const auto id : touched.known) {
    facts.known.emplace_back(index.repository(id).name, index.repository(id).known);
  }
  for (const auto id : touched.accounts) facts.accounts.push_back(index.account(id));
  take(facts.manifests, index, touched.manifests,
       [&](const Repository& in, const std::string& digest) {
         const auto node = index.find(in, digest);
         return node != kNone && index.is_manifest(node) ? std::optional(index.record_of(node))
                                                         : std::nullopt;
       });
  take(facts.tags, index, touched.tags, [&](const Repository& in, const std::string& name) {
    const auto* tag = index.find_tag(in, name);
    if (tag == nullptr) return std::optional<TagRecord>();
    return std::optional(TagRecord{
        name, index.digest_of(tag->root),
        tag->account == kNone ? std::string() : index.account_name(tag->account), tag->at});
  });
  take(facts.graces, index, touched.graces, [&](const Repository& in, const std::string& digest) {
    const auto node = index.find(in, digest);
    if (node == kNone) return std::vector<Grace>();
    const auto graces = index.graces_of(node);
    return std::vector<Grace>(graces.begin(), graces.end());
  });
  take(facts.possessions, index, touched.possessions,
       [&](const Repository& in, const std::string& digest) {
         const auto node = index.find(in, digest);
         return node == kNone ? std::vector<PossessionRecord>() : index.possessions_of(node);
       });
  return facts;
}

void write(const Facts& facts, Store& store) {
  if (facts.complete) store.set_complete(*facts.complete);
  for (const auto& [repository, known] : facts.known) store.set_known(repository, known);
  for (const auto& account : facts.accounts) store.put_account(account);
  for (const auto& [repository, digest, manifest] : facts.manifests) {
    if (manifest) {
      store.put_manifest(repository, *manifest);
    } else {
      store.drop_manifest(repository, digest);
    }
  }
  for (const auto& [repository, name, tag] : facts.tags) {
    if (tag) {
      store.put_tag(repository, *tag);
    } else {
      store.drop_tag(repository, name);
    }
  }
  for (const auto& [repository, digest, graces] : facts.graces) {
    store.put_graces(repository, digest, graces);
  }
  for (const auto& [repository, digest, possessions] : facts.possessions) {
    store.put_possessions(repository, digest, possessions);
  }
}

}  // namespace

void Ledger::write_down(Touched touched) {
  if (!touched.any()) return;
  auto facts = std::make_shared<const Facts>(
      index_.read([&](const Index& index) { return read(index, touched); }));
  write_([facts = std::move(facts)](Store& store) { write(*facts, store); });
}

}  // namespace layergate::index

#include "tests/unit/index/model_world.h"

#include <chrono>
#include <stdexcept>

namespace layergate::model {
namespace {

using index::Index;

constexpr int kAccounts = 7;

}  // namespace

World::World(unsigned seed, index::Ledger::Write write)
    : random_(seed),
      now_(*parse_time("2026-06-01T12:00:00Z")),
      shared_(index::Index::Options{.many = seed % 2 == 0 ? 64 : 1 + seed % 3}),
      ledger_(shared_, std::move(write)),
      index_(shared_.read([](const Index& facts) { return &facts; })) {
  invent_content();
  load_policy();
  model_.set_time(now_);
  for (const auto& repository : repositories_) {
    ledger_.change([&](Index& facts) { facts.set_known(repository, true); });
    for (const auto& manifest : manifests_) {
      if (chance(55)) put(repository, manifest);
    }
    for (std::size_t i = number(6); i > 0; --i) upload(repository);
  }
}

// --- chance

std::string World::pick(std::initializer_list<const char*> words) {
  return words.begin()[number(words.size())];
}

std::string World::some_digest_text() {
  const bool is_long = chance(8);
  std::string text = is_long ? "sha512:" : "sha256:";
  for (int i = is_long ? 128 : 64; i > 0; --i) text += "0123456789abcdef"[number(16)];
  return text;
}

std::string World::some_account() { return "u" + std::to_string(number(kAccounts)); }

std::string World::some_repository() {
  return chance(3) ? "nowhere" : repositories_[number(repositories_.size())];
}

std::string World::some_new_tag() {
  if (chance(65)) return pick({"1", "2", "v1", "v2", "dev", "latest"});
  auto tag = some_manifest() + pick({"", "", ".sig", ".att", ".sbom"});
  tag[tag.find(':')] = '-';
  return tag.substr(0, 128);  // of sha512, as much as a tag holds
}

std::string World::some_tag(const std::string& repository) {
  const auto found = model_.repositories().find(repository);
  if (found == model_.repositories().end() || found->second.tags.empty() || chance(30)) {
    return some_new_tag();
  }
  auto tag = found->second.tags.begin();
  std::advance(tag, number(found->second.tags.size()));
  return tag->first;
}

std::string World::some_digest(const std::string& repository) {
  if (chance(3)) return some_digest_text();
  if (chance(25)) return blobs_[number(blobs_.size())];
  const auto manifest = some_manifest_of(repository);
  return manifest.empty() || chance(20) ? some_manifest() : manifest;
}

std::string World::some_subject(const std::string& repository) {
  const auto manifest = some_manifest_of(repository);
  const auto subject = manifest.empty() ? "" : contents_.at(manifest).subject;
  return subject.empty() ? some_digest(repository) : subject;
}

std::string World::some_manifest_of(const std::string& repository) {
  const auto found = model_.repositories().find(repository);
  if (found == model_.repositories().end() || found->second.manifests.empty()) return "";
  auto manifest = found->second.manifests.begin();
  std::advance(manifest, number(found->second.manifests.size()));
  return manifest->first;
}

// --- what there is

void World::invent_content() {
  for (std::size_t i = 4 + number(7); i > 0; --i) {
    blobs_.push_back(some_digest_text());
    names_[blobs_.back()] = "b" + std::to_string(blobs_.size());
  }
  // Hashes cannot form circles: what is named is older.
  for (std::size_t i = 6 + number(13); i > 0; --i) {
    auto manifest = invent_manifest();
    manifests_.push_back(some_digest_text());
    names_[manifests_.back()] = "m" + std::to_string(manifests_.size());
    contents_[manifests_.back()] = std::move(manifest);
  }
}

oci::Manifest World::invent_manifest() {
  oci::Manifest manifest;
  const auto some_blob = [&] { return blobs_[number(blobs_.size())]; };
  const bool is_first = manifests_.empty();
  const bool has_urls = chance(10);
  if (!is_first && chance(45)) {
    manifest.type = chance(50) ? oci::MediaType::index : oci::MediaType::docker_list;
    for (std::size_t i = number(4); i > 0; --i) {
      manifest.manifests.push_back({chance(4) ? some_blob() : some_manifest(), has_urls});
    }
  } else {
    manifest.type = chance(50) ? oci::MediaType::image : oci::MediaType::docker_image;
    for (std::size_t i = 1 + number(3); i > 0; --i) {
      // A manifest that is named as a layer.
      const bool is_manifest = !is_first && chance(8);
      manifest.blobs.push_back({is_manifest ? some_manifest() : some_blob(), has_urls});
    }
  }
  if (!is_first && chance(40)) manifest.subject = chance(4) ? some_blob() : some_manifest();
  return manifest;
}

std::string World::invent_pattern() {
  const auto repository = pick({"a", "a", "b", "b", "a/b", "a/*", "*", "**", "a**"});
  if (chance(35)) return repository;
  return repository + ":" +
         pick({"1", "2", "v1", "v*", "*", "dev", "latest", "?", "sha256-*", "*.sig", "sha256-*.att",
               "**"});
}

std::string World::invent_actions() {
  std::string actions;
  for (const auto* action : {"view", "pull", "push", "delete"}) {
    if (chance(60)) actions += std::string(action) + ", ";
  }
  return "[" + (actions.empty() ? "pull" : actions) + "]";
}

std::string World::invent_policy() {
  std::string text = "version: 1\nusers:\n";
  for (int i = 0; i < kAccounts; ++i) {
    text += "  u" + std::to_string(i) + ": {permissions: " +
            (chance(12)   ? "[admin]"
             : chance(60) ? "[view, pull, push, delete]"
                          : invent_actions());
    if (chance(4)) text += ", enabled: false";
    if (chance(6)) text += ", expires: 2026-06-03T00:00:00Z";
    if (chance(8)) text += ", from: [10.0.0.0/8]";
    text += "}\n";
  }
  text += "rules:\n";
  for (std::size_t rules = 2 + number(9); rules > 0; --rules) {
    std::string who;
    for (std::size_t i = 1 + number(3); i > 0; --i) {
      who += (chance(15) ? "\"*\"" : some_account()) + ", ";
    }
    std::string images;
    for (std::size_t i = 1 + number(2); i > 0; --i) images += "\"" + invent_pattern() + "\", ";
    text += "  - {who: [" + who + "], images: [" + images + "], " +
            (chance(15) ? "deny: " : "allow: ") + invent_actions();
    if (chance(6)) text += ", expires: 2026-06-02T00:00:00Z";
    if (chance(6)) text += ", from: [10.0.0.0/8]";
    text += "}\n";
  }
  text += "immutable: [";
  for (std::size_t i = number(3); i > 0; --i) text += "\"" + invent_pattern() + "\", ";
  return text + "]\nunregistered: " + pick({"push", "deny"}) + "\n";
}

void World::load_policy() {
  policy_text_ = invent_policy();
  policy_ = acl::parse({{"acl.yml", policy_text_}}, now_, policy_.covered);
  if (policy_.policy == nullptr) {
    throw std::runtime_error(policy_.errors.front().to_string() + "\n" + policy_text_);
  }
  model_.set_policy(*policy_.policy);
}

// --- what happens

void World::pass_time() {
  using std::chrono::milliseconds;
  constexpr std::size_t kMinute = 60'000;
  constexpr std::size_t kDay = 24 * 60 * kMinute;
  const auto kind = number(100);
  const std::size_t passed = kind < 45   ? number(10'000)
                             : kind < 78 ? number(10) * kMinute
                             : kind < 90 ? (14 + number(3)) * kMinute
                             : kind < 96 ? number(3) * kDay
                                         : (6 + number(3)) * kDay;
  now_ += milliseconds(passed);
  model_.set_time(now_);
}

// What is put by nobody was found in the upstream.
void World::put(const std::string& repository, const std::string& digest) {
  const auto& content = contents_.at(digest);
  const auto account = chance(15) ? std::string() : some_account();
  const auto address = account.empty() ? "" : pick({"10.0.0.1", "10.0.0.1", "192.0.2.1"});
  Manifest manifest;
  manifest.type = content.type;
  manifest.subject = content.subject;
  for (const auto& blob : content.blobs) manifest.blobs.insert(blob.digest);
  for (const auto& child : content.manifests) {
    const auto found = model_.repositories().find(repository);
    if (found != model_.repositories().end() && found->second.manifests.contains(child.digest)) {
      manifest.children.insert(child.digest);
    }
  }
  index::ManifestRecord record;
  record.digest = digest;
  record.type = content.type;
  for (const auto& child : manifest.children) record.links.push_back({index::Link::child, child});
  for (const auto& blob : manifest.blobs) record.links.push_back({index::Link::blob, blob});
  if (!content.subject.empty()) {
    record.links.push_back({index::Link::subject, content.subject});
    record.putters = {{account, address}};
    manifest.putters = {{account, address}};
  }
  tell(repository + ": " + (account.empty() ? "nobody" : account) + " " + address + " puts " +
       name(digest));
  ledger_.change([&](Index& facts) { facts.add_manifest(repository, record, seconds()); });
  model_.put_manifest(repository, digest, manifest);
  if (!account.empty()) {
    possess(repository, digest, account, Held::manifest);
  }
  if (chance(60)) tag(repository, some_tag(repository), digest, account);
}

void World::tag(const std::string& repository, const std::string& tag, const std::string& digest,
                const std::string& account) {
  tell(repository + ": " + account + " sets " + tag_name(tag) + " to " + name(digest));
  ledger_.change([&](Index& facts) {
    facts.set_tag(repository, {tag, digest, account, seconds()}, seconds());
  });
  model_.set_tag(repository, tag, digest, account);
}

void World::possess(const std::string& repository, const std::string& digest,
                    const std::string& account, Held as) {
  ledger_.change([&](Index& facts) { facts.possess(repository, digest, account, as, seconds()); });
  model_.possess(repository, digest, account, as);
}

// A blob; or, as a blob, the text of a manifest.
void World::upload(const std::string& repository) {
  const auto& digest = chance(30) ? some_manifest() : blobs_[number(blobs_.size())];
  const auto account = some_account();
  tell(repository + ": " + account + " uploads " + name(digest));
  possess(repository, digest, account, Held::blob);
}

std::string World::change() {
  pass_time();
  const auto repository = repositories_[number(repositories_.size())];
  const auto digest = some_manifest_of(repository);
  const auto kind = number(100);
  if (kind < 5) {
    load_policy();
    tell("another policy");
  } else if (kind < 10) {
    return forget();
  } else if (kind < 28) {
    upload(repository);
  } else if (kind < 60 || digest.empty()) {
    put(repository, some_manifest());
  } else if (kind < 73) {
    tag(repository, some_tag(repository), digest, chance(10) ? "" : some_account());
  } else if (kind < 87) {
    const auto tag = some_tag(repository);
    if (!model_.repositories().at(repository).tags.contains(tag)) return "";
    tell(repository + ": " + tag_name(tag) + " is removed");
    ledger_.change([&](Index& facts) { facts.remove_tag(repository, tag, seconds()); });
    model_.remove_tag(repository, tag);
  } else if (kind < 94) {
    tell(repository + ": the manifest " + name(digest) + " is removed");
    ledger_.change([&](Index& facts) { facts.remove_manifest(repository, digest, seconds()); });
    model_.remove_manifest(repository, digest);
  } else {
    const auto blob = some_digest(repository);
    tell(repository + ": the blob " + name(blob) + " is removed");
    ledger_.change([&](Index& facts) { facts.remove_blob(repository, blob); });
    model_.remove_blob(repository, blob);
  }
  return "";
}

// The index chooses when; the model says whether it may.
std::string World::forget() {
  auto forgotten = ledger_.remember([&](Index& facts) {
    for (index::NodeId at = 0; at != index::kNone;) at = facts.forget(at, 10, seconds());
  });
  ledger_.write_down(forgotten);
  for (const auto& [id, digest] : forgotten.manifests) {
    const auto& repository = index_->repository(id).name;
    tell(repository + ": the manifest " + name(digest) + " is forgotten");
    if (!model_.forget(repository, digest, Held::manifest)) return "still of use";
  }
  for (const auto& [id, digest] : forgotten.possessions) {
    const auto& repository = index_->repository(id).name;
    tell(repository + ": the possessions of " + name(digest) + " are forgotten");
    if (!model_.forget(repository, digest, Held::blob)) return "still possessed";
  }
  return "";
}

}  // namespace layergate::model

#include "tests/unit/index/model.h"

#include <algorithm>
#include <chrono>

#include "base/address.h"
#include "oci/reference.h"

namespace layergate::model {
namespace {

using acl::Action;

constexpr auto kGrace = std::chrono::minutes(15);
constexpr auto kPossession = std::chrono::days(7);

// Whether the tag speaks of no other manifest.
bool is_ordinary(const Text& tag) { return !oci::is_fallback_tag(tag); }
// Of a sha512 a tag holds only a part: it might speak of anything.
bool is_vague(const Text& tag) { return !is_ordinary(tag) && oci::subject_of_tag(tag).empty(); }

}  // namespace

// --- what happens

void Model::set_policy(const acl::Policy& policy) {
  policy_ = &policy;
  reached_.clear();
}

void Model::set_time(WallTime now) {
  now_ = now;
  changed();
}

// Called before each change: up to now the tags reached what they reached.
void Model::changed() {
  for (auto& [name, repository] : repositories_) {
    Reached tagged;  // by any tag, whatever the rights of those who put referrers
    for (const auto& place : places(repository, false)) {
      descend(repository, place.root, nullptr, tagged);
    }
    for (auto& [possession, since] : repository.possessions) {
      if (tagged.holds(possession.digest, Held::blob)) since = seconds();
    }
    std::erase_if(repository.possessions,
                  [&](const auto& each) { return seconds() - each.second >= kPossession; });
    std::erase_if(repository.graces,
                  [&](const auto& each) { return seconds() >= each.second.until; });
  }
  reached_.clear();
}

void Model::put_manifest(const Text& repository, const Text& digest, Manifest manifest) {
  changed();
  auto& here = repositories_[repository].manifests[digest];
  manifest.children.merge(here.children);  // what was checked before is still checked
  for (const auto& [account, address] : here.putters) manifest.putters.insert({account, address});
  here = std::move(manifest);
}

void Model::set_tag(const Text& repository, const Text& tag, const Text& digest,
                    const Text& account) {
  auto& tags = repositories_[repository].tags;
  if (tags.contains(tag) && tags.at(tag).root != digest) remove_tag(repository, tag);
  changed();
  tags[tag] = {digest, account};
}

void Model::remove_tag(const Text& repository, const Text& tag) {
  changed();
  auto& here = repositories_[repository];
  const auto& [root, account] = here.tags.at(tag);
  here.graces[{tag, root}] = {seconds() + kGrace, account};
  here.tags.erase(tag);
}

void Model::remove_manifest(const Text& repository, const Text& digest) {
  changed();
  auto& here = repositories_[repository];
  here.manifests.erase(digest);
  for (auto& [name, manifest] : here.manifests) manifest.children.erase(digest);
  std::erase_if(here.tags, [&](const auto& each) { return each.second.root == digest; });
  std::erase_if(here.graces, [&](const auto& each) { return each.first.second == digest; });
  std::erase_if(here.possessions, [&](const auto& each) {
    return each.first.digest == digest && each.first.as == Held::manifest;
  });
}

void Model::remove_blob(const Text& repository, const Text& digest) {
  changed();
  auto& here = repositories_[repository];
  here.uploads.erase(digest);
  std::erase_if(here.possessions, [&](const auto& each) {
    return each.first.digest == digest && each.first.as == Held::blob;
  });
}

void Model::possess(const Text& repository, const Text& digest, const Text& account, Held as) {
  changed();
  auto& here = repositories_[repository];
  if (as == Held::blob) here.uploads.insert(digest);
  here.possessions[{digest, account, as}] = seconds();
}

bool Model::forget(const Text& repository, const Text& digest, Held as) {
  changed();
  auto& here = repositories_[repository];
  for (const auto& [possession, since] : here.possessions) {
    if (possession.digest == digest) return false;
  }
  if (as == Held::blob) {
    here.uploads.erase(digest);
    return true;
  }
  Reached reached;
  for (const auto& place : places(here, true)) descend(here, place.root, nullptr, reached);
  here.manifests.erase(digest);
  return !reached.manifests.contains(digest);
}

const Repository& Model::at(const Text& repository) const {
  static const Repository kNothing;
  const auto found = repositories_.find(repository);
  return found == repositories_.end() ? kNothing : found->second;
}

// --- what tags reach

// Adds the manifest and all that is below it. `shown`: the referrers that are followed; null: all.
void Model::descend(const Repository& repository, const Text& digest, const std::set<Text>* shown,
                    Reached& reached) {
  const auto found = repository.manifests.find(digest);
  if (found == repository.manifests.end()) return;
  if (!reached.manifests.insert(digest).second) return;
  const auto& manifest = found->second;
  reached.blobs.insert(manifest.blobs.begin(), manifest.blobs.end());
  for (const auto& child : manifest.children) descend(repository, child, shown, reached);
  for (const auto& [other, its] : repository.manifests) {
    if (its.subject != digest || (shown != nullptr && !shown->contains(other))) continue;
    descend(repository, other, shown, reached);
  }
}

// The tags and, if graces count, where they were until lately.
std::vector<Place> Model::places(const Repository& repository, bool graces) {
  std::vector<Place> all;
  for (const auto& [name, tag] : repository.tags) all.push_back({name, tag.root, tag.account});
  if (graces) {
    for (const auto& [former, grace] : repository.graces) {
      all.push_back({former.first, former.second, grace.account});
    }
  }
  return all;
}

// Whether who put a referrer holds push on an ordinary tag that reaches its subject.
bool Model::pushes_to(const Text& subject, const index::Putter& putter, const Text& repository,
                      const std::set<Text>& shown, bool graces) const {
  const auto address = IpAddress::parse(putter.address).value_or(IpAddress());
  for (const auto& place : places(at(repository), graces)) {
    Reached reached;
    descend(at(repository), place.root, &shown, reached);
    if (is_ordinary(place.tag) && reached.manifests.contains(subject) &&
        by_name({putter.account, address, now_}, Action::push, repository, place)) {
      return true;
    }
  }
  return false;
}

// The referrers that are followed: those that were found in the upstream, and those of which
// somebody who put them pushes to the subject. As these may be subjects again, until there are no
// more.
std::set<Text> Model::shown(const Text& repository, bool graces) const {
  std::set<Text> shown;
  for (bool found = true; found;) {
    const auto before = shown.size();
    for (const auto& [digest, referrer] : at(repository).manifests) {
      for (const auto& [account, address] : referrer.putters) {
        if (account.empty() ||
            pushes_to(referrer.subject, {account, address}, repository, shown, graces)) {
          shown.insert(digest);
        }
      }
    }
    found = shown.size() > before;
  }
  return shown;
}

const std::vector<Reached>& Model::reached(const Text& repository, bool graces) const {
  const auto [found, is_new] = reached_.try_emplace({repository, graces});
  if (is_new) {
    const auto these = shown(repository, graces);
    for (const auto& place : places(at(repository), graces)) {
      auto& reached = found->second.emplace_back(Reached{.from = place});
      descend(at(repository), place.root, &these, reached);
    }
  }
  return found->second;
}

// --- rights on tags

Place Model::place(const Text& repository, const Text& tag) const {
  const auto found = at(repository).tags.find(tag);
  if (found == at(repository).tags.end()) return {tag};
  return {tag, found->second.root, found->second.account};
}

// Whether a rule or the permission admin allows it.
bool Model::by_rule(const Who& who, Action action, const Text& repository, const Text& tag) const {
  return is_vague(tag) ? on_every_tag(who, action, repository)
                       : policy_->decide(who, action, repository, tag).allowed;
}

// What `unregistered: push` adds where no rule speaks: the push of a tag that no rule covers and
// that is nobody else's, and the reading of one's own. In its grace it counts for who had pushed
// it.
bool Model::unregistered(const Who& who, Action action, const Text& repository,
                         const Place& place) const {
  const auto& tag = place.tag;
  if (policy_->decide(who, action, repository, tag).reason != acl::Reason::no_rule) return false;
  if (!policy_->may_push_unregistered() || policy_->covers(repository, tag)) return false;
  if (is_vague(tag) || action == Action::erase) return false;
  const auto now = this->place(repository, tag);
  if (!now.account && action != Action::push) return false;
  return (!now.account || *now.account == who.account) &&
         (!place.account || *place.account == who.account);
}

bool Model::by_name(const Who& who, Action action, const Text& repository,
                    const Place& place) const {
  return by_rule(who, action, repository, place.tag) ||
         unregistered(who, action, repository, place);
}

// By whose names the right on a tag is decided: of one that speaks of another manifest, the
// ordinary tags that reach that one, if any do.
std::vector<Place> Model::deciding(Action action, const Text& repository,
                                   const Place& place) const {
  std::vector<Place> found;
  for (const auto& each : reached(repository, action == Action::pull)) {
    if (is_ordinary(each.from.tag) && each.manifests.contains(oci::subject_of_tag(place.tag))) {
      found.push_back(each.from);
    }
  }
  return found.empty() ? std::vector<Place>{place} : found;
}

bool Model::may(const Who& who, Action action, const Text& repository, const Place& place) const {
  const auto names = deciding(action, repository, place);
  return std::any_of(names.begin(), names.end(),
                     [&](const Place& each) { return by_name(who, action, repository, each); });
}

// On a tag that may or may not exist.
bool Model::on_some_tag(const Who& who, Action action, const Text& repository) const {
  const auto decision = policy_->decide_some_tag(who, action, repository);
  if (decision.allowed) return true;
  return action != Action::erase && decision.reason == acl::Reason::no_rule &&
         policy_->may_push_unregistered() && !policy_->covers_every_tag(repository);
}

bool Model::on_every_tag(const Who& who, Action action, const Text& repository) const {
  return policy_->decide_every_tag(who, action, repository).allowed;
}

// Whether the permission admin gives what no tag reaches: a deny wins over it.
bool Model::is_admin(const Who& who, Action action, const Text& repository) const {
  return policy_->is_admin(who.account) &&
         policy_->decide_some_tag(who, action, repository).allowed;
}

}  // namespace layergate::model

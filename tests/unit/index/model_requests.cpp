// The rights on digests; what each request needs, and how it is refused.
#include <algorithm>

#include "tests/unit/index/model.h"

namespace layergate::model {
namespace {

using acl::Action;
using proxy::Endpoint;
using proxy::Method;

Answer refused(int status, const char* code) { return {.status = status, .code = code}; }
Answer denied() { return refused(403, "DENIED"); }

}  // namespace

// --- rights on digests

bool Model::exists(const Text& repository, const Text& digest, Held as) const {
  const auto& here = at(repository);
  if (as == Held::manifest) return here.manifests.contains(digest);
  return here.uploads.contains(digest) ||
         std::any_of(here.manifests.begin(), here.manifests.end(),
                     [&](const auto& each) { return each.second.blobs.contains(digest); });
}

bool Model::possesses(const Who& who, const Text& repository, const Text& digest, Held as) const {
  return at(repository).possessions.contains({digest, Text(who.account), as}) &&
         on_some_tag(who, Action::push, repository);
}

bool Model::may_read(const Who& who, const Text& repository, const Text& digest, Held as) const {
  if (as == Held::manifest && !exists(repository, digest, as)) return false;
  if (possesses(who, repository, digest, as)) return true;
  bool is_reached = false;
  for (const auto& each : reached(repository, true)) {
    if (!each.holds(digest, as)) continue;
    if (may(who, Action::pull, repository, each.from)) return true;
    is_reached = true;
  }
  return !is_reached && is_admin(who, Action::pull, repository);
}

bool Model::may_delete(const Who& who, const Text& repository, const Text& digest, Held as) const {
  bool is_reached = false;
  for (const auto& each : reached(repository, false)) {
    if (!each.holds(digest, as)) continue;
    if (!may(who, Action::erase, repository, each.from)) return false;
    if (policy_->is_immutable(repository, each.from.tag)) return false;
    is_reached = true;
  }
  return is_reached || is_admin(who, Action::erase, repository) ||
         on_every_tag(who, Action::erase, repository) ||
         (as == Held::manifest && possesses(who, repository, digest, as));
}

// --- requests

Answer Model::rule_on(const proxy::Route& route, const Who& who) const {
  const auto admitted = policy_->admit(who);
  if (!admitted.allowed) {
    return admitted.reason == acl::Reason::address ? denied() : refused(401, "UNAUTHORIZED");
  }
  const auto some = [&](Action action) {
    return on_some_tag(who, action, route.repository) ? Answer{} : denied();
  };
  switch (route.endpoint) {
    case Endpoint::ping:
    case Endpoint::catalog:
      return {};
    case Endpoint::tags:
      return some(Action::view);
    case Endpoint::referrers:
      return some(Action::pull);
    case Endpoint::upload:
      return some(Action::push);
    case Endpoint::start_upload: {
      auto answer = some(Action::push);
      answer.mount_readable = answer.status == 200 && !route.mount.empty() && !route.from.empty() &&
                              may_read(who, route.from, route.mount, Held::blob);
      return answer;
    }
    case Endpoint::manifest:
      if (route.method == Method::put) return on_put(route, who);
      return route.tag.empty() ? on_digest(route, who, Held::manifest) : on_tag(route, who);
    case Endpoint::blob:
      return on_digest(route, who, Held::blob);
  }
  return {};
}

Answer Model::on_put(const proxy::Route& route, const Who& who) const {
  const auto& name = route.repository;
  if (route.tag.empty()) return on_some_tag(who, Action::push, name) ? Answer{} : denied();
  const auto tag = place(name, route.tag);
  if (!may(who, Action::push, name, tag)) return denied();
  const auto names = deciding(Action::push, name, tag);
  return {.must_be_unchanged = policy_->is_immutable(name, route.tag),
          .must_be_own = std::none_of(names.begin(), names.end(), [&](const Place& each) {
            return by_rule(who, Action::push, name, each.tag);
          })};
}

// GET, HEAD and DELETE of a manifest by a tag.
Answer Model::on_tag(const proxy::Route& route, const Who& who) const {
  const auto& name = route.repository;
  const auto tag = place(name, route.tag);
  const auto absent = refused(404, "MANIFEST_UNKNOWN");
  if (route.method == Method::erase) {
    if (!may(who, Action::erase, name, tag)) return denied();
    if (!tag.account) return absent;
    return policy_->is_immutable(name, route.tag) ? denied() : Answer{};
  }
  if (!may(who, Action::pull, name, tag)) {
    // Who has the right by the tag's own name is not told that other tags reach what it speaks of.
    const bool by_its_name = policy_->decide(who, Action::pull, name, route.tag).allowed;
    return on_some_tag(who, Action::push, name) || by_its_name ? absent : denied();
  }
  if (!tag.account) return absent;
  return {.stored = at(name).manifests.at(tag.root).type};
}

// GET, HEAD and DELETE of a manifest or blob by its digest. Whether there is one that may not be
// read, nobody learns.
Answer Model::on_digest(const proxy::Route& route, const Who& who, Held as) const {
  const auto& name = route.repository;
  const bool is_delete = route.method == Method::erase;
  if (is_delete && may_delete(who, name, route.digest, as)) return {};
  if (may_read(who, name, route.digest, as)) {
    if (is_delete) return denied();
    if (as == Held::blob) return {};
    return {.stored = at(name).manifests.at(route.digest).type};
  }
  if (as == Held::blob) return refused(404, "BLOB_UNKNOWN");
  const bool is_told = on_some_tag(who, Action::push, name) ||
                       on_every_tag(who, Action::pull, name) ||
                       (is_delete && on_every_tag(who, Action::erase, name));
  return is_told ? refused(404, "MANIFEST_UNKNOWN") : denied();
}

// What is named has to be there as such. Blobs that nobody possesses and nothing names are known to
// the registry alone, which looks for them, but for those with urls.
bool Model::may_name(const Who& who, const Text& repository, const oci::Descriptor& named,
                     Held as) const {
  if (!may_read(who, repository, named.digest, as)) return false;
  if (exists(repository, named.digest, as)) return true;
  return as == Held::blob && !named.has_urls && is_admin(who, Action::pull, repository);
}

Answer Model::rule_on_contents(const oci::Manifest& manifest, const Text& repository,
                               const Who& who) const {
  const auto all = [&](const std::vector<oci::Descriptor>& named, Held as) {
    return std::all_of(named.begin(), named.end(), [&](const oci::Descriptor& each) {
      return may_name(who, repository, each, as);
    });
  };
  return all(manifest.blobs, Held::blob) && all(manifest.manifests, Held::manifest)
             ? Answer{}
             : refused(404, "MANIFEST_BLOB_UNKNOWN");
}

std::set<Text> Model::viewable_tags(const Text& repository, const Who& who) const {
  std::set<Text> tags;
  for (const auto& each : places(at(repository), false)) {
    if (may(who, Action::view, repository, each)) tags.insert(each.tag);
  }
  return tags;
}

// Of a subject that may not be read, or is not there: those that may be read anyhow.
std::set<Text> Model::referrers(const Text& repository, const Text& subject, const Who& who) const {
  const bool is_read = may_read(who, repository, subject, Held::manifest);
  const auto hanging = shown(repository, true);
  std::set<Text> found;
  for (const auto& [digest, referrer] : at(repository).manifests) {
    if (referrer.subject != subject) continue;
    if (is_read ? hanging.contains(digest) : may_read(who, repository, digest, Held::manifest)) {
      found.insert(digest);
    }
  }
  return found;
}

}  // namespace layergate::model

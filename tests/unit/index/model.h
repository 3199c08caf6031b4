// The rights on what a registry holds, a second time: slow, obvious and written from the contract
// alone, so that index/ and proxy/gate.h can be compared with it.
//
// Everything goes downwards, from the tags, and walks all there is. What a rule says of one
// name:tag is asked of acl::Policy, which has a model of its own (policy_model_test.cpp).
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "acl/policy.h"
#include "index/record.h"
#include "oci/manifest.h"
#include "proxy/route.h"

namespace layergate::model {

using index::Held;
using index::Seconds;
using Text = std::string;

struct Manifest {
  oci::MediaType type = oci::MediaType::image;
  std::set<Text> children;  // those that were manifests of the repository when this one was put
  std::set<Text> blobs;
  Text subject;
  std::map<Text, Text> putters;  // of a referrer: accounts, each with its last address
};

struct Tag {
  Text root;
  Text account;  // who pushed it last
};

struct Grace {
  Seconds until{};
  Text account;  // who had pushed the tag
};

// A tag, at its manifest or, in its grace, at a former one. A tag that is not there has no account.
struct Place {
  Text tag;
  Text root{};
  std::optional<Text> account{};
};

struct Possession {
  Text digest;
  Text account;
  Held as = Held::blob;

  auto operator<=>(const Possession&) const = default;
};

struct Repository {
  std::map<Text, Tag> tags;
  std::map<std::pair<Text, Text>, Grace> graces;  // of tags and what they were at
  std::map<Text, Manifest> manifests;
  std::set<Text> uploads;  // blobs that came by themselves, whoever still possesses them
  std::map<Possession, Seconds> possessions;  // when they came, or a tag last reached the digest
};

// All that is below a tag.
struct Reached {
  Place from{};
  std::set<Text> manifests{};
  std::set<Text> blobs{};  // config and layers

  [[nodiscard]] bool holds(const Text& digest, Held as) const {
    return manifests.contains(digest) || (as == Held::blob && blobs.contains(digest));
  }
};

struct Answer {
  int status = 200;  // 200: the request may go on
  Text code{};       // of the OCI error
  bool mount_readable = false;
  bool must_be_unchanged = false;
  bool must_be_own = false;
  std::optional<oci::MediaType> stored{};

  bool operator==(const Answer&) const = default;
};

class Model {
 public:
  // --- what happens; time never goes back

  void set_policy(const acl::Policy& policy);  // must outlive its use here
  void set_time(WallTime now);
  void put_manifest(const Text& repository, const Text& digest, Manifest manifest);
  void set_tag(const Text& repository, const Text& tag, const Text& digest, const Text& account);
  void remove_tag(const Text& repository, const Text& tag);
  void remove_manifest(const Text& repository, const Text& digest);
  void remove_blob(const Text& repository, const Text& digest);
  void possess(const Text& repository, const Text& digest, const Text& account, Held as);

  // The index forgot a manifest or the possessions of a digest. Whether it might: whether nobody
  // but an admin can tell.
  bool forget(const Text& repository, const Text& digest, Held as);

  // --- what is asked

  using Who = acl::Principal;
  [[nodiscard]] Answer rule_on(const proxy::Route& route, const Who& who) const;
  [[nodiscard]] Answer rule_on_contents(const oci::Manifest& manifest, const Text& repository,
                                        const Who& who) const;
  [[nodiscard]] std::set<Text> viewable_tags(const Text& repository, const Who& who) const;
  [[nodiscard]] std::set<Text> referrers(const Text& repository, const Text& subject,
                                         const Who& who) const;

  [[nodiscard]] const std::map<Text, Repository>& repositories() const { return repositories_; }

 private:
  // --- what tags reach
  [[nodiscard]] const Repository& at(const Text& repository) const;
  static void descend(const Repository& repository, const Text& digest, const std::set<Text>* shown,
                      Reached& reached);
  static std::vector<Place> places(const Repository& repository, bool graces);
  [[nodiscard]] bool pushes_to(const Text& subject, const index::Putter& putter,
                               const Text& repository, const std::set<Text>& shown,
                               bool graces) const;
  [[nodiscard]] std::set<Text> shown(const Text& repository, bool graces) const;
  [[nodiscard]] const std::vector<Reached>& reached(const Text& repository, bool graces) const;
  void changed();
  [[nodiscard]] Seconds seconds() const { return std::chrono::floor<std::chrono::seconds>(now_); }

  // --- rights on tags
  using Action = acl::Action;
  [[nodiscard]] Place place(const Text& repository, const Text& tag) const;
  [[nodiscard]] bool by_rule(const Who& who, Action action, const Text& repository,
                             const Text& tag) const;
  [[nodiscard]] bool unregistered(const Who& who, Action action, const Text& repository,
                                  const Place& place) const;
  [[nodiscard]] bool by_name(const Who& who, Action action, const Text& repository,
                             const Place& place) const;
  [[nodiscard]] std::vector<Place> deciding(Action action, const Text& repository,
                                            const Place& place) const;
  [[nodiscard]] bool may(const Who& who, Action action, const Text& repository,
                         const Place& place) const;
  [[nodiscard]] bool on_some_tag(const Who& who, Action action, const Text& repository) const;
  [[nodiscard]] bool on_every_tag(const Who& who, Action action, const Text& repository) const;
  [[nodiscard]] bool is_admin(const Who& who, Action action, const Text& repository) const;

  // --- rights on digests (model_requests.cpp)
  [[nodiscard]] bool exists(const Text& repository, const Text& digest, Held as) const;
  [[nodiscard]] bool possesses(const Who& who, const Text& repository, const Text& digest,
                               Held as) const;
  [[nodiscard]] bool may_read(const Who& who, const Text& repository, const Text& digest,
                              Held as) const;
  [[nodiscard]] bool may_delete(const Who& who, const Text& repository, const Text& digest,
                                Held as) const;

  [[nodiscard]] bool may_name(const Who& who, const Text& repository, const oci::Descriptor& named,
                              Held as) const;

  // --- requests
  [[nodiscard]] Answer on_put(const proxy::Route& route, const Who& who) const;
  [[nodiscard]] Answer on_tag(const proxy::Route& route, const Who& who) const;
  [[nodiscard]] Answer on_digest(const proxy::Route& route, const Who& who, Held as) const;

  const acl::Policy* policy_ = nullptr;
  WallTime now_{};
  std::map<Text, Repository> repositories_;
  // reached(), until something changes.
  mutable std::map<std::pair<Text, bool>, std::vector<Reached>> reached_;
};

}  // namespace layergate::model

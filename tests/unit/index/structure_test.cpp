// The index against plain maps, after random changes: links both ways, what reaches what, and nodes
// that go when nothing speaks of them.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/index/facts.h"

namespace layergate::index {
namespace {

using std::chrono::days;
using std::chrono::minutes;

constexpr unsigned kSeeds = 20;
constexpr int kSteps = 250;

// It stays known that it came.
constexpr Seconds kLapsed{};

using Place = std::pair<std::string, std::string>;  // repository, digest

using Hold = std::map<Held, Seconds>;  // from when the seven days count

// What the index is told, kept in the plainest way.
class Plain {
 public:
  struct Manifest {
    oci::MediaType type = oci::MediaType::image;
    std::set<NamedDigest> links;
    std::vector<Putter> putters;
  };

  std::map<Place, Manifest> manifests;
  std::map<Place, std::string> tags;                         // repository and tag to digest
  std::map<Place, std::map<std::string, Seconds>> graces;    // of a place, by tag
  std::map<Place, std::map<std::string, Hold>> possessions;  // of a place, by account

  // All that the manifests of these places reach: down by children and blobs, and from each
  // manifest to those that speak of it.
  [[nodiscard]] std::set<Place> reached(const std::set<Place>& roots) const {
    std::set<Place> all;
    std::vector<Place> todo(roots.begin(), roots.end());
    while (!todo.empty()) {
      const auto at = todo.back();
      todo.pop_back();
      const auto manifest = manifests.find(at);
      if (manifest == manifests.end() || !all.insert(at).second) continue;
      for (const auto& [link, digest] : manifest->second.links) {
        const Place child{at.first, digest};
        if (link == Link::child && manifests.contains(child)) todo.push_back(child);
        if (link == Link::blob) blobs_.insert(child);
      }
      for (const auto& [place, other] : manifests) {
        if (place.first == at.first && other.links.contains({Link::subject, at.second})) {
          todo.push_back(place);
        }
      }
    }
    all.insert(blobs_.begin(), blobs_.end());
    blobs_.clear();
    return all;
  }
  [[nodiscard]] std::set<Place> tagged() const {
    std::set<Place> roots;
    for (const auto& [tag, digest] : tags) roots.insert({tag.first, digest});
    return reached(roots);
  }
  // Everything that something speaks of.
  [[nodiscard]] std::set<Place> places() const {
    std::set<Place> all;
    for (const auto& [place, manifest] : manifests) {
      all.insert(place);
      for (const auto& named : manifest.links) all.insert({place.first, named.digest});
    }
    for (const auto& [tag, digest] : tags) all.insert({tag.first, digest});
    for (const auto& [place, its] : graces) all.insert(place);
    for (const auto& [place, its] : possessions) all.insert(place);
    return all;
  }

 private:
  mutable std::set<Place> blobs_;
};

class World {
 public:
  explicit World(unsigned seed) : random_(seed), index_(Index::Options{}) {
    for (int i = 0; i < 14; ++i) digests_.push_back(digest_of(std::to_string(i)));
    digests_.push_back(long_digest_of("14"));
    digests_.push_back(long_digest_of("15"));
  }

  void step() {
    catch_up();
    switch (number(12)) {
      case 0:
      case 1:
      case 2:
        return add_manifest();
      case 3:
      case 4:
        return set_tag();
      case 5:
        return remove_tag(some_repository(), some_tag());
      case 6:
        return remove_manifest({some_repository(), some_digest()});
      case 7:
        return remove_blob({some_repository(), some_digest()});
      case 8:
      case 9:
        return possess();
      case 10:
        now_ += minutes(number(30));
        if (number(3) == 0) now_ += days(number(7));
        return;
      default:
        return forget();
    }
  }

  // Empty, or in what they differ.
  [[nodiscard]] std::string difference() const {
    const auto places = plain_.places();
    const auto stats = index_.stats();
    // Tags, manifests and possessions.
    if (stats.nodes != places.size()) {
      return std::to_string(stats.nodes) + " nodes, not " + std::to_string(places.size());
    }
    std::size_t links = 0;
    for (const auto& [place, manifest] : plain_.manifests) links += manifest.links.size();
    if (stats.links != links) return "links";
    if (stats.tags != plain_.tags.size()) return "tags";
    if (stats.manifests != plain_.manifests.size()) return "manifests";
    std::size_t possessions = 0;
    for (const auto& [place, its] : plain_.possessions) possessions += its.size();
    if (stats.possessions != possessions) return "possessions";
    const auto tagged = plain_.tagged();
    for (const auto& repository : repositories_) {
      for (const auto& digest : digests_) {
        const Place place{repository, digest};
        const auto node = node_of(index_, repository, digest);
        if ((node != kNone) != places.contains(place)) return "the node " + name(place);
        if (node == kNone) continue;
        const auto what = difference_of(place, node, tagged.contains(place));
        if (!what.empty()) return what + " of " + name(place);
      }
    }
    return "";
  }

  void remove_all() {
    while (!plain_.tags.empty()) {
      const auto [repository, tag] = plain_.tags.begin()->first;
      remove_tag(repository, tag);
    }
    while (!plain_.manifests.empty()) remove_manifest(Place(plain_.manifests.begin()->first));
    while (!plain_.possessions.empty()) {
      const auto place = plain_.possessions.begin()->first;
      remove_blob(place);
      // What was held as a manifest that is none goes with its time.
      if (plain_.possessions.contains(place)) now_ += days(8);
      forget();
    }
    now_ += days(8);
    forget();
  }

  [[nodiscard]] const Index& index() const { return index_; }

 private:
  std::size_t number(std::size_t below) { return random_() % below; }
  std::string some_repository() { return repositories_[number(repositories_.size())]; }
  std::string some_digest() { return digests_[number(digests_.size())]; }
  std::string some_tag() { return "t" + std::to_string(number(5)); }
  std::string some_account() { return std::string(1, static_cast<char>('a' + number(4))); }

  void add_manifest() {
    const auto repository = some_repository();
    ManifestRecord record;
    record.digest = some_digest();
    const Place place{repository, record.digest};
    const bool is_index = number(2) == 0;
    record.type = is_index ? oci::MediaType::index : oci::MediaType::image;
    // Of any: circles too, which digests cannot form.
    for (auto count = number(4); count > 0; --count) {
      record.links.push_back({is_index ? Link::child : Link::blob, some_digest()});
    }
    const auto known = plain_.manifests.find(place);
    const auto* old_subject = known == plain_.manifests.end() ? nullptr : subject(known->second);
    // The same digest cannot say another subject.
    if (known == plain_.manifests.end() ? number(3) == 0 : old_subject != nullptr) {
      record.links.push_back({Link::subject, old_subject ? *old_subject : some_digest()});
      record.putters = {{some_account(), "10.0.0.1"}};
    }
    std::sort(record.links.begin(), record.links.end());
    record.links.erase(std::unique(record.links.begin(), record.links.end()), record.links.end());
    index_.add_manifest(repository, record, now_);
    auto& manifest = plain_.manifests[place];
    manifest.type = record.type;
    manifest.links.insert(record.links.begin(), record.links.end());
    for (const auto& putter : record.putters) {
      std::erase_if(manifest.putters, [&](const Putter& p) { return p.account == putter.account; });
      manifest.putters.push_back(putter);
    }
  }

  static const std::string* subject(const Plain::Manifest& manifest) {
    for (const auto& named : manifest.links) {
      if (named.link == Link::subject) return &named.digest;
    }
    return nullptr;
  }

  void set_tag() {
    if (plain_.manifests.empty()) return;
    auto at = plain_.manifests.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(number(plain_.manifests.size())));
    const auto [repository, digest] = at->first;
    const auto tag = some_tag();
    index_.set_tag(repository, {tag, digest, some_account(), now_}, now_);
    const auto before = plain_.tags.find({repository, tag});
    if (before != plain_.tags.end() && before->second != digest)
      leave(before->second, before->first);
    plain_.tags[{repository, tag}] = digest;
  }

  void remove_tag(const std::string& repository, const std::string& tag) {
    index_.remove_tag(repository, tag, now_);
    const auto found = plain_.tags.find({repository, tag});
    if (found == plain_.tags.end()) return;
    leave(found->second, found->first);
    plain_.tags.erase(found);
  }

  // The tag leaves what it is at.
  void leave(const std::string& digest, const Place& tag) {
    const Place root{tag.first, digest};
    plain_.graces[root][tag.second] = now_ + minutes(15);
  }

  // Before each change: what tags reach up to now, and what has lapsed.
  void catch_up() {
    const auto tagged = plain_.tagged();
    for (auto& [place, its] : plain_.possessions) {
      for (auto& [account, held] : its) {
        for (auto& [as, since] : held) {
          if (since != kLapsed && tagged.contains(place)) since = now_;
          if (now_ - since >= days(7)) since = kLapsed;
        }
      }
    }
  }

  void remove_manifest(const Place& place) {
    index_.remove_manifest(place.first, place.second, now_);
    plain_.manifests.erase(place);
    std::erase_if(plain_.tags, [&](const auto& tag) {
      return tag.first.first == place.first && tag.second == place.second;
    });
    plain_.graces.erase(place);
    for (auto& [other, manifest] : plain_.manifests) {
      if (other.first == place.first) manifest.links.erase({Link::child, place.second});
    }
    drop(place, Held::manifest);
  }

  void remove_blob(const Place& place) {
    index_.remove_blob(place.first, place.second);
    drop(place, Held::blob);
  }

  void drop(const Place& place, Held as) {
    const auto found = plain_.possessions.find(place);
    if (found == plain_.possessions.end()) return;
    for (auto& [account, held] : found->second) held.erase(as);
    std::erase_if(found->second, [](const auto& each) { return each.second.empty(); });
    if (found->second.empty()) plain_.possessions.erase(found);
  }

  void possess() {
    const Place place{some_repository(), some_digest()};
    const auto account = some_account();
    const auto as = number(2) == 0 ? Held::blob : Held::manifest;
    index_.possess(place.first, place.second, account, as, now_);
    plain_.possessions[place][account][as] = now_;
  }

  // Node by node, in the index's own order: what is forgotten first makes more to be forgotten. So
  // the plain one follows what it is told and checks it, until nothing is left to be told.
  void forget() {
    for (int idle = 0; idle < 2;) {
      Touched forgotten;
      index_.watch(&forgotten);
      for (NodeId from = 0; from != kNone;) from = index_.forget(from, 1 + number(9), now_);
      index_.watch(nullptr);
      for (auto at = plain_.graces.begin(); at != plain_.graces.end();) {
        std::erase_if(at->second, [&](const auto& grace) { return grace.second <= now_; });
        at = at->second.empty() ? plain_.graces.erase(at) : std::next(at);
      }
      follow(forgotten);
      idle = forgotten.manifests.empty() && forgotten.possessions.empty() ? idle + 1 : 0;
    }
    // Nothing is left that should go.
    const auto kept = keeping();
    for (const auto& [place, manifest] : plain_.manifests) {
      if (!kept.contains(place)) wrong_ = "kept " + name(place);
    }
  }

  void follow(const Touched& forgotten) {
    const auto kept = keeping();
    for (const auto& [in, digest] : forgotten.manifests) {
      const Place place{index_.repository(in).name, digest};
      if (kept.contains(place)) wrong_ = "forgot the manifest " + name(place);
      plain_.manifests.erase(place);
    }
    for (const auto& [in, digest] : forgotten.possessions) {
      const Place place{index_.repository(in).name, digest};
      if (kept.contains(place)) wrong_ = "forgot the possession " + name(place);
      plain_.possessions.erase(place);
    }
  }

  // What a tag or a grace reaches, or somebody holds.
  [[nodiscard]] std::set<Place> keeping() const {
    std::set<Place> roots;
    for (const auto& [place, its] : plain_.graces) roots.insert(place);
    auto kept = plain_.reached(roots);
    const auto tagged = plain_.tagged();
    kept.insert(tagged.begin(), tagged.end());
    for (const auto& [place, its] : plain_.possessions) {
      for (const auto& [account, held] : its) {
        for (const auto& [as, since] : held) {
          if (now_ - since < days(7)) kept.insert(place);
        }
      }
    }
    return kept;
  }

  [[nodiscard]] std::string difference_of(const Place& place, NodeId node, bool is_tagged) const {
    if (!wrong_.empty()) return wrong_;
    if (index_.digest_of(node) != place.second) return "the digest";
    if (index_.repository(index_.repository_of(node)).name != place.first) return "the repository";
    const auto manifest = plain_.manifests.find(place);
    if (index_.is_manifest(node) != (manifest != plain_.manifests.end())) return "the kind";
    std::set<NamedDigest> children;
    index_.each_child(node, [&](Link link, NodeId child) {
      children.insert({link, index_.digest_of(child)});
    });
    if (manifest == plain_.manifests.end() ? !children.empty()
                                           : children != manifest->second.links) {
      return "the children";
    }
    std::set<std::tuple<Link, std::string>> parents;
    for (const auto link : {Link::child, Link::blob, Link::subject}) {
      index_.any_parent(node, link, [&](NodeId parent) {
        parents.insert({link, index_.digest_of(parent)});
        return false;
      });
    }
    std::set<std::tuple<Link, std::string>> wanted;
    for (const auto& [other, its] : plain_.manifests) {
      if (other.first != place.first) continue;
      for (const auto& [link, digest] : its.links) {
        if (digest == place.second) wanted.insert({link, other.second});
      }
    }
    if (parents != wanted) return "the parents";
    std::set<std::string> tags;
    for (const auto* tag : index_.tags_of(node)) tags.insert(*tag);
    std::set<std::string> wanted_tags;
    for (const auto& [tag, digest] : plain_.tags) {
      if (tag.first == place.first && digest == place.second) wanted_tags.insert(tag.second);
    }
    if (tags != wanted_tags) return "the tags";
    std::map<std::string, Seconds> graces;
    for (const auto& grace : index_.graces_of(node)) graces[grace.tag] = grace.until;
    const auto wanted_graces = plain_.graces.find(place);
    if (wanted_graces == plain_.graces.end() ? !graces.empty() : graces != wanted_graces->second) {
      return "the graces";
    }
    if (const auto* referrer = index_.find_referrer(node)) {
      if (manifest == plain_.manifests.end() || referrer->putters != manifest->second.putters) {
        return "the putters";
      }
    } else if (manifest != plain_.manifests.end() && subject(manifest->second) != nullptr) {
      return "the referrer";
    }
    if (index_.is_tagged(node) != is_tagged) return "whether a tag reaches";
    return difference_of_possessions(place, node, is_tagged);
  }

  [[nodiscard]] std::string difference_of_possessions(const Place& place, NodeId node,
                                                      bool is_tagged) const {
    const auto found = plain_.possessions.find(place);
    for (const std::string account : {"a", "b", "c", "d", "nobody"}) {
      for (const auto as : {Held::blob, Held::manifest}) {
        bool should = false;
        if (found != plain_.possessions.end() && found->second.contains(account)) {
          const auto& held = found->second.at(account);
          const auto since = held.find(as);
          should = since != held.end() && since->second != kLapsed &&
                   (is_tagged || now_ - since->second < days(7));
        }
        if (index_.possesses(account, node, as, now_) != should) {
          return "what " + account + (should ? " should hold" : " should not hold");
        }
      }
    }
    return "";
  }

  [[nodiscard]] std::string name(const Place& place) const {
    const auto at = std::find(digests_.begin(), digests_.end(), place.second);
    return place.first + "@" + std::to_string(at - digests_.begin());
  }

  std::mt19937 random_;
  Index index_;
  Plain plain_;
  Seconds now_ = kNow;
  const std::vector<std::string> repositories_{"a", "b"};
  std::vector<std::string> digests_;
  std::string wrong_;
};

}  // namespace

TEST_CASE("index: after random changes it is what plain maps are, and nothing is left of nothing") {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < kSteps; ++step) {
      CAPTURE(step);
      world.step();
      const auto difference = world.difference();
      REQUIRE_MESSAGE(difference.empty(), difference);
    }
    const auto bound = world.index().node_bound();
    world.remove_all();
    const auto difference = world.difference();
    REQUIRE_MESSAGE(difference.empty(), difference);
    const auto stats = world.index().stats();
    CHECK(stats.nodes == 0);
    CHECK(stats.links == 0);
    CHECK(stats.possessions == 0);
    CHECK(stats.tags == 0);
    CHECK(stats.manifests == 0);
    CHECK(stats.referrers == 0);
    // Released nodes were used again: never more than there were digests.
    CHECK(bound <= 2 * 16);
  }
}

}  // namespace layergate::index

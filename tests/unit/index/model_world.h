// A small registry that is made up at random, kept twice: in the index and in its model.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "acl/loader.h"
#include "index/ledger.h"
#include "tests/unit/index/model.h"

namespace layergate::model {

class World {
 public:
  // Everything follows from the seed. `write`: what becomes of the index' copy on disk.
  explicit World(
      unsigned seed, index::Ledger::Write write = [](const auto&) {});

  // Something, after some time, that changes both. Empty, or what should not have happened.
  std::string change();

  [[nodiscard]] const index::Index& index() const { return *index_; }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] const acl::Policy& policy() const { return *policy_.policy; }
  [[nodiscard]] WallTime now() const { return now_; }
  // What a manifest says, whether or not it is anywhere.
  [[nodiscard]] const oci::Manifest& content(const std::string& digest) const {
    return contents_.at(digest);
  }

  // --- chance: something that may be there or not
  std::size_t number(std::size_t below) { return random_() % below; }
  bool chance(unsigned percent) { return number(100) < percent; }
  std::string pick(std::initializer_list<const char*> words);
  std::string some_account();
  std::string some_repository();
  std::string some_tag(const std::string& repository);
  std::string some_digest(const std::string& repository);
  std::string some_subject(const std::string& repository);
  const std::string& some_manifest() { return manifests_[number(manifests_.size())]; }

  // --- words
  [[nodiscard]] std::string name(const std::string& digest) const;   // "m3", "b1"
  [[nodiscard]] std::string tag_name(const std::string& tag) const;  // "sha256-m3.sig"
  // The policy, what the model holds, and how it came to that.
  [[nodiscard]] std::string dump() const;

 private:
  std::string some_digest_text();
  std::string some_new_tag();
  std::string some_manifest_of(const std::string& repository);  // or empty
  [[nodiscard]] Seconds seconds() const { return std::chrono::floor<std::chrono::seconds>(now_); }

  void invent_content();
  oci::Manifest invent_manifest();
  std::string invent_policy();
  std::string invent_pattern();
  std::string invent_actions();
  void load_policy();

  void pass_time();
  void put(const std::string& repository, const std::string& digest);
  void tag(const std::string& repository, const std::string& tag, const std::string& digest,
           const std::string& account);
  void possess(const std::string& repository, const std::string& digest, const std::string& account,
               Held as);
  void upload(const std::string& repository);
  std::string forget();

  void tell(const std::string& what);
  [[nodiscard]] std::string names(const std::set<Text>& digests) const;

  std::mt19937 random_;
  WallTime now_;
  const std::vector<std::string> repositories_{"a", "b", "a/b"};
  std::vector<std::string> blobs_;                 // digests
  std::vector<std::string> manifests_;             // digests; each names earlier ones only
  std::map<std::string, oci::Manifest> contents_;  // by digest
  std::map<std::string, std::string> names_;       // of digests
  std::string policy_text_;
  acl::LoadResult policy_;
  index::SharedIndex shared_;  // in which few tags are many, so that both ways to climb are walked
  index::Ledger ledger_;
  const index::Index* index_;
  Model model_;
  std::vector<std::string> history_;
};

}  // namespace layergate::model

// What the upstream holds of one repository: its tags, and each manifest that they reach.
//
// Thread safety: belongs to the loop of its UpstreamClient.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "index/record.h"
#include "index/upstream_client.h"

namespace layergate::index {

struct Surveyed {
  std::string problem;                      // why it could not be done; all else is then nothing
  bool exists = false;                      // the upstream knows the repository
  std::map<std::string, std::string> tags;  // to digests
  std::map<std::string, ManifestRecord> manifests;  // by digest; without those that were known
  std::vector<std::string> gone;                    // of Question::also, those that are not there
  std::vector<std::string> skipped;                 // sentences about what cannot be understood
};

class Survey {
 public:
  struct Question {
    std::string repository;
    // Only this tag, or none at all, instead of all.
    std::string only_tag;
    bool no_tags = false;
    // Tags that need not be asked for, with the digests that they are at.
    std::map<std::string, std::string> known_tags;
    // Whether a manifest needs not be fetched, for all that it reaches is known.
    std::function<bool(const std::string& digest)> is_known = [](const auto&) { return false; };
    // Further manifests to look for, that no tag may reach.
    std::vector<std::string> also;
    UpstreamClient::Urgency urgency = UpstreamClient::Urgency::background;
  };
  using Done = std::function<void(Surveyed)>;

  // `done` is called once, from the loop, unless this is destroyed before. It must not destroy
  // this.
  Survey(UpstreamClient& client, Question question, Done done);
  void start();

 private:
  void ask(const std::string& method, const std::string& target,
           std::function<void(const UpstreamAnswer&)> next);
  void list_tags(const std::string& target);
  void on_tags(const UpstreamAnswer& answer);
  void fetch_tag(const std::string& tag);
  void want(const std::string& digest, int depth);
  void take(const std::string& digest, const UpstreamAnswer& answer, int depth);
  void check_blob(const std::string& manifest, const std::string& blob);
  void skip(const std::string& what);
  void fail(const std::string& what);
  void step_done();

  UpstreamClient& client_;
  Question question_;
  Done done_;
  Surveyed surveyed_;
  std::set<std::string> wanted_;  // manifests that were or are being fetched
  std::map<std::string, std::set<std::string>>
      absent_;            // of manifests: children that are not there
  std::size_t open_ = 0;  // questions without an answer yet
  bool over_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 public:
  ~Survey() { *alive_ = false; }
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;
};

}  // namespace layergate::index

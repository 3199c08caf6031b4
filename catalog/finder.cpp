#include "catalog/finder.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include <event2/event.h>

#include "catalog/image_size.h"
#include "index/upstream_client.h"
#include "oci/manifest.h"

namespace layergate::catalog {
namespace {

constexpr std::size_t kMostPlatforms = 32;  // of one index that are looked at

// One image: its manifest, those below it, and their configs.
struct Search {
  Manifest of;
  Found found{"", 0};
  bool is_sound = true;  // everything could be read
  int open = 0;          // questions that are not answered yet
};

class Finder {
 public:
  explicit Finder(const config::Config& config)
      : base_(event_base_new()), client_(base_.get(), config.upstream, config.index.parallel) {}

  std::map<std::string, Found> run(const std::vector<Manifest>& manifests) {
    for (const auto& manifest : manifests) {
      auto& search = *searches_.emplace_back(std::make_unique<Search>());
      search.of = manifest;
      ask_manifest(search, manifest.digest, true);
    }
    while (open_ > 0 && !is_silent_) event_base_loop(base_.get(), EVLOOP_ONCE);
    std::map<std::string, Found> found;
    for (const auto& search : searches_) {
      if (search->open == 0 && search->is_sound) found[search->of.digest] = search->found;
    }
    return found;
  }

 private:
  void ask_manifest(Search& search, const std::string& digest, bool is_top) {
    ask(search, "manifests/" + digest, oci::every_media_type(),
        [this, &search, is_top](const std::string& body) {
          take(search, outline_of(body), is_top);
        });
  }

  void take(Search& search, const Outline& outline, bool is_top) {
    if (is_top && !outline.manifests.empty()) {
      const auto count = std::min(outline.manifests.size(), kMostPlatforms);
      if (count < outline.manifests.size()) search.found.size.reset();
      for (std::size_t i = 0; i < count; ++i) ask_manifest(search, outline.manifests[i], false);
      return;
    }
    if (!outline.size) {
      search.found.size.reset();
    } else if (search.found.size) {
      *search.found.size += *outline.size;
    }
    if (outline.config.empty()) return;
    ask(search, "blobs/" + outline.config, "", [&search](const std::string& body) {
      // Of several platforms the latest; times of one form compare as text well enough.
      search.found.created = std::max(search.found.created, created_of(body));
    });
  }

  void ask(Search& search, const std::string& what, std::string_view accept,
           std::function<void(const std::string&)> take) {
    index::UpstreamRequest request;
    request.target = "/v2/" + search.of.repository + "/" + what;
    request.accept = accept;
    ++search.open;
    ++open_;
    client_.ask(std::move(request), index::UpstreamClient::Urgency::background,
                [this, &search, take = std::move(take)](const index::UpstreamAnswer& answer) {
                  if (answer.status == 0) is_silent_ = true;
                  if (answer.is_success()) {
                    take(answer.body);
                  } else {
                    search.is_sound = false;
                  }
                  --search.open;
                  --open_;
                });
  }

  struct FreeBase {
    void operator()(event_base* base) const { event_base_free(base); }
  };
  std::unique_ptr<event_base, FreeBase> base_;
  std::vector<std::unique_ptr<Search>> searches_;
  int open_ = 0;
  bool is_silent_ = false;
  index::UpstreamClient client_;  // before the loop goes
};

}  // namespace

std::map<std::string, Found> find(const config::Config& config,
                                  const std::vector<Manifest>& manifests) {
  if (manifests.empty()) return {};
  return Finder(config).run(manifests);
}

}  // namespace layergate::catalog

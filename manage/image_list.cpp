#include "manage/image_list.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "catalog/finder.h"
#include "index/rights.h"

namespace layergate::manage {
namespace {

// How many images are looked at while the index may not be written.
constexpr std::size_t kBatch = 256;

// The tags behind `after`, in order.
void add_tags(const index::Index& index, const ImageName& after, std::vector<ImageName>& found) {
  const auto* in = index.find_repository(after.first);
  auto last = after.second;
  if (in == nullptr) {
    in = index.next_repository(after.first);
    last.clear();
  }
  for (; in != nullptr; in = index.next_repository(in->name), last.clear()) {
    for (auto tag = in->tags.upper_bound(last); tag != in->tags.end(); ++tag) {
      if (found.size() == kBatch) return;
      found.emplace_back(in->name, tag->first);
    }
  }
}

// Fills what the index knows. Whether the viewer may see the image.
bool look(const index::Index& index, const acl::Policy& policy, const Viewer* viewer,
          Image& image) {
  const auto& [repository, tag] = image.name;
  const auto* in = index.find_repository(repository);
  const auto* at = in == nullptr ? nullptr : index.find_tag(*in, tag);
  if (at != nullptr) {
    image.pushed_digest = index.digest_of(at->root);
    if (at->account != index::kNone) image.pushed_by = index.account_name(at->account);
    image.pushed_at = at->at;
  }
  if (viewer == nullptr) return true;
  const acl::Principal who{viewer->account, viewer->address, wall_now()};
  const index::Rights rights(index, policy, who);
  for (const auto action : acl::kActions) {
    if (rights.on_tag(action, repository, tag).allowed) image.allowed.push_back(action);
  }
  const auto may = [&](acl::Action action) {
    return std::find(image.allowed.begin(), image.allowed.end(), action) != image.allowed.end();
  };
  return may(acl::Action::view) || (!viewer->only_viewable && may(acl::Action::pull));
}

// What the catalogue knows, and the registry where it does not. What fails is only not known.
void describe(const config::Config& config, std::vector<Image>& images) {
  std::map<std::string, catalog::Found> found;
  std::vector<catalog::Manifest> unknown;
  try {
    auto catalog = catalog::Catalog::open_existing(config.state);
    for (auto& image : images) {
      if (catalog) image.given = catalog->given(image.name);
      if (image.pushed_digest.empty() || found.contains(image.pushed_digest)) continue;
      if (auto known = catalog ? catalog->found(image.pushed_digest) : std::nullopt) {
        found[image.pushed_digest] = *std::move(known);
      } else {
        unknown.push_back({image.name.first, image.pushed_digest});
      }
    }
    auto asked = catalog::find(config, unknown);
    found.insert(asked.begin(), asked.end());
    if (!asked.empty()) catalog::Catalog(config.state).put_found(asked);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
    // A list without sizes is better than none.
  }
  for (auto& image : images) {
    const auto known = found.find(image.pushed_digest);
    const auto& given = image.given;
    image.digest = given.digest.empty() ? image.pushed_digest : given.digest;
    image.created = given.created;
    image.size = given.size;
    if (known == found.end()) continue;
    if (image.created.empty()) image.created = known->second.created;
    if (!image.size) image.size = known->second.size;
  }
}

}  // namespace

ImagePage list_images(const config::Config& config, const PolicyFiles& files, const Live& live,
                      const ImageQuery& query) {
  const auto registrations = registrations_of(files);
  const auto* viewer = query.viewer ? &*query.viewer : nullptr;
  ImagePage page;
  auto after = query.after;
  while (true) {
    std::vector<ImageName> batch;
    bool more = false;  // behind the batch
    live.index().read([&](const index::Index& index) {
      if (!query.registered_only) add_tags(index, after, batch);
      // Of what is registered, what lies in the same stretch.
      more = batch.size() == kBatch;
      auto at = registrations.upper_bound(after);
      const auto end = more ? registrations.upper_bound(batch.back()) : registrations.end();
      const auto tags = batch.size();
      for (; at != end && batch.size() - tags < kBatch; ++at) batch.push_back(at->first);
      const bool cut = at != end;
      const auto bound = batch.empty() ? after : batch.back();
      std::sort(batch.begin(), batch.end());
      batch.erase(std::unique(batch.begin(), batch.end()), batch.end());
      if (cut) {
        batch.erase(std::upper_bound(batch.begin(), batch.end(), bound), batch.end());
        more = true;
      }
      for (const auto& name : batch) {
        Image image;
        image.name = name;
        const auto registered = registrations.find(name);
        if (registered != registrations.end()) image.registration = registered->second;
        if (!look(index, live.policy(), viewer, image)) continue;
        if (page.images.size() == query.limit) {
          page.is_last = false;
          return;
        }
        page.images.push_back(std::move(image));
      }
    });
    if (!page.is_last || !more) break;
    after = batch.back();
  }
  describe(config, page.images);
  return page;
}

tl::expected<Image, Failure> show_image(const config::Config& config, const PolicyFiles& files,
                                        const Live& live, const ImageName& name,
                                        const std::optional<Viewer>& viewer) {
  std::vector<Image> images(1);
  auto& image = images.front();
  image.name = name;
  const auto registrations = registrations_of(files);
  const auto registered = registrations.find(name);
  if (registered != registrations.end()) image.registration = registered->second;
  const bool may_see = live.index().read([&](const index::Index& index) {
    return look(index, live.policy(), viewer ? &*viewer : nullptr, image);
  });
  if (!may_see || (!image.registration && image.pushed_digest.empty())) {
    return failed(Failure::Kind::not_found, "there is no image " + name.first + ":" + name.second);
  }
  describe(config, images);
  return std::move(image);
}

}  // namespace layergate::manage

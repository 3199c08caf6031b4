#include "proxy/listing.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace layergate::proxy {
namespace {

constexpr std::size_t kCatalogPage = 1000;  // entries, where the client names no n
constexpr std::size_t kTurn = 1000;         // tags looked at in one turn of the loop

}  // namespace

Listing::Listing(ClientConnection& client) : client_(client) {}

std::size_t Listing::page_size() const {
  const auto& route = client_.request().route;
  if (route.page_size >= 0) return static_cast<std::size_t>(route.page_size);
  return route.endpoint == Endpoint::catalog ? kCatalogPage : SIZE_MAX - 1;
}

void Listing::start() {
  client_.socket().want(false, false);
  cursor_ = client_.request().route.page_last;
  sift();
}

void Listing::sift() {
  const auto& request = client_.request();
  const auto who = request.principal();
  const bool is_done = client_.worker().context().index.read([&](const index::Index& facts) {
    const index::Rights rights(facts, *request.policy, who);
    return request.route.endpoint == Endpoint::tags ? sift_tags(facts, rights)
                                                    : sift_catalog(facts, rights);
  });
  if (is_done) return reply();
  client_.worker().defer(
      [&worker = client_.worker(), id = client_.id(), serial = client_.serial(), this] {
        auto* client = worker.find(id);
        if (client != nullptr && client->serial() == serial && client->handler() == this) sift();
      });
}

bool Listing::sift_tags(const index::Index& facts, const index::Rights& rights) {
  const auto& name = client_.request().route.repository;
  const auto* repository = facts.find_repository(name);
  if (repository == nullptr) {
    nothing_ = true;
    return true;
  }
  const auto candidates = candidates_in(*repository);
  auto at = candidates.after(cursor_);
  for (std::size_t seen = 0; at != repository->tags.end() && found_.size() <= page_size();
       at = candidates.from(++at)) {
    if (seen++ == kTurn) return false;
    cursor_ = at->first;
    if (!rights.on_tag(acl::Action::view, name, at->first).allowed) continue;
    if (probing_) return true;
    found_.push_back(at->first);
  }
  if (probing_) nothing_ = true;
  if (!found_.empty() || probing_) return true;
  // Whether the repository is there at all for this user, the rest of it has to say.
  probing_ = true;
  cursor_.clear();
  return false;
}

bool Listing::sift_catalog(const index::Index& facts, const index::Rights& rights) {
  std::size_t seen = 0;
  while (found_.size() <= page_size()) {
    const auto* repository = facts.next_repository(cursor_);
    if (repository == nullptr) return true;
    const auto& tags = repository->tags;
    bool is_seen = false;
    if (!tags.empty() && rights.on_some_tag(acl::Action::view, repository->name).allowed) {
      const auto candidates = candidates_in(*repository);
      for (auto at = candidates.after(tag_cursor_); at != tags.end() && !is_seen;
           at = candidates.from(++at)) {
        if (seen++ == kTurn) return false;
        tag_cursor_ = at->first;
        is_seen = rights.on_tag(acl::Action::view, repository->name, at->first).allowed;
      }
    }
    if (is_seen) found_.push_back(repository->name);
    cursor_ = repository->name;
    tag_cursor_.clear();
    if (seen++ >= kTurn) return false;
  }
  return true;
}

index::Candidates Listing::candidates_in(const index::Repository& repository) const {
  const auto& request = client_.request();
  return {*request.policy, request.account, acl::Action::view, repository};
}

void Listing::reply() {
  const auto& route = client_.request().route;
  const bool is_catalog = route.endpoint == Endpoint::catalog;
  if (nothing_) {
    // The same whether there is nothing, or nothing for this user.
    client_.refuse({404, ErrorCode::name_unknown, "repository name not known to registry", "", 0},
                   "nothing to show");
    return;
  }
  const bool more = found_.size() > page_size();
  if (more) found_.resize(page_size());
  Response response;
  if (more && !found_.empty()) {  // n=0 asks for nothing, and there is no page after it
    auto next = route;
    next.page_size = static_cast<int>(page_size());
    next.page_last = found_.back();
    response.fields.emplace_back("Link", "<" + upstream_target(next) + ">; rel=\"next\"");
  }
  nlohmann::ordered_json body;
  if (is_catalog) {
    body["repositories"] = std::move(found_);
  } else {
    body["name"] = route.repository;
    body["tags"] = std::move(found_);
  }
  response.body = body.dump() + "\n";
  client_.answer(response);
}

void Listing::tick(Worker::Clock::time_point /*now*/) {}

}  // namespace layergate::proxy

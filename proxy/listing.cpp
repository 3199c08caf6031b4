#include "proxy/listing.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "proxy/gate.h"
#include "proxy/query.h"
#include "proxy/reference.h"

namespace layergate::proxy {
namespace {

constexpr std::size_t kCatalogPage = 1000;   // entries, where the client names no n
constexpr std::size_t kRegistryPage = 1000;  // entries asked of the registry at once

// The strings of body[key]; nothing if it is not that. `tags: null` is an empty list (the
// registry's answer for a repository whose tags are all gone).
std::optional<std::vector<std::string>> strings_of(const std::string& body, const char* key) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains(key)) return std::nullopt;
  const auto& list = json[key];
  std::vector<std::string> strings;
  if (list.is_null()) return strings;
  if (!list.is_array()) return std::nullopt;
  for (const auto& entry : list) {
    if (!entry.is_string()) return std::nullopt;
    strings.push_back(entry.get<std::string>());
  }
  return strings;
}

}  // namespace

Listing::Listing(ClientConnection& client) : client_(client) {}

std::size_t Listing::page_size() const {
  const auto& route = client_.request().route;
  if (route.page_size >= 0) return static_cast<std::size_t>(route.page_size);
  return route.endpoint == Endpoint::catalog ? kCatalogPage : SIZE_MAX - 1;
}

bool Listing::may_view(const std::string& repository, const std::string& tag) const {
  const auto& request = client_.request();
  return decide_view(repository, tag, request.principal(), *request.policy).allowed;
}

void Listing::start() {
  const auto& route = client_.request().route;
  client_.socket().want(false, false);
  if (route.endpoint == Endpoint::tags) {
    ask("/v2/" + route.repository + "/tags/list", &Listing::on_tags);
    return;
  }
  cursor_ = route.page_last;
  sift();
}

void Listing::ask(std::string target, void (Listing::*next)(const Fetch::Answer&)) {
  if (fetch_) client_.worker().retire(std::move(fetch_));
  fetch_ = std::make_unique<Fetch>(
      client_.worker(), std::move(target), [this, next](const Fetch::Answer& answer) {
        if (answer.status == 200 || answer.status == 404) {
          (this->*next)(answer);
        } else {
          fail(answer.status == 0 ? answer.problem
                                  : "the registry answered " + std::to_string(answer.status));
        }
      });
  fetch_->start();
}

void Listing::on_tags(const Fetch::Answer& answer) {
  const auto& route = client_.request().route;
  if (answer.status == 200) {
    auto tags = strings_of(answer.body, "tags");
    if (!tags) return fail("the registry's list of tags cannot be read");
    for (auto& tag : *tags) {
      if (is_tag(tag) && may_view(route.repository, tag)) found_.push_back(std::move(tag));
    }
  }
  if (found_.empty()) {
    // The same whether there is nothing, or nothing for this user.
    client_.refuse({404, ErrorCode::name_unknown, "repository name not known to registry", "", 0},
                   "nothing to show");
    return;
  }
  std::sort(found_.begin(), found_.end());
  found_.erase(found_.begin(), std::upper_bound(found_.begin(), found_.end(), route.page_last));
  if (found_.size() > page_size()) found_.resize(page_size() + 1);
  reply();
}

void Listing::on_catalog(const Fetch::Answer& answer) {
  auto names = answer.status == 200 ? strings_of(answer.body, "repositories")
                                    : std::optional<std::vector<std::string>>(std::in_place);
  if (!names) return fail("the registry's catalogue cannot be read");
  registry_has_more_ = !answer.link.empty() && !names->empty() && names->back() != cursor_;
  if (!names->empty()) cursor_ = names->back();
  candidates_ = *std::move(names);
  next_candidate_ = 0;
  sift();
}

void Listing::sift() {
  const auto& request = client_.request();
  const auto who = request.principal();
  while (found_.size() <= page_size()) {
    if (next_candidate_ == candidates_.size()) {
      if (!registry_has_more_) break;
      const auto last = cursor_.empty() ? "" : "&last=" + percent_encode(cursor_);
      ask("/v2/_catalog?n=" + std::to_string(kRegistryPage) + last, &Listing::on_catalog);
      return;
    }
    const auto& name = candidates_[next_candidate_];
    if (!is_repository(name) ||
        !request.policy->decide_some_tag(who, acl::Action::view, name).allowed) {
      ++next_candidate_;
    } else if (request.policy->decide_every_tag(who, acl::Action::view, name).allowed) {
      found_.push_back(name);
      ++next_candidate_;
    } else {
      // Some tags only: whether one of those exists, the registry has to say.
      ask("/v2/" + name + "/tags/list", &Listing::on_tags_of_candidate);
      return;
    }
  }
  reply();
}

void Listing::on_tags_of_candidate(const Fetch::Answer& answer) {
  const auto name = candidates_[next_candidate_++];
  const auto tags = answer.status == 200 ? strings_of(answer.body, "tags") : std::nullopt;
  if (tags && std::any_of(tags->begin(), tags->end(),
                          [&](const std::string& tag) { return may_view(name, tag); })) {
    found_.push_back(name);
  }
  // Not from here: each answer may be there at once, and this would nest as deep as the catalogue.
  client_.worker().defer(
      [&worker = client_.worker(), id = client_.id(), serial = client_.serial(), this] {
        auto* client = worker.find(id);
        if (client != nullptr && client->serial() == serial && client->handler() == this) sift();
      });
}

void Listing::reply() {
  const auto& route = client_.request().route;
  const bool more = found_.size() > page_size();
  if (more) found_.resize(page_size());
  const bool is_catalog = route.endpoint == Endpoint::catalog;
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

void Listing::fail(const std::string& what) {
  ++client_.worker().context().metrics.upstream_failures;
  spdlog::warn("[{}] {}", client_.request().record.trace, what);
  client_.refuse({502, ErrorCode::unavailable, what, "", 0}, "registry failed");
}

void Listing::tick(Worker::Clock::time_point now) {
  if (fetch_) fetch_->tick(now);
}

}  // namespace layergate::proxy

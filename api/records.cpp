// Who did what: GET /records, /records/daily, /records/anomalies and /records/verify.
//
// Administrators see everything, every other account what is under its own name.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "acl/loader.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/query_parameters.h"
#include "api/route.h"
#include "records/reader.h"
#include "records/verification.h"

namespace layergate::api {
namespace {

using records::Filter;
using records::Reader;

std::filesystem::path file_of(const Site& site) { return records::database_in(site.config.state); }

// `answer` with a reader; or `nothing` before there are any records.
template <typename Answer>
Reply with_reader(const Site& site, Reply nothing, Answer answer) {
  std::error_code ignored;
  if (!std::filesystem::exists(file_of(site), ignored)) return nothing;
  try {
    Reader reader(file_of(site));
    return answer(reader);
  } catch (const std::exception& error) {
    spdlog::error("records cannot be read: {}", error.what());
    return problem(500, "io", "the access records cannot be read: see the log");
  }
}

// Since when the name is the caller's: what is recorded of before is somebody else's. Nothing:
// there is no policy that could tell.
std::optional<WallTime> since_of(const Site& site, const Caller& caller) {
  const auto policy =
      site.policy_in_force ? site.policy_in_force() : acl::load(site.config.acl, wall_now()).policy;
  return policy ? std::optional(policy->since(caller.account)) : std::nullopt;
}

void set_time_and_user(Filter& filter, QueryParameters& query, const Site& site,
                       const Caller& caller) {
  const auto now = wall_now();
  filter.since = query.time("since", now);
  filter.until = query.time("until", now);
  if (const auto* user = query.find("user")) filter.user = *user;
  if (caller.admin) return;
  if (filter.user && !caller.is(*filter.user)) {
    query.refuse("user: only administrators see the records of others");
  }
  filter.user = caller.account;
  const auto since = since_of(site, caller);
  if (!since) return query.refuse("the policy does not load, so nobody can say what is yours");
  if (!filter.since || *filter.since < *since) filter.since = since;
}

void set_image(Filter& filter, QueryParameters& query) {
  if (const auto* image = query.find("image")) {
    const auto colon = image->find(':');
    filter.repository = image->substr(0, colon);
    if (colon != std::string::npos) filter.tag = image->substr(colon + 1);
  }
  if (const auto* tag = query.find("tag")) {
    if (filter.tag && *filter.tag != *tag) query.refuse("tag and image name two tags");
    filter.tag = *tag;
  }
}

void set_address(Filter& filter, QueryParameters& query) {
  const auto* text = query.find("address");
  if (text == nullptr) return;
  filter.address = IpAddress::parse(*text);
  if (!filter.address) filter.network = IpNetwork::parse(*text);
  if (!filter.address && !filter.network) {
    query.refuse("address must be an address or a network, as 192.0.2.7 or 10.0.0.0/8");
  }
}

void set_action_and_decision(Filter& filter, QueryParameters& query) {
  if (const auto* action = query.find("action")) filter.action = *action;
  if (const auto decision = query.choice("decision", {"allowed", "denied"})) {
    filter.allowed = *decision == "allowed";
  }
}

Reply list(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters query(call, {"user", "image", "tag", "action", "decision", "address", "since",
                               "until", "limit", "cursor"});
  Filter filter;
  set_time_and_user(filter, query, site, call.caller);
  set_image(filter, query);
  set_address(filter, query);
  set_action_and_decision(filter, query);
  const auto limit = query.limit();
  const auto key = query.cursor();
  const auto after = records::Cursor::parse(key);
  if (!key.empty() && !after) query.refuse("cursor is not one of this list");
  if (query.problem()) return *query.problem();
  return with_reader(site, page_of(call, Json::array(), std::nullopt), [&](Reader& reader) {
    const auto page = reader.query(filter, limit, after);
    auto items = Json::array();
    for (const auto& row : page.rows) items.push_back(records::to_json(row));
    return page_of(call, std::move(items),
                   page.next ? std::optional(page.next->to_string()) : std::nullopt);
  });
}

// "user,action": what sums are told apart by, beside the day.
records::Grouping grouping_of(QueryParameters& query) {
  records::Grouping by;
  const auto* text = query.find("by");
  std::string_view rest = text == nullptr ? "action,decision" : std::string_view(*text);
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const auto word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (word == "user") {
      by.user = true;
    } else if (word == "repository") {
      by.repository = true;
    } else if (word == "action") {
      by.action = true;
    } else if (word == "decision") {
      by.decision = true;
    } else {
      query.refuse("by must be some of user, repository, action and decision, with commas");
    }
  }
  return by;
}

Reply daily(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters query(call, {"user", "image", "action", "decision", "since", "until", "by"});
  Filter filter;
  set_time_and_user(filter, query, site, call.caller);
  // Sums are of whole days: of the day on which the account was made, they may be another's too.
  if (!call.caller.admin && filter.since) {
    filter.since = std::chrono::ceil<std::chrono::days>(*filter.since);
  }
  if (const auto* image = query.find("image")) filter.repository = *image;
  set_action_and_decision(filter, query);
  const auto by = grouping_of(query);
  if (query.problem()) return *query.problem();
  return with_reader(site, page_of(call, Json::array(), std::nullopt), [&](Reader& reader) {
    auto items = Json::array();
    for (const auto& sum : reader.daily(filter, by)) {
      Json item = {{"day", sum.day}};
      if (by.user) item["user"] = records::as_utf8(sum.user);
      if (by.repository) item["repository"] = records::as_utf8(sum.repository);
      if (by.action) item["action"] = records::as_utf8(sum.action);
      if (by.decision) item["decision"] = sum.allowed ? "allowed" : "denied";
      item["requests"] = sum.requests;
      item["bytes"] = sum.bytes;
      items.push_back(std::move(item));
    }
    return page_of(call, std::move(items), std::nullopt);
  });
}

Reply anomalies(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters query(call, {"user", "since", "until", "limit", "cursor"});
  Filter filter;
  set_time_and_user(filter, query, site, call.caller);
  const auto limit = query.limit();
  const auto key = query.cursor();
  std::int64_t before = 0;
  const auto* end = key.data() + key.size();
  const auto [last, error] = std::from_chars(key.data(), end, before);
  if (!key.empty() && (error != std::errc{} || last != end || before <= 0)) {
    query.refuse("cursor is not one of this list");
  }
  if (query.problem()) return *query.problem();
  return with_reader(site, page_of(call, Json::array(), std::nullopt), [&](Reader& reader) {
    const auto found = reader.anomalies(filter, limit, before);
    auto items = Json::array();
    for (const auto& anomaly : found) items.push_back(records::to_json(anomaly));
    return page_of(
        call, std::move(items),
        found.size() == limit ? std::optional(std::to_string(found.back().id)) : std::nullopt);
  });
}

// "ID:HASH", as `audit verify` prints it.
std::optional<records::Link> link_of(const std::string& text) {
  records::Link link;
  const auto colon = std::min(text.find(':'), text.size());
  const auto* end = text.data() + colon;
  const auto [last, error] = std::from_chars(text.data(), end, link.id);
  const auto hash = records::hash_of_hex(text.substr(std::min(colon + 1, text.size())));
  if (error != std::errc{} || last != end || link.id <= 0 || !hash) return std::nullopt;
  link.hash = *hash;
  return link;
}

Reply verify(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters query(call, {"expect"});
  std::optional<records::Link> expected;
  if (const auto* text = query.find("expect")) {
    expected = link_of(*text);
    if (!expected) {
      query.refuse(
          "expect must be a row and its hash, as an earlier verify printed them: 17:9f3c…");
    }
  }
  if (query.problem()) return *query.problem();
  return with_reader(site, not_found("there are no access records yet"), [&](Reader& /*reader*/) {
    const auto found = records::verify(file_of(site), expected);
    Reply reply;
    reply.body = {{"ok", found.ok()},
                  {"first", found.first},
                  {"last", found.last},
                  {"head", std::to_string(found.last) + ":" + found.head},
                  {"row", found.ok() ? Json(nullptr) : Json(found.wrong_row)},
                  {"problem", found.ok() ? Json(nullptr) : Json(found.wrong)}};
    return reply;
  });
}

constexpr std::array kRoutes{
    Route{"GET", "/records", Who::anyone, list},
    Route{"GET", "/records/daily", Who::anyone, daily},
    Route{"GET", "/records/anomalies", Who::admin, anomalies},
    Route{"GET", "/records/verify", Who::admin, verify},
};

}  // namespace

std::span<const Route> record_routes() { return kRoutes; }

}  // namespace layergate::api

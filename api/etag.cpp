#include "api/etag.h"

#include <string_view>
#include <utility>

#include "api/problem.h"
#include "oci/digest.h"

namespace layergate::api {
namespace {

constexpr std::size_t kDigits = 32;

void skip(std::string_view& text, std::string_view what) {
  text.remove_prefix(std::min(text.find_first_not_of(what), text.size()));
}

// Whether `present` is in a list of entity tags; nothing if the list is none.
std::optional<bool> is_in(std::string_view list, const std::optional<std::string>& present) {
  bool found = false;
  skip(list, " \t,");
  if (list.empty()) return std::nullopt;
  for (skip(list, " \t,"); !list.empty(); skip(list, " \t,")) {
    const bool weak = list.starts_with("W/");
    if (weak) list.remove_prefix(2);
    const auto end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    // A weak one is equal to nothing, by the strong comparison that If-Match asks for.
    found = found || (!weak && present && list.substr(0, end + 1) == *present);
    list.remove_prefix(end + 1);
    skip(list, " \t");
    if (!list.empty() && list.front() != ',') return std::nullopt;
  }
  return found;
}

}  // namespace

std::string etag_of(const Json& object) {
  const auto digest = oci::sha256_of(object.dump(-1, ' ', false, Json::error_handler_t::replace));
  return '"' + digest.substr(digest.size() - kDigits) + '"';
}

Reply with_etag(Json object) {
  Reply reply;
  reply.etag = etag_of(object);
  reply.body = std::move(object);
  return reply;
}

std::optional<Reply> check_if_match(const Call& call, const std::optional<std::string>& present) {
  if (!call.if_match) return std::nullopt;
  const bool any = *call.if_match == "*";
  const auto found = any ? std::optional(present.has_value()) : is_in(*call.if_match, present);
  if (!found) return usage("If-Match must be the ETag of an earlier answer, or *");
  if (*found) return std::nullopt;
  return problem(412, "changed",
                 present ? "it was changed since you have read it: read it again, and change that"
                         : "it does not exist (any more)");
}

}  // namespace layergate::api

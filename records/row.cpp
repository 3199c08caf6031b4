#include "records/row.h"

#include <array>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace layergate::records {
namespace {

std::array<std::string*, 13> texts_of(Row& row) {
  return {&row.trace,     &row.user,       &row.method, &row.action, &row.repository,
          &row.reference, &row.digest,     &row.tag,    &row.code,   &row.reason,
          &row.rule,      &row.user_agent, &row.detail};
}

}  // namespace

Row row_of(AccessRecord record) {
  Row row;
  row.at = wall_now();
  row.trace = std::move(record.trace);
  row.user = std::move(record.user);
  row.address = record.address;
  row.method = std::move(record.method);
  row.action = std::move(record.action);
  row.repository = std::move(record.repository);
  row.reference = std::move(record.reference);
  row.digest = std::move(record.digest);
  row.tag = std::move(record.tag);
  row.status = record.status;
  row.code = std::move(record.code);
  row.bytes_in = static_cast<std::int64_t>(record.bytes_in);
  row.bytes_out = static_cast<std::int64_t>(record.bytes_out);
  row.microseconds = std::llround(record.seconds * 1e6);
  row.verified = record.verified;
  row.allowed = record.allowed;
  row.complete = record.complete;
  row.reason = std::move(record.reason);
  row.rule = std::move(record.rule);
  row.user_agent = std::move(record.user_agent);
  return row;
}

Row row_of(const AccessLog::Summary& summary) {
  Row row;
  row.at = wall_now();
  row.address = summary.address;
  row.status = summary.status;
  row.requests = static_cast<std::int64_t>(summary.count);
  row.reason = "refusals summarised";
  row.detail = "of " + summary.network;
  return row;
}

Row row_of(const Administration& change) {
  Row row;
  row.at = wall_now();
  row.user = change.by;
  row.verified = true;
  row.address = change.address;
  row.action = change.action;
  row.reference = change.target;
  row.detail = change.detail;
  row.allowed = change.allowed;
  row.reason = change.reason;
  const auto image = change.target.substr(0, change.target.find(' '));
  const auto colon = image.rfind(':');
  const bool names_image =
      change.action.starts_with("image.") || change.action.starts_with("access.");
  if (names_image && colon != std::string::npos) {
    row.repository = image.substr(0, colon);
    row.tag = image.substr(colon + 1);
  }
  return row;
}

void cap_texts(Row& row) {
  for (auto* text : texts_of(row)) {
    if (text->size() > kLongestText) *text = text->substr(0, kLongestText) + "…";
  }
}

std::string as_utf8(const std::string& text) {
  std::string out;
  std::string_view rest = text;
  for (auto bad = find_invalid_utf8(rest); bad != rest.npos; bad = find_invalid_utf8(rest)) {
    out += rest.substr(0, bad);
    out += "\xef\xbf\xbd";
    rest.remove_prefix(bad + 1);
  }
  return out.append(rest);
}

nlohmann::ordered_json to_json(const Row& row) {
  return {{"id", row.id},
          {"time", format_time(row.at)},
          {"trace", as_utf8(row.trace)},
          {"user", as_utf8(row.user)},
          {"verified", row.verified},
          {"address", row.address == IpAddress{} ? "" : row.address.to_string()},
          {"method", as_utf8(row.method)},
          {"action", as_utf8(row.action)},
          {"repository", as_utf8(row.repository)},
          {"reference", as_utf8(row.reference)},
          {"digest", as_utf8(row.digest)},
          {"tag", as_utf8(row.tag)},
          {"status", row.status},
          {"code", as_utf8(row.code)},
          {"bytes_in", row.bytes_in},
          {"bytes_out", row.bytes_out},
          {"seconds", static_cast<double>(row.microseconds) / 1e6},
          {"decision", row.allowed ? "allowed" : "denied"},
          {"complete", row.complete},
          {"reason", as_utf8(row.reason)},
          {"rule", as_utf8(row.rule)},
          {"user_agent", as_utf8(row.user_agent)},
          {"requests", row.requests},
          {"detail", as_utf8(row.detail)}};
}

}  // namespace layergate::records

// One row of records.db: a request, a change by an administrator, or a sum of what was not written
// one by one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/address.h"
#include "base/clock.h"
#include "records/access_log.h"
#include "records/access_record.h"

namespace layergate::records {

// Row::user where it was no account: no account's name begins with "@".
inline constexpr std::string_view kOperator = "@operator";  // who works on the files
inline constexpr std::string_view kItself = "@layergate";

struct Row {
  std::int64_t id = 0;  // counted from 1 without a gap
  WallTime at{};        // when it was recorded: at the end of the request, `microseconds` after its
                        // begin
  std::string trace;    // the answer's X-Request-Id
  std::string user;     // only claimed if not `verified`; or one of the above
  IpAddress address;
  std::string method;      // empty if it was no request to the registry
  std::string action;      // view, pull, push, delete; "account.add" and the like; or empty
  std::string repository;  // this and the next three: as in AccessRecord
  std::string reference;   // of an administrative change: what was changed
  std::string digest;
  std::string tag;
  std::int64_t status = 0;
  std::string code;
  std::int64_t bytes_in = 0;
  std::int64_t bytes_out = 0;
  std::int64_t microseconds = 0;
  std::int64_t requests = 1;  // how many it stands for
  bool verified = false;
  bool allowed = false;
  bool complete = true;
  std::string reason;
  std::string rule;
  std::string user_agent;
  std::string detail;  // of an administrative change
};

// Recorded now.
Row row_of(AccessRecord record);

// For requests that were only counted.
Row row_of(const AccessLog::Summary& summary);

// Texts that people or clients make up are cut to this many bytes and three for "…".
inline constexpr std::size_t kLongestText = 300;
void cap_texts(Row& row);

// Each byte that is no UTF-8 as U+FFFD.
std::string as_utf8(const std::string& text);

// "id", "time" and then the fields in the order of the JSON lines.
nlohmann::ordered_json to_json(const Row& row);

// A change by an administrator that was made, or refused for `reason`. `target` is what was
// changed: "alice", "telechat:7b-fp16" or "telechat:7b-fp16 alice"; an image there is found by its
// name, but for actions on accounts and sessions, which name an account.
struct Administration {
  std::string by;  // the account, or kOperator
  IpAddress address;
  std::string action;  // "account.add"
  std::string target;
  std::string detail;
  bool allowed = true;
  std::string reason;
};
Row row_of(const Administration& change);

}  // namespace layergate::records

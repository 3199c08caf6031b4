// Rows for tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "records/ledger.h"

namespace layergate::records {

inline WallTime time_at(const char* text) { return *parse_time(text); }

inline Row pull(const std::string& user, const std::string& image, WallTime at = wall_now()) {
  const auto colon = image.find(':');
  Row row;
  row.at = at;
  row.trace = "00112233aabbccdd";
  row.user = user;
  row.verified = true;
  row.address = *IpAddress::parse("192.0.2.7");
  row.method = "GET";
  row.action = "pull";
  row.repository = image.substr(0, colon);
  row.tag = image.substr(colon + 1);
  row.reference = row.tag;
  row.digest = "sha256:" + std::string(64, 'a');
  row.status = 200;
  row.bytes_out = 1000;
  row.microseconds = 1500;
  row.allowed = true;
  row.reason = "allowed";
  row.rule = "all (acl.yml:7)";
  row.user_agent = "docker/24";
  return row;
}

inline Row change(Row row, const std::function<void(Row&)>& edit) {
  edit(row);
  return row;
}

inline void append(Ledger& ledger, std::vector<Row> rows) { ledger.append(rows); }

// By hand, as who has the file could.
inline void tamper(const std::filesystem::path& file, const std::string& sql) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
  database.exec(sql);
}

}  // namespace layergate::records

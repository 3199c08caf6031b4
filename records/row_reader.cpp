#include "records/row_reader.h"

#include "oci/digest.h"
#include "records/ledger.h"

namespace layergate::records {
namespace {

constexpr std::size_t kMostTexts = 100'000;  // kept in memory

std::string digest_of(const SQLite::Column& column) {
  if (column.isNull()) return "";
  return column.isBlob() ? oci::unpack(sqlite::bytes_of(column)) : column.getString();
}

}  // namespace

const std::string& RowReader::text(std::int64_t id) {
  const auto known = texts_.find(id);
  if (known != texts_.end()) return known->second;
  auto& query = database_.bind("SELECT text FROM texts WHERE id = ?", id);
  std::string found = query.executeStep() ? query.getColumn(0).getString() : "";
  query.reset();
  return texts_.emplace(id, std::move(found)).first->second;
}

Row RowReader::read(SQLite::Statement& query) {
  if (texts_.size() > kMostTexts) texts_.clear();
  Row row;
  int at = 0;
  const auto number = [&] { return query.getColumn(at++).getInt64(); };
  const auto word = [&] { return text(number()); };
  const auto plain = [&] {
    const auto column = query.getColumn(at++);
    return column.isNull() ? std::string() : column.getString();
  };
  row.id = number();
  row.at = WallTime{std::chrono::milliseconds{number()}};
  row.user = word();
  row.verified = number() != 0;
  row.address = unpacked_address(sqlite::bytes_of(query.getColumn(at++)));
  row.method = word();
  row.action = word();
  row.repository = word();
  const auto reference = number();
  row.digest = digest_of(query.getColumn(at++));
  row.tag = word();
  row.reference = reference == kTag ? row.tag : reference == kDigest ? row.digest : text(reference);
  row.status = number();
  row.code = word();
  row.bytes_in = number();
  row.bytes_out = number();
  row.microseconds = number();
  row.requests = number();
  row.allowed = number() != 0;
  row.complete = number() != 0;
  row.reason = word();
  row.rule = word();
  row.user_agent = word();
  row.trace = plain();
  row.detail = plain();
  hash_ = hash_of_bytes(sqlite::bytes_of(query.getColumn(at++)));
  return row;
}

}  // namespace layergate::records

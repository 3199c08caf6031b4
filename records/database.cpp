#include "records/database.h"

#include <array>

namespace layergate::records {
namespace {

// Actions have the first ids, so that an index can be of changes only.
constexpr std::array<const char*, 1> kMigrations{R"(
-- used: a row that has the text; no row more than 65536 behind it does.
CREATE TABLE texts(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, used INTEGER NOT NULL);
INSERT INTO texts VALUES(0, '', 9223372036854775807), (1, 'view', 9223372036854775807),
                        (2, 'pull', 9223372036854775807);
-- user, method, action, repository, tag, code, reason, rule and user_agent are ids of texts, as is
-- reference if it is not -1 (the tag) or -2 (the digest). at: ms since 1970. digest: 32 bytes are a
-- sha256, 64 a sha512. address: 4 or 16 bytes.
CREATE TABLE records(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, user INTEGER NOT NULL, verified INTEGER NOT NULL,
  address BLOB NOT NULL, method INTEGER NOT NULL, action INTEGER NOT NULL,
  repository INTEGER NOT NULL, reference INTEGER NOT NULL, digest, tag INTEGER NOT NULL,
  status INTEGER NOT NULL, code INTEGER NOT NULL, bytes_in INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL, microseconds INTEGER NOT NULL, requests INTEGER NOT NULL,
  allowed INTEGER NOT NULL, complete INTEGER NOT NULL, reason INTEGER NOT NULL,
  rule INTEGER NOT NULL, user_agent INTEGER NOT NULL, trace TEXT, detail TEXT,
  hash BLOB NOT NULL);
CREATE INDEX records_by_time ON records(at);
CREATE INDEX records_by_user ON records(user, at);
CREATE INDEX records_by_repository ON records(repository, at);
CREATE INDEX records_by_address ON records(address, at);
CREATE INDEX records_of_changes ON records(action, at) WHERE action > 2;
CREATE INDEX records_denied ON records(at) WHERE allowed = 0;
-- head: the newest row. anchor: the newest of those that retention has removed.
CREATE TABLE chain(place TEXT PRIMARY KEY, id INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO chain VALUES('head', 0, zeroblob(32)), ('anchor', 0, zeroblob(32));
-- user and repository: 0 for who was not verified.
CREATE TABLE daily(day INTEGER NOT NULL, user INTEGER NOT NULL, repository INTEGER NOT NULL,
                   action INTEGER NOT NULL, allowed INTEGER NOT NULL, requests INTEGER NOT NULL,
                   bytes INTEGER NOT NULL,
                   PRIMARY KEY(day, user, repository, action, allowed)) WITHOUT ROWID;
CREATE INDEX daily_by_user ON daily(user, day);
-- Where each account has pulled from: the /24, or /48, and the last day.
CREATE TABLE networks(user TEXT NOT NULL, network TEXT NOT NULL, day INTEGER NOT NULL,
                      PRIMARY KEY(user, network)) WITHOUT ROWID;
CREATE TABLE anomalies(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
                       user TEXT NOT NULL, address TEXT NOT NULL, detail TEXT NOT NULL);
)"};

constexpr sqlite::Form kForm{
    0x4c477263,  // "LGrc"
    kMigrations,
    "is no database of Layergate's access records; move it away to have a new one made",
    "was made by a newer version of Layergate; use that one, or move the file away to have a new "
    "one made",
    "; move it away, keep it for an examination, and a new one is made"};

Link link_at(sqlite::Connection& database, const char* sql) {
  auto& query = database.bind(sql);
  if (!query.executeStep()) throw std::runtime_error("records.db has lost the ends of its chain");
  const Link link{query.getColumn(0).getInt64(),
                  hash_of_bytes(sqlite::bytes_of(query.getColumn(1)))};
  query.reset();
  return link;
}

}  // namespace

sqlite::Connection open_database(const std::filesystem::path& file, sqlite::Mode mode) {
  return sqlite::Connection(sqlite::open(file, mode, kForm));
}

Link head_of(sqlite::Connection& database) {
  return link_at(database, "SELECT id, hash FROM chain WHERE place = 'head'");
}

Link anchor_of(sqlite::Connection& database) {
  return link_at(database, "SELECT id, hash FROM chain WHERE place = 'anchor'");
}

std::int64_t day_of(WallTime time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

std::string day_text(std::int64_t day) {
  return format_time(WallTime{std::chrono::days{day}}).substr(0, 10);
}

std::string packed_address(const IpAddress& address) {
  const auto& bytes = address.bytes();
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  return address.is_v4() ? std::string(data + 12, 4) : std::string(data, 16);
}

IpAddress unpacked_address(std::string_view packed) {
  std::array<std::uint8_t, 16> bytes{};
  if (packed.size() == 4) bytes[10] = bytes[11] = 0xff;
  if (packed.size() <= 16) std::copy(packed.rbegin(), packed.rend(), bytes.rbegin());
  return IpAddress::from_bytes(bytes);
}

std::int64_t find_text(sqlite::Connection& database, std::string_view text) {
  auto& query = database.bind("SELECT id FROM texts WHERE text = ?", text);
  const auto id = query.executeStep() ? query.getColumn(0).getInt64() : std::int64_t{-1};
  query.reset();
  return id;
}

}  // namespace layergate::records

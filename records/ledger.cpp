#include "records/ledger.h"

#include "oci/digest.h"
#include "oci/reference.h"

namespace layergate::records {
namespace {

constexpr std::size_t kMostTexts = 100'000;  // kept in memory

sqlite::Blob blob(const Hash& hash) {
  return {std::string(reinterpret_cast<const char*>(hash.data()), hash.size())};
}

}  // namespace

Ledger::Ledger(const std::filesystem::path& file)
    : database_(open_database(file, sqlite::Mode::write)) {
  database_.database().exec("PRAGMA cache_size = -65536");  // KiB
  // In pages. A batch of rows touches some pages of each index: with the default of 1000 nearly
  // every batch would write them to the file, too.
  database_.database().exec("PRAGMA wal_autocheckpoint = 16384");
}

template <typename Change>
void Ledger::transact(Change change) {
  try {
    database_.begin();
    change();
    database_.commit();
  } catch (...) {
    database_.roll_back();
    // What was written down in the transaction is gone with it.
    texts_.clear();
    sums_.clear();
    throw;
  }
}

void Ledger::append(std::span<Row> rows) {
  transact([&] {
    auto head = head_of(database_);
    for (auto& row : rows) {
      cap_texts(row);
      row.id = ++head.id;
      head.hash = chain_.next(head.hash, row);
      insert(row, head.hash);
    }
    write_sums();
    set_place("head", head);
  });
}

void Ledger::set_place(std::string_view place, const Link& link) {
  database_.run("UPDATE chain SET id = ?, hash = ? WHERE place = ?", link.id, blob(link.hash),
                place);
}

std::int64_t Ledger::text(std::string_view text, std::int64_t row) {
  if (text.empty()) return 0;
  const auto known = texts_.find(std::string(text));
  if (known != texts_.end() && row - known->second.used < kTextSlack) return known->second.id;
  // Another process may have added it; it must not be removed as unused from now on.
  database_.run(
      "INSERT INTO texts(text, used) VALUES(?, ?) "
      "ON CONFLICT(text) DO UPDATE SET used = max(used, excluded.used)",
      text, row);
  const auto id = find_text(database_, text);
  if (texts_.size() >= kMostTexts) texts_.clear();
  texts_[std::string(text)] = {id, row};
  return id;
}

void Ledger::insert(const Row& row, const Hash& hash) {
  const auto word = [&](std::string_view of) { return text(of, row.id); };
  const auto user = word(row.user);
  const auto action = word(row.action);
  const auto repository = word(row.repository);
  const auto tag = word(row.tag);
  const auto reference = row.reference == row.tag      ? kTag
                         : row.reference == row.digest ? kDigest
                                                       : word(row.reference);
  auto& statement = database_.bind(
      "INSERT INTO records(id, at, user, verified, address, method, action, repository, reference, "
      "tag, status, code, bytes_in, bytes_out, microseconds, requests, allowed, complete, reason, "
      "rule, user_agent, hash, digest, trace, detail) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      row.id, static_cast<std::int64_t>(row.at.time_since_epoch().count()), user,
      std::int64_t{row.verified}, sqlite::Blob{packed_address(row.address)}, word(row.method),
      action, repository, reference, tag, row.status, word(row.code), row.bytes_in, row.bytes_out,
      row.microseconds, row.requests, std::int64_t{row.allowed}, std::int64_t{row.complete},
      word(row.reason), word(row.rule), word(row.user_agent), blob(hash));
  // What stays unbound is null.
  if (oci::is_digest(row.digest)) {
    const auto bytes = oci::pack(row.digest);
    statement.bind(23, bytes.data(), static_cast<int>(bytes.size()));
  } else if (!row.digest.empty()) {
    statement.bind(23, row.digest);
  }
  if (!row.trace.empty()) statement.bind(24, row.trace);
  if (!row.detail.empty()) statement.bind(25, row.detail);
  statement.exec();
  statement.reset();

  auto& sum = sums_[{day_of(row.at), row.verified ? user : 0, row.verified ? repository : 0, action,
                     row.allowed}];
  sum.requests += row.requests;
  sum.bytes += row.bytes_in + row.bytes_out;
}

void Ledger::write_sums() {
  for (const auto& [key, sum] : sums_) {
    const auto& [day, user, repository, action, allowed] = key;
    database_.run(
        "INSERT INTO daily VALUES(?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
        "requests = requests + excluded.requests, bytes = bytes + excluded.bytes",
        day, user, repository, action, std::int64_t{allowed}, sum.requests, sum.bytes);
  }
  sums_.clear();
}

void Ledger::remove_oldest(std::int64_t count, std::int64_t last) {
  transact([&] {
    auto anchor = anchor_of(database_);
    anchor.id = std::min(anchor.id + count, last);
    auto& query = database_.bind("SELECT hash FROM records WHERE id = ?", anchor.id);
    if (!query.executeStep()) {
      throw std::runtime_error("row " + std::to_string(anchor.id) +
                               " of records.db is not there: see `layergate audit verify`");
    }
    anchor.hash = hash_of_bytes(sqlite::bytes_of(query.getColumn(0)));
    query.reset();
    database_.run("DELETE FROM records WHERE id <= ?", anchor.id);
    set_place("anchor", anchor);
  });
}

}  // namespace layergate::records

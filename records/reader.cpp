#include "records/reader.h"

#include <array>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

namespace layergate::records {
namespace {

constexpr auto kEver = std::numeric_limits<std::int64_t>::max();

std::int64_t milliseconds(WallTime time) {
  return static_cast<std::int64_t>(time.time_since_epoch().count());
}

#define LAYERGATE_PAGE \
  "at >= ?1 AND at <= ?2 AND (at < ?2 OR id < ?3) ORDER BY at DESC, id DESC LIMIT 50001"

// With a user, the rows of his alone are read.
#define LAYERGATE_SUMS(of_user)                                                                \
  "SELECT day, (SELECT text FROM texts WHERE id = u), (SELECT text FROM texts WHERE id = r), " \
  "(SELECT text FROM texts WHERE id = a), d, requests, bytes FROM ("                           \
  "SELECT day, iif(?1, user, 0) AS u, iif(?2, repository, 0) AS r, iif(?3, action, 0) AS a, "  \
  "iif(?4, allowed, 0) AS d, sum(requests) AS requests, sum(bytes) AS bytes FROM daily "       \
  "WHERE day >= ?5 AND day <= ?6 AND " of_user                                                 \
  " AND (?8 < 0 OR repository = ?8) "                                                          \
  "AND (?9 < 0 OR action = ?9) AND (?10 < 0 OR allowed = ?10) GROUP BY 1, 2, 3, 4, 5) "        \
  "ORDER BY day, u, r, a, d"

// Those of the index that leaves the fewest rows, by a guess that is right for most.
SQLite::Statement& rows_by(sqlite::Connection& database, const Filter& filter, std::int64_t since,
                           const Cursor& before) {
  static_assert(Reader::kMostLookedAt == 50'000);
  const auto text = [&](const std::string& of) { return find_text(database, of); };
  if (filter.user) {
    return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                         " FROM records INDEXED BY records_by_user "
                         "WHERE user = ?4 AND " LAYERGATE_PAGE,
                         since, before.at, before.id, text(*filter.user));
  }
  if (filter.repository) {
    return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                         " FROM records INDEXED BY records_by_repository "
                         "WHERE repository = ?4 AND " LAYERGATE_PAGE,
                         since, before.at, before.id, text(*filter.repository));
  }
  if (filter.address) {
    return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                         " FROM records INDEXED BY records_by_address "
                         "WHERE address = ?4 AND " LAYERGATE_PAGE,
                         since, before.at, before.id,
                         sqlite::Blob{packed_address(*filter.address)});
  }
  if (filter.action && !filter.action->empty() && *filter.action != "pull" &&
      *filter.action != "view") {
    return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                         " FROM records INDEXED BY records_of_changes "
                         "WHERE action > 2 AND action = ?4 AND " LAYERGATE_PAGE,
                         since, before.at, before.id, text(*filter.action));
  }
  if (filter.allowed == false) {
    return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                         " FROM records INDEXED BY records_denied "
                         "WHERE allowed = 0 AND " LAYERGATE_PAGE,
                         since, before.at, before.id);
  }
  return database.bind("SELECT " LAYERGATE_ROW_COLUMNS
                       " FROM records INDEXED BY records_by_time WHERE " LAYERGATE_PAGE,
                       since, before.at, before.id);
}

bool holds(const Filter& filter, const Row& row) {
  return (!filter.user || row.user == *filter.user) &&
         (!filter.repository || row.repository == *filter.repository) &&
         (!filter.tag || row.tag == *filter.tag) &&
         (!filter.action || row.action == *filter.action) &&
         (!filter.allowed || row.allowed == *filter.allowed) &&
         (!filter.address || row.address == *filter.address) &&
         (!filter.network || filter.network->contains(row.address));
}

}  // namespace

std::string Cursor::to_string() const { return std::to_string(at) + "." + std::to_string(id); }

std::optional<Cursor> Cursor::parse(std::string_view text) {
  Cursor cursor;
  const char* const end = text.data() + text.size();
  const auto at = std::from_chars(text.data(), end, cursor.at);
  if (at.ec != std::errc{} || at.ptr == end || *at.ptr != '.') return std::nullopt;
  const auto id = std::from_chars(at.ptr + 1, end, cursor.id);
  if (id.ec != std::errc{} || id.ptr != end) return std::nullopt;
  return cursor;
}

nlohmann::ordered_json to_json(const Anomaly& anomaly) {
  return {{"id", anomaly.id},           {"time", format_time(anomaly.at)},
          {"kind", anomaly.kind},       {"user", as_utf8(anomaly.user)},
          {"address", anomaly.address}, {"detail", as_utf8(anomaly.detail)}};
}

Reader::Reader(const std::filesystem::path& file)
    : database_(open_database(file, sqlite::Mode::read)), rows_(database_) {}

Page Reader::query(const Filter& filter, std::size_t limit, std::optional<Cursor> after) {
  Page page;
  const auto since = filter.since ? milliseconds(*filter.since) : 0;
  // Up to, and without, this place.
  Cursor before{filter.until ? milliseconds(*filter.until) : kEver, 0};
  if (after && (after->at < before.at || (after->at == before.at && after->id < before.id))) {
    before = *after;
  }
  auto& query = rows_by(database_, filter, since, before);
  int looked_at = 0;
  Cursor last;
  while (query.executeStep()) {
    if (page.rows.size() == limit || looked_at == kMostLookedAt) {
      page.next = last;
      break;
    }
    ++looked_at;
    auto row = rows_.read(query);
    last = {milliseconds(row.at), row.id};
    if (holds(filter, row)) page.rows.push_back(std::move(row));
  }
  query.reset();
  return page;
}

std::vector<DailySum> Reader::daily(const Filter& filter, const Grouping& by) {
  // The numbers after the day: whether each is told apart, and which one is wanted (-1: any).
  const auto wanted = [&](const std::optional<std::string>& text) {
    if (!text) return std::int64_t{-1};
    const auto id = find_text(database_, *text);
    return id < 0 ? kEver : id;
  };
  auto& query =
      database_.bind(filter.user ? LAYERGATE_SUMS("user = ?7") : LAYERGATE_SUMS("?7 = -1"),
                     std::int64_t{by.user}, std::int64_t{by.repository}, std::int64_t{by.action},
                     std::int64_t{by.decision}, filter.since ? day_of(*filter.since) : 0,
                     filter.until ? day_of(*filter.until - std::chrono::milliseconds{1}) : kEver,
                     wanted(filter.user), wanted(filter.repository), wanted(filter.action),
                     filter.allowed ? std::int64_t{*filter.allowed} : std::int64_t{-1});
  std::vector<DailySum> sums;
  while (query.executeStep()) {
    const auto text = [&](int column) {
      const auto value = query.getColumn(column);
      return value.isNull() ? std::string() : value.getString();
    };
    sums.push_back({day_text(query.getColumn(0).getInt64()), text(1), text(2), text(3),
                    query.getColumn(4).getInt() != 0, query.getColumn(5).getInt64(),
                    query.getColumn(6).getInt64()});
  }
  query.reset();
  return sums;
}

std::vector<Anomaly> Reader::anomalies(const Filter& filter, std::size_t limit,
                                       std::int64_t before) {
  auto& query = database_.bind(
      "SELECT id, at, kind, user, address, detail FROM anomalies WHERE id < ?1 AND at >= ?2 AND "
      "at < ?3 AND (?4 = 0 OR user = ?5) ORDER BY id DESC LIMIT ?6",
      before > 0 ? before : kEver, filter.since ? milliseconds(*filter.since) : 0,
      filter.until ? milliseconds(*filter.until) : kEver, std::int64_t{filter.user ? 1 : 0},
      filter.user.value_or(""), static_cast<std::int64_t>(limit));
  std::vector<Anomaly> found;
  while (query.executeStep()) {
    found.push_back({query.getColumn(0).getInt64(),
                     WallTime{std::chrono::milliseconds{query.getColumn(1).getInt64()}},
                     query.getColumn(2).getString(), query.getColumn(3).getString(),
                     query.getColumn(4).getString(), query.getColumn(5).getString()});
  }
  query.reset();
  return found;
}

}  // namespace layergate::records

#include "records/anomalies.h"

namespace layergate::records {
namespace {

constexpr std::size_t kMostSubjects = 20'000;    // in memory
constexpr std::chrono::minutes kForgetPause{1};  // it looks at all of them
constexpr std::int64_t kUsualDays = 28;

// The /24 of an IPv4 address, the /48 of an IPv6 one: people move within these every day.
std::string wide_network(const IpAddress& address) {
  auto bytes = address.bytes();
  if (address.is_v4()) {
    bytes[15] = 0;
    return IpAddress::from_bytes(bytes).to_string() + "/24";
  }
  for (std::size_t i = 6; i < bytes.size(); ++i) bytes[i] = 0;
  return IpAddress::from_bytes(bytes).to_string() + "/48";
}

// A client's first request comes without a credential and is no login.
bool is_failed_login(const Row& row) {
  return !row.verified && !row.user.empty() && (row.status == 401 || row.status == 429);
}

// HEAD is what clients ask before they push.
bool is_pull(const Row& row) {
  return row.verified && row.allowed && row.action == "pull" && row.method == "GET" &&
         row.status < 400;
}

struct Sum {
  std::int64_t bytes;
  std::int64_t days;  // on which there was something
};

// What the account pulled from one day to another, both included.
Sum sum_of(sqlite::Connection& database, const std::string& user, std::int64_t from,
           std::int64_t to) {
  const auto id = find_text(database, user);
  auto& query = database.bind(
      "SELECT coalesce(sum(bytes), 0), count(DISTINCT day) FROM daily INDEXED BY daily_by_user "
      "WHERE user = ? AND day >= ? AND day <= ? AND action = 2",
      id, from, to);
  query.executeStep();
  const Sum sum{query.getColumn(0).getInt64(), query.getColumn(1).getInt64()};
  query.reset();
  return sum;
}

std::string gibibytes(std::int64_t bytes) { return std::to_string(bytes >> 30U) + " GiB"; }

}  // namespace

bool Burst::add(const std::string& subject, std::int64_t times, WallTime at) {
  if (most_ <= 0) return false;
  if (seen_.size() >= kMostSubjects && !seen_.contains(subject)) {
    if (at - forgot_at_ >= kForgetPause) forget(at);
    if (seen_.size() >= kMostSubjects) return false;
  }
  auto& seen = seen_[subject];
  for (std::int64_t i = 0; i < std::min<std::int64_t>(times, most_); ++i) seen.times.push_back(at);
  while (seen.times.size() > static_cast<std::size_t>(most_)) seen.times.pop_front();
  const bool is_burst =
      seen.times.size() == static_cast<std::size_t>(most_) && at - seen.times.front() <= window_;
  if (!is_burst || (seen.said != WallTime{} && at - seen.said < window_)) return false;
  seen.said = at;
  return true;
}

void Burst::forget(WallTime at) {
  forgot_at_ = at;
  std::erase_if(seen_, [&](const auto& entry) {
    return entry.second.times.empty() || at - entry.second.times.back() > window_;
  });
}

Anomalies::Anomalies(Ledger& ledger, const config::Records::Anomalies& limits)
    : ledger_(ledger),
      limits_(limits),
      by_address_(limits.logins_by_address, limits.within),
      by_account_(limits.logins_by_account, limits.within) {
  RowReader reader(ledger_.database());
  auto& query = ledger_.database().bind(
      "SELECT " LAYERGATE_ROW_COLUMNS
      " FROM records INDEXED BY records_denied WHERE allowed = 0 AND at > ? ORDER BY at LIMIT "
      "50000",
      static_cast<std::int64_t>((wall_now() - limits.within).time_since_epoch().count()));
  std::vector<Row> rows;
  while (query.executeStep()) rows.push_back(reader.read(query));
  query.reset();
  for (const auto& row : rows) examine_login(row);
  found_.clear();  // was told before the program ended
}

std::vector<Anomaly> Anomalies::examine(std::span<const Row> rows) {
  found_.clear();
  used_.clear();
  struct Pulled {
    WallTime last;
    std::int64_t bytes = 0;
  };
  std::map<std::pair<std::string, std::int64_t>, Pulled> pulled;
  for (const auto& row : rows) {
    examine_login(row);
    if (!is_pull(row)) continue;
    if (limits_.new_network) examine_network(row);
    auto& of_day = pulled[{row.user, day_of(row.at)}];
    of_day.last = row.at;
    of_day.bytes += row.bytes_in + row.bytes_out;
  }
  for (const auto& [who, what] : pulled) {
    examine_volume(who.first, who.second, what.last, what.bytes);
  }
  write();
  return found_;
}

void Anomalies::examine_login(const Row& row) {
  if (!is_failed_login(row)) return;
  const auto within = " failed logins within " + std::to_string(limits_.within.count()) + " s";
  const auto network = network_name(row.address);
  if (by_address_.add(network, row.requests, row.at)) {
    add(row.at, "failed_logins_of_address", "", network,
        std::to_string(limits_.logins_by_address) + within);
  }
  if (by_account_.add(row.user, row.requests, row.at)) {
    add(row.at, "failed_logins_of_account", row.user, network,
        std::to_string(limits_.logins_by_account) + within + ", the last from " + network);
  }
}

void Anomalies::examine_network(const Row& row) {
  auto network = wide_network(row.address);
  const auto day = day_of(row.at);
  auto key = std::pair(row.user, network);
  const auto known = networks_.find(key);
  const bool is_known_here = known != networks_.end();
  if (is_known_here && known->second >= day) return;
  if (networks_.size() > kMostSubjects) networks_.clear();
  // Also in rows of this very batch, which the table does not tell of yet.
  const auto first_of_user = networks_.lower_bound({row.user, ""});
  const bool has_some_here =
      first_of_user != networks_.end() && first_of_user->first.first == row.user;
  networks_[key] = day;
  auto& database = ledger_.database();
  auto& query =
      database.bind("SELECT count(*), coalesce(max(network = ?2), 0) FROM networks WHERE user = ?1",
                    row.user, network);
  query.executeStep();
  const bool has_some = has_some_here || query.getColumn(0).getInt64() > 0;
  const bool is_known = is_known_here || query.getColumn(1).getInt() != 0;
  query.reset();
  if (has_some && !is_known) {
    add(row.at, "new_network", row.user, row.address.to_string(),
        "the first pull from " + network + ": " + row.repository + " " + row.reference);
  }
  used_.push_back({row.user, std::move(network), day});
}

// The table is asked once for each account and day: many batches a second must not look through a
// day's sums for each account.
void Anomalies::examine_volume(const std::string& user, std::int64_t day, WallTime at,
                               std::int64_t bytes) {
  if (limits_.volume_times <= 0) return;
  auto known = volumes_.find(user);
  if (known != volumes_.end() && known->second.day == day) {
    known->second.bytes += bytes;
  } else {
    if (volumes_.size() > kMostSubjects) volumes_.clear();
    const Volume of_day{day, sum_of(ledger_.database(), user, day, day).bytes, {}};
    known = volumes_.insert_or_assign(user, of_day).first;
  }
  auto& volume = known->second;
  if (volume.is_told || volume.bytes < static_cast<std::int64_t>(limits_.volume_at_least)) return;
  if (!volume.usual) {
    const auto before = sum_of(ledger_.database(), user, day - kUsualDays, day - 1);
    volume.usual = before.days > 0 ? before.bytes / before.days : 0;
  }
  if (volume.bytes < *volume.usual * limits_.volume_times) return;
  volume.is_told = true;
  if (was_volume_told(user, day)) return;  // before a restart
  add(at, "volume", user, "",
      gibibytes(volume.bytes) + " pulled on " + day_text(day) + "; usual are " +
          gibibytes(*volume.usual) + " a day");
}

bool Anomalies::was_volume_told(const std::string& user, std::int64_t day) {
  auto& query = ledger_.database().bind(
      "SELECT 1 FROM anomalies WHERE kind = 'volume' AND user = ? AND at >= ?", user,
      static_cast<std::int64_t>(WallTime{std::chrono::days{day}}.time_since_epoch().count()));
  const bool was_told = query.executeStep();
  query.reset();
  return was_told;
}

void Anomalies::add(WallTime at, const char* kind, const std::string& user,
                    const std::string& address, const std::string& detail) {
  found_.push_back({0, at, kind, user, address, detail});
}

void Anomalies::write() {
  if (found_.empty() && used_.empty()) return;
  auto& database = ledger_.database();
  try {
    database.begin();
    for (const auto& [user, network, day] : used_) {
      database.run(
          "INSERT INTO networks VALUES(?,?,?) ON CONFLICT DO UPDATE SET day = "
          "max(day, excluded.day)",
          user, network, day);
    }
    for (auto& each : found_) {
      database.run("INSERT INTO anomalies(at, kind, user, address, detail) VALUES(?,?,?,?,?)",
                   static_cast<std::int64_t>(each.at.time_since_epoch().count()), each.kind,
                   each.user, each.address, each.detail);
      each.id = database.database().getLastInsertRowid();
    }
    database.commit();
  } catch (...) {
    database.roll_back();
    networks_.clear();
    throw;
  }
}

}  // namespace layergate::records

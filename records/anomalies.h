// Finds suspicious use in the rows as they are written: failed logins, pulls from a network that an
// account never pulled from, unusual volume.
//
// What was found stands in the table `anomalies`. Thread safety: belongs to the ledger's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "records/ledger.h"
#include "records/reader.h"

namespace layergate::records {

// Counts what happens to many subjects and says when it is too often, once within each `window`.
class Burst {
 public:
  Burst(int most, std::chrono::seconds window) : most_(most), window_(window) {}

  // Whether this makes `most` within the window, which has not been said yet.
  bool add(const std::string& subject, std::int64_t times, WallTime at);

 private:
  struct Seen {
    std::deque<WallTime> times;  // the last `most_`, or fewer
    WallTime said{};
  };
  void forget(WallTime at);

  const int most_;
  const std::chrono::seconds window_;
  WallTime forgot_at_{};
  std::unordered_map<std::string, Seen> seen_;
};

class Anomalies {
 public:
  // The ledger must outlive this. Failed logins of the last `within` before now count already.
  Anomalies(Ledger& ledger, const config::Records::Anomalies& limits);

  // Of rows that the ledger has just appended. Throws std::exception: they are not in the table.
  std::vector<Anomaly> examine(std::span<const Row> rows);

 private:
  void examine_login(const Row& row);
  void examine_network(const Row& row);
  // `bytes` are those of the rows.
  void examine_volume(const std::string& user, std::int64_t day, WallTime at, std::int64_t bytes);
  [[nodiscard]] bool was_volume_told(const std::string& user, std::int64_t day);
  void add(WallTime at, const char* kind, const std::string& user, const std::string& address,
           const std::string& detail);
  void write();

  Ledger& ledger_;
  const config::Records::Anomalies limits_;
  Burst by_address_;
  Burst by_account_;
  std::map<std::pair<std::string, std::string>, std::int64_t> networks_;  // the day in the table
  // What an account has pulled on a day, as the table has it.
  struct Volume {
    std::int64_t day;
    std::int64_t bytes;
    std::optional<std::int64_t> usual;  // a day
    bool is_told = false;
  };
  std::unordered_map<std::string, Volume> volumes_;  // by account
  std::vector<Anomaly> found_;
  struct Use {
    std::string user, network;
    std::int64_t day;
  };
  std::vector<Use> used_;  // networks to be written
};

}  // namespace layergate::records

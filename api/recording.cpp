#include "api/recording.h"

#include <filesystem>

#include <spdlog/spdlog.h>

#include "records/ledger.h"

namespace layergate::api {
namespace {

records::Row row_of(const Change& change) {
  return records::row_of(records::Administration{change.by, change.address, change.action,
                                                 change.target, change.detail, change.allowed,
                                                 change.reason});
}

}  // namespace

Record record_with(records::Recorder& recorder) {
  return [&recorder](const Change& change) { return recorder.record_now(row_of(change)); };
}

Record record_into(const config::Config& config) {
  return [&config](const Change& change) -> tl::expected<void, std::string> {
    try {
      std::filesystem::create_directories(config.state);
      records::Ledger ledger(records::database_in(config.state));
      auto row = row_of(change);
      ledger.append({&row, 1});
    } catch (const std::exception& error) {
      if (config.records.required) return tl::unexpected(std::string(error.what()));
      spdlog::warn("{} is not on record: {}", change.action, error.what());
    }
    return {};
  };
}

}  // namespace layergate::api

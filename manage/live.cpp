#include "manage/live.h"

#include <exception>
#include <system_error>

#include "index/store.h"
#include "manage/managed_policy.h"

namespace layergate::manage {

std::unique_ptr<index::SharedIndex> read_index(const config::Config& config,
                                               const std::string& only_repository,
                                               std::vector<std::string>& once_covered) {
  auto index = std::make_unique<index::SharedIndex>(
      index::Index::Options{config.index.grace, config.index.untagged});
  const auto file = config.state / "index.db";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return index;
  index::Store store(file, index::Store::Mode::read);
  index->write([&](index::Index& facts) { store.load(facts, only_repository); });
  once_covered = store.covered();
  return index;
}

tl::expected<Live, Failure> Live::from_files(const config::Config& config,
                                             const std::string& only_repository) {
  try {
    std::vector<std::string> once_covered;
    auto index = read_index(config, only_repository, once_covered);
    auto files = read_policy_files(config.acl, once_covered);
    if (!files) return tl::unexpected(files.error());
    Live live(std::move(files->policy), *index);
    live.own_ = std::move(index);
    return live;
  } catch (const std::exception& error) {
    return failed(Failure::Kind::io, error.what());
  }
}

}  // namespace layergate::manage

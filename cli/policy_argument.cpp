#include "cli/policy_argument.h"

#include <system_error>

#include "cli/load_config.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

tl::expected<PolicyArgument, int> of_config(std::optional<config::Config> config) {
  if (!config) return tl::unexpected(3);
  auto file = config->acl;
  return PolicyArgument{std::move(file), std::move(config)};
}

}  // namespace

tl::expected<PolicyArgument, int> find_policy(const Globals& globals, const std::string& given) {
  if (given.empty()) return of_config(load_config(globals));
  const std::filesystem::path path = given;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    print_error(given + ": " + (error ? error.message() : "is not there"));
    return tl::unexpected(4);
  }
  if (!std::filesystem::is_directory(status)) return PolicyArgument{path, std::nullopt};
  if (std::filesystem::exists(path / "layergate.yml", error)) {
    Globals there = globals;
    there.config_dir = given;
    return of_config(load_config(there));
  }
  if (std::filesystem::exists(path / "acl.yml", error)) {
    return PolicyArgument{path / "acl.yml", std::nullopt};
  }
  print_error(given + ": holds neither layergate.yml nor acl.yml");
  return tl::unexpected(4);
}

acl::OpenPolicy read_policy(const PolicyArgument& argument, WallTime now,
                            const std::vector<std::string>& once_covered) {
  auto collected = acl::collect(argument.file);
  if (collected.errors.empty()) return acl::open_policy(collected.sources, now, once_covered);
  acl::OpenPolicy unread;
  unread.errors = std::move(collected.errors);
  return unread;
}

tl::expected<acl::OpenPolicy, int> open_policy(const PolicyArgument& argument, WallTime now,
                                               const std::vector<std::string>& once_covered) {
  auto open = read_policy(argument, now, once_covered);
  if (open.policy) return open;
  print_problems(open.errors, "error");
  return tl::unexpected(3);
}

}  // namespace layergate::cli

#include "manage/managed_policy.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "acl/loader.h"
#include "base/atomic_file.h"
#include "base/file_lock.h"
#include "base/yaml_writer.h"

namespace layergate::manage {
namespace {

constexpr const char* kName = "acl.d/managed.yml";
constexpr const char* kHeading =
    "# Written by layergate (user, image and access commands). What you write by hand belongs in\n"
    "# acl.yml or in another file of this directory.\n";

Failure invalid(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    text += (text.empty() ? "" : "\n") + problem.to_string();
  }
  return {Failure::Kind::invalid, std::move(text)};
}

}  // namespace

tl::expected<void, Failure> change_managed_policy(
    const std::filesystem::path& acl_file,
    const std::function<std::optional<Failure>(yaml::Node& root, const acl::Policy& present)>& edit,
    const std::function<std::optional<Failure>()>& before_write) {
  const auto dir = acl_file.parent_path() / "acl.d";
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return tl::unexpected(
        Failure{Failure::Kind::io, dir.string() + ": cannot be made: " + error.message()});
  }
  const auto lock = lock_file(dir / ".managed.lock", dir);
  if (!lock) return tl::unexpected(Failure{Failure::Kind::io, lock.error()});

  auto collected = acl::collect(acl_file);
  if (!collected.errors.empty()) return tl::unexpected(invalid(collected.errors));
  const auto present = acl::parse(collected.sources, wall_now());
  if (!present.policy) return tl::unexpected(invalid(present.errors));
  auto source = std::find_if(collected.sources.begin(), collected.sources.end(),
                             [](const acl::Source& s) { return s.name == kName; });
  if (source == collected.sources.end()) {
    collected.sources.push_back({kName, ""});
    source = std::prev(collected.sources.end());
  }
  auto tree = yaml::parse(source->text, kName);
  if (!tree) return tl::unexpected(invalid({tree.error()}));
  if (auto refused = edit(*tree, *present.policy)) return tl::unexpected(*std::move(refused));

  source->text = kHeading + yaml::write(*tree);
  const auto text = source->text;
  const auto tried = acl::parse(collected.sources, wall_now());
  if (!tried.policy) return tl::unexpected(invalid(tried.errors));
  if (before_write) {
    if (auto refused = before_write()) return tl::unexpected(*std::move(refused));
  }
  if (const auto written = write_file_atomically(dir / "managed.yml", text); !written) {
    return tl::unexpected(Failure{Failure::Kind::io, written.error()});
  }
  return {};
}

}  // namespace layergate::manage

#include "manage/managed_policy.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/atomic_file.h"
#include "base/file_lock.h"
#include "base/yaml_writer.h"

namespace layergate::manage {
namespace {

constexpr const char* kHeading =
    "# Written by layergate (user, image and access commands). What you write by hand belongs in\n"
    "# acl.yml or in another file of this directory.\n";
// Hundreds of changes may wait for each other.
constexpr std::chrono::seconds kPatience{60};

Failure invalid(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) {
    text += (text.empty() ? "" : "\n") + problem.to_string();
  }
  return {Failure::Kind::invalid, std::move(text)};
}

tl::expected<PolicyFiles, Failure> open(const std::vector<acl::Source>& sources,
                                        const std::vector<std::string>& once_covered = {}) {
  auto opened = acl::open(sources, wall_now(), once_covered);
  if (!opened.result.policy) return tl::unexpected(invalid(opened.result.errors));
  return PolicyFiles{std::move(opened.result.policy), std::move(opened.draft)};
}

Done write(const std::filesystem::path& file, const std::string& text) {
  if (const auto kept = keep_previous(file); !kept) {
    return failed(Failure::Kind::io, kept.error());
  }
  if (const auto written = write_file_atomically(file, text); !written) {
    return failed(Failure::Kind::io, written.error());
  }
  return {};
}

}  // namespace

tl::expected<PolicyFiles, Failure> read_policy_files(const std::filesystem::path& acl_file,
                                                     const std::vector<std::string>& once_covered) {
  const auto collected = acl::collect(acl_file);
  if (!collected.errors.empty()) return tl::unexpected(invalid(collected.errors));
  return open(collected.sources, once_covered);
}

tl::expected<PolicyFiles, Failure> change_managed_policy(const std::filesystem::path& acl_file,
                                                         const PolicyChange& change,
                                                         const Terms& terms) {
  const auto dir = acl_file.parent_path() / "acl.d";
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return failed(Failure::Kind::io, dir.string() + ": cannot be made: " + error.message());
  }
  const auto lock = lock_file(dir / ".managed.lock", dir, kPatience);
  if (!lock) return failed(Failure::Kind::io, lock.error());

  auto collected = acl::collect(acl_file);
  if (!collected.errors.empty()) return tl::unexpected(invalid(collected.errors));
  auto present = open(collected.sources);
  if (!present) return present;
  if (terms.precondition) {
    if (auto holds = terms.precondition(*present); !holds) return tl::unexpected(holds.error());
  }
  auto source = std::find_if(collected.sources.begin(), collected.sources.end(),
                             [](const acl::Source& s) { return s.name == kManagedFile; });
  if (source == collected.sources.end()) {
    collected.sources.push_back({std::string(kManagedFile), ""});
    source = std::prev(collected.sources.end());
  }
  auto tree = yaml::parse(source->text, std::string(kManagedFile));
  if (!tree) return tl::unexpected(invalid({tree.error()}));
  const auto before = yaml::write(*tree);
  if (auto edited = change.edit(*tree, *present); !edited) return tl::unexpected(edited.error());
  const auto after = yaml::write(*tree);
  const bool is_changed = after != before;

  if (is_changed) {
    source->text = kHeading + after;
    auto tried = open(collected.sources);
    if (!tried) return tried;
    present = std::move(tried);
  }
  if (terms.dry_run) return present;
  for (const auto& step : {terms.announce, change.before_write}) {
    if (!step) continue;
    if (auto done = step(); !done) return tl::unexpected(done.error());
  }
  if (is_changed) {
    if (auto written = write(dir / "managed.yml", source->text); !written) {
      return tl::unexpected(written.error());
    }
  }
  return present;
}

}  // namespace layergate::manage

#include "acl/loader.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "acl/arrange.h"
#include "acl/compiler.h"
#include "acl/draft.h"
#include "acl/policy_tests.h"
#include "acl/resolve.h"
#include "acl/source_reader.h"
#include "base/read_file.h"
#include "base/yaml.h"

namespace layergate::acl {
namespace {

constexpr std::size_t kLargestFile = std::size_t{256} << 20;
// A file with one mistake on each of a million lines must not fill the log.
constexpr std::size_t kMostErrors = 1000;

Problem problem_of_file(std::string file, std::string what) {
  return {std::move(file), 0, 0, std::move(what), ""};
}

void add_source(const std::filesystem::path& path, std::string name, std::vector<Source>& sources,
                std::vector<Problem>& errors) {
  auto text = read_file(path, kLargestFile);
  if (text) {
    sources.push_back({std::move(name), *std::move(text)});
  } else {
    errors.push_back(problem_of_file(std::move(name), text.error()));
  }
}

void add_directory(const std::filesystem::path& directory, std::vector<Source>& sources,
                   std::vector<Problem>& errors) {
  const auto shown = directory.filename();
  std::error_code error;
  std::filesystem::directory_iterator entries{directory, error};
  // Only if there is nothing at all: behind a symbolic link that leads nowhere there may be denies.
  std::error_code ignored;
  if (error == std::errc::no_such_file_or_directory &&
      std::filesystem::symlink_status(directory, ignored).type() ==
          std::filesystem::file_type::not_found) {
    return;
  }
  std::vector<std::string> names;
  while (!error && entries != std::filesystem::directory_iterator{}) {
    auto name = entries->path().filename().string();
    if (!name.starts_with(".") && name.ends_with(".yml")) names.push_back(std::move(name));
    entries.increment(error);
  }
  if (error) {
    errors.push_back(problem_of_file(shown.string(), "cannot be listed: " + error.message()));
    return;
  }
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    add_source(directory / name, (shown / name).string(), sources, errors);
  }
}

// False if a file is no YAML at all. What stands in the others is then not checked against each
// other: what the unread file holds would be called unknown.
bool read_sources(const std::vector<Source>& sources, Draft& draft, std::vector<Problem>& errors) {
  bool all_read = true;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    draft.sources.push_back(sources[i].name);
    auto tree = yaml::parse(sources[i].text, sources[i].name);
    if (!tree) {
      errors.push_back(std::move(tree.error()));
      all_read = false;
      continue;
    }
    SourceReader{draft, static_cast<std::uint32_t>(i), i == 0, errors}.read(*tree);
  }
  return all_read;
}

std::vector<std::string> covered_by(const Draft& draft) {
  std::vector<std::string> patterns;
  for (const auto& rule : draft.rules) {
    if (rule.deny) continue;
    for (const auto& image : rule.images) patterns.push_back(image.to_string());
  }
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  return patterns;
}

// What load() answers of it.
LoadResult tested(const OpenPolicy& made, WallTime now) {
  LoadResult result{nullptr, made.errors, made.warnings, {}};
  if (!made.policy) return result;
  if (made.draft.push_unregistered) result.covered = covered_by(made.draft);
  run_tests(made.draft, *made.policy, now, result.errors);
  arrange(result.errors, made.draft.sources, kMostErrors);
  if (result.errors.empty()) result.policy = made.policy;
  return result;
}

}  // namespace

Collected collect(const std::filesystem::path& acl_file) {
  Collected collected;
  add_source(acl_file, acl_file.filename().string(), collected.sources, collected.errors);
  add_directory(acl_file.parent_path() / "acl.d", collected.sources, collected.errors);
  return collected;
}

LoadResult load(const std::filesystem::path& acl_file, WallTime now,
                const std::vector<std::string>& once_covered) {
  auto collected = collect(acl_file);
  if (!collected.errors.empty()) return {nullptr, std::move(collected.errors), {}, {}};
  return parse(collected.sources, now, once_covered);
}

OpenPolicy open_policy(const std::vector<Source>& sources, WallTime now,
                       const std::vector<std::string>& once_covered) {
  OpenPolicy open;
  auto& draft = open.draft;
  if (read_sources(sources, draft, open.errors)) {
    resolve(draft, open.errors);
    open.at_any_time = Warnings::of(draft);
    open.warnings = open.at_any_time.at(now);
  }
  if (open.errors.empty()) {
    for (const auto& text : once_covered) {
      if (auto pattern = parse_pattern(text)) draft.once_covered.push_back(*std::move(pattern));
    }
    auto [policy, parts] = compile(draft);
    open.policy = std::move(policy);
    open.parts = parts;
  }
  arrange(open.errors, draft.sources, kMostErrors);
  return open;
}

Opened open(const std::vector<Source>& sources, WallTime now,
            const std::vector<std::string>& once_covered) {
  auto made = open_policy(sources, now, once_covered);
  auto result = tested(made, now);
  if (!result.policy) return {std::move(result), nullptr};
  return {std::move(result), std::make_shared<const Draft>(std::move(made.draft))};
}

Kept parse_and_keep(const std::vector<Source>& sources, WallTime now,
                    const std::vector<std::string>& once_covered) {
  auto made = open_policy(sources, now, once_covered);
  auto result = tested(made, now);
  if (!result.policy) return {std::move(result), nullptr};
  return {std::move(result), std::make_shared<const Compiled>(Compiled{
                                 std::move(made.policy), made.parts, std::move(made.draft.tests),
                                 std::move(made.at_any_time)})};
}

std::optional<LoadResult> Compiled::result(WallTime now) const {
  const bool passed = std::all_of(tests.begin(), tests.end(), [&](const TestDraft& test) {
    return run_test(test, *policy, now).passed;
  });
  if (!passed) return std::nullopt;
  return LoadResult{policy, {}, warnings.at(now), {}};
}

LoadResult parse(const std::vector<Source>& sources, WallTime now,
                 const std::vector<std::string>& once_covered) {
  return open(sources, now, once_covered).result;
}

}  // namespace layergate::acl

#include "acl/loader.h"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

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
constexpr std::size_t kMostWarnings = 200;

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

// In the order in which a person goes through the files.
void arrange(std::vector<Problem>& problems, const std::vector<std::string>& files,
             std::size_t most) {
  const auto rank = [&](const Problem& problem) {
    return std::find(files.begin(), files.end(), problem.file) - files.begin();
  };
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(rank(a), a.line, a.column) < std::tuple(rank(b), b.line, b.column);
  });
  if (problems.size() <= most) return;
  const auto more = problems.size() - most;
  problems.resize(most);
  problems.push_back(problem_of_file(problems.back().file,
                                     "and " + std::to_string(more) + " more of such problems"));
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
    for (const auto& image : rule.images) patterns.push_back(image.name + ":" + image.tag);
  }
  std::sort(patterns.begin(), patterns.end());
  patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
  return patterns;
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

Opened open(const std::vector<Source>& sources, WallTime now,
            const std::vector<std::string>& once_covered) {
  LoadResult result;
  auto draft = std::make_shared<Draft>();
  if (read_sources(sources, *draft, result.errors)) {
    resolve(*draft, now, result.errors, result.warnings);
  }
  if (result.errors.empty()) {
    for (const auto& text : once_covered) {
      if (auto pattern = parse_pattern(text)) draft->once_covered.push_back(*std::move(pattern));
    }
    if (draft->push_unregistered) result.covered = covered_by(*draft);
    auto policy = compile(*draft);
    run_tests(*draft, *policy, now, result.errors, result.warnings);
    if (result.errors.empty()) result.policy = std::move(policy);
  }
  arrange(result.errors, draft->sources, kMostErrors);
  arrange(result.warnings, draft->sources, kMostWarnings);
  if (!result.policy) draft.reset();
  return {std::move(result), std::move(draft)};
}

LoadResult parse(const std::vector<Source>& sources, WallTime now,
                 const std::vector<std::string>& once_covered) {
  return open(sources, now, once_covered).result;
}

}  // namespace layergate::acl

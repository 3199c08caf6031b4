#include "python/first_use.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "base/atomic_file.h"
#include "base/file_lock.h"
#include "manage/legacy_import.h"

namespace layergate::python {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

constexpr const char* kSettings =
    "# Layergate's configuration, made by the Python module: docs/configuration.md says what each\n"
    "# key means. Paths that do not start with / start at this file's directory.\n"
    "upstream:\n"
    "  url: http://127.0.0.1:5001  # the registry to stand in front of\n"
    "state: state\n";
constexpr const char* kPolicy =
    "# Who may do what: yours to edit, never rewritten by a program. What the Python module and\n"
    "# `layergate user`, `image` and `access` write stands in acl.d/managed.yml.\n"
    "version: 1\n";

tl::unexpected<Failure> io(std::string what) { return failed(Failure::Kind::io, std::move(what)); }

tl::expected<Opened, Failure> opened(config::Loaded loaded) {
  const auto text_of = [](const std::vector<Problem>& problems) {
    std::vector<std::string> lines;
    lines.reserve(problems.size());
    for (const auto& problem : problems) lines.push_back(problem.to_string());
    return lines;
  };
  if (loaded.config) return Opened{*std::move(loaded.config), text_of(loaded.warnings)};
  std::string text;
  for (const auto& line : text_of(loaded.errors)) text += (text.empty() ? "" : "\n") + line;
  return failed(Failure::Kind::invalid, std::move(text));
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_legacy(const fs::path& dir) {
  return is_there(dir / "users.json") || is_there(dir / "images.json");
}

// Whether there is nothing that somebody else has put there.
tl::expected<bool, Failure> is_ours(const fs::path& dir) {
  constexpr std::array<std::string_view, 5> kOurs{"acl.yml", "acl.d", "htpasswd", "htpasswd.lock",
                                                  "state"};
  std::error_code error;
  fs::directory_iterator at(dir, error);
  for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (name.starts_with('.')) continue;
    if (std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end()) return false;
  }
  if (error) return io("cannot list " + dir.string() + ": " + error.message());
  return true;
}

Done make_if_missing(const fs::path& file, std::string_view text) {
  if (is_there(file)) return {};
  if (auto written = write_file_atomically(file, text); !written) return io(written.error());
  return {};
}

tl::expected<Opened, Failure> fill(const fs::path& dir) {
  auto made = opened(config::parse(kSettings, dir));
  if (!made) return made;
  if (auto done = make_if_missing(made->config.acl, kPolicy); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = make_if_missing(made->config.htpasswd, ""); !done) {
    return tl::unexpected(done.error());
  }
  if (is_legacy(dir)) {
    auto imported = manage::import_legacy(made->config, dir, false);
    if (!imported) {
      imported.error().what +=
          "\nNothing was imported. Mend these files, or take what there is: "
          "layergate import --lenient";
      return tl::unexpected(imported.error());
    }
    made->notes = std::move(imported->notes);
  }
  if (auto done = make_if_missing(dir / "layergate.yml", kSettings); !done) {
    return tl::unexpected(done.error());
  }
  return made;
}

}  // namespace

tl::expected<Opened, Failure> open_config_dir(const fs::path& given) {
  const auto dir = fs::absolute(given).lexically_normal();
  if (is_there(dir / "layergate.yml")) return opened(config::load(dir));
  std::error_code error;
  if (fs::create_directories(dir, error)) fs::permissions(dir, fs::perms(0750), error);
  if (error) return io("cannot make " + dir.string() + ": " + error.message());
  if (!is_legacy(dir)) {
    const auto ours = is_ours(dir);
    if (!ours) return tl::unexpected(ours.error());
    if (!*ours) {
      return failed(Failure::Kind::conflict,
                    dir.string() +
                        " holds no layergate.yml, but other things: name the config dir of a "
                        "gate, a new directory, or one with users.json and images.json");
    }
  }
  // Two programs may use it for the first time at once.
  const auto lock = lock_file(dir / ".first_use.lock", dir);
  if (!lock) return io(lock.error());
  if (is_there(dir / "layergate.yml")) return opened(config::load(dir));
  return fill(dir);
}

}  // namespace layergate::python

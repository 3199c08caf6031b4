#include "backup/create.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "backup/archive_writer.h"
#include "backup/contents.h"
#include "backup/database.h"
#include "backup/working_dir.h"
#include "base/why_not.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

tl::unexpected<Failure> io(std::string what) { return failed(Failure::Kind::io, std::move(what)); }

Done check(const config::Config& config, WallTime now) {
  auto errors = acl::load(config.acl, now).errors;
  const auto passwords = auth::Htpasswd::load(config.htpasswd).errors;
  errors.insert(errors.end(), passwords.begin(), passwords.end());
  if (errors.empty()) return {};
  std::string text = "what does not load is not backed up";
  for (const auto& problem : errors) text += "\n" + problem.to_string();
  return failed(Failure::Kind::invalid, std::move(text));
}

bool is_inside(const fs::path& file, const fs::path& dir) {
  std::error_code ignored;
  for (auto at = fs::weakly_canonical(file.parent_path(), ignored);; at = at.parent_path()) {
    if (fs::equivalent(at, dir, ignored)) return true;
    if (!at.has_relative_path()) return false;
  }
}

tl::expected<Member, std::string> add_database(ArchiveWriter& archive, const StateFile& source,
                                               const fs::path& work) {
  const auto copy = work / "database";
  if (auto copied = copy_database(source.file, copy); !copied) {
    return tl::unexpected(source.file.string() + " " + copied.error());
  }
  const Fd fd(::open(copy.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return tl::unexpected(why_not("read", copy));
  }
  ::unlink(copy.c_str());
  return archive.add(source.path, source.mode, fd.get(),
                     static_cast<std::uint64_t>(status.st_size));
}

tl::expected<Made, Failure> write(const config::Config& config, int out, const fs::path& work) {
  const auto now = wall_now();
  if (auto valid = check(config, now); !valid) return tl::unexpected(valid.error());
  std::error_code ignored;
  if (fs::equivalent(config.dir, config.state, ignored)) {
    return failed(
        Failure::Kind::invalid,
        "layergate.yml: `state` is the config dir itself; give it a directory of its own");
  }
  auto configuration = read_configuration(config);
  if (!configuration) return tl::unexpected(configuration.error());
  auto state = open_state(config.state);
  if (!state) return tl::unexpected(state.error());
  auto archive = ArchiveWriter::open(out);
  if (!archive) return io(archive.error());

  Manifest manifest{now, configuration->acl, configuration->htpasswd, {}};
  const auto take = [&](tl::expected<Member, std::string> added) -> Done {
    if (!added) return io(added.error());
    manifest.members.push_back(*std::move(added));
    return {};
  };
  for (const auto& file : configuration->files) {
    if (auto done = take(archive->add(file.path, file.mode, file.text)); !done) {
      return tl::unexpected(done.error());
    }
  }
  for (const auto& file : state->files) {
    const auto done = take(is_database(file.fd.get())
                               ? add_database(*archive, file, work)
                               : archive->add(file.path, file.mode, file.fd.get(), file.size));
    if (!done) return tl::unexpected(done.error());
  }
  const auto last = archive->add(std::string(kManifestName), 0600, to_json(manifest));
  if (!last) return io(last.error());
  auto hash = archive->finish();
  if (!hash) return io(hash.error());

  Made made{*std::move(hash), manifest.members.size(), std::move(configuration->passed_over)};
  made.passed_over.insert(made.passed_over.end(), state->passed_over.begin(),
                          state->passed_over.end());
  return made;
}

}  // namespace

tl::expected<Made, Failure> create(const config::Config& config, int out) {
  std::error_code error;
  const auto place = fs::temp_directory_path(error);
  if (error) return io("there is no directory for temporary files: " + error.message());
  const auto work = WorkingDir::make(place);
  if (!work) return io(work.error());
  return write(config, out, work->path());
}

tl::expected<Made, Failure> create(const config::Config& config, const fs::path& file) {
  const auto target = fs::absolute(file).lexically_normal();
  std::error_code ignored;
  if (!target.has_filename()) {
    return failed(Failure::Kind::usage, file.string() + " is no name of a file");
  }
  if (fs::exists(fs::symlink_status(target, ignored))) {
    return failed(Failure::Kind::usage,
                  file.string() + " exists; a backup replaces nothing: take another name");
  }
  for (const auto& dir : {config.dir, config.state}) {
    if (is_inside(target, dir)) {
      return failed(Failure::Kind::usage, file.string() + " is inside " + dir.string() +
                                              ", which is backed up: take another directory");
    }
  }
  // Beside its target, so that it can be renamed.
  const auto work = WorkingDir::make(target.parent_path());
  if (!work) return io(work.error());
  const auto written = work->path() / "archive";
  const Fd out(::open(written.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return io(why_not("make", written));
  auto made = write(config, out.get(), work->path());
  if (!made) return made;
  if (::fsync(out.get()) != 0) return io(why_not("sync", written));
  if (::rename(written.c_str(), target.c_str()) != 0) return io(why_not("make", target));
  const Fd dir(::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || ::fsync(dir.get()) != 0) return io(why_not("sync", target.parent_path()));
  return made;
}

}  // namespace layergate::backup

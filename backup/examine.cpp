#include "backup/examine.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "backup/database.h"
#include "backup/working_dir.h"
#include "base/atomic_file.h"
#include "base/read_file.h"
#include "base/why_not.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Done;
using manage::failed;
using manage::Failure;

constexpr std::size_t kLargestFile = std::size_t{256} << 20U;

class Examiner {
 public:
  Examiner(Examined& found, const std::string& name, const fs::path& dir)
      : found_(found), name_(name), dir_(dir) {}

  Done run() {
    for (auto step : {&Examiner::load_config, &Examiner::load_policy, &Examiner::load_passwords,
                      &Examiner::check_databases}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    for (const auto& member : found_.archive.manifest.members) found_.bytes += member.size;
    return {};
  }

 private:
  [[nodiscard]] tl::unexpected<Failure> invalid(const std::string& what) const {
    return failed(Failure::Kind::invalid, name_ + " " + what);
  }
  [[nodiscard]] tl::unexpected<Failure> invalid(const std::string& what,
                                                const std::vector<Problem>& problems) const {
    std::string text = what;
    for (const auto& problem : problems) text += "\n" + problem.to_string();
    return invalid(text);
  }

  Done load_config() {
    const auto file = dir_ / "conf/layergate.yml";
    const auto text = read_file(file, kLargestFile);
    if (!text) return failed(Failure::Kind::io, file.string() + ": " + text.error());
    auto relocated = relocate(*text, dir_, found_.archive.manifest);
    if (!relocated) {
      return invalid("holds a layergate.yml of no use:\n" + relocated.error().what);
    }
    if (relocated->text != *text) {
      if (auto written = write_file_atomically(file, relocated->text); !written) {
        return failed(Failure::Kind::io, written.error());
      }
    }
    found_.layergate_yml = *std::move(relocated);
    return {};
  }

  Done load_policy() {
    const auto& acl = found_.layergate_yml.config.acl;
    const auto then = acl::load(acl, found_.archive.manifest.made);
    if (!then.policy) return invalid("holds a policy that does not load:", then.errors);
    found_.rules = then.policy->rule_count();
    found_.accounts = then.policy->accounts().size();
    found_.warnings = acl::load(acl, wall_now()).errors;
    return {};
  }

  Done load_passwords() {
    const auto loaded = auth::Htpasswd::load(found_.layergate_yml.config.htpasswd);
    if (!loaded.htpasswd)
      return invalid("holds a password file that does not load:", loaded.errors);
    found_.passwords = loaded.htpasswd->users().size();
    return {};
  }

  Done check_databases() {
    for (const auto& member : found_.archive.manifest.members) {
      const auto file = dir_ / member.path;
      const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
      if (!fd) return failed(Failure::Kind::io, why_not("open", file));
      if (!is_database(fd.get())) continue;
      if (const auto good = check_database(file); !good) {
        return invalid("holds " + member.path + ", which " + good.error());
      }
      found_.databases.push_back(member.path);
    }
    return {};
  }

  Examined& found_;
  const std::string& name_;
  const fs::path& dir_;
};

}  // namespace

tl::expected<Examined, Failure> examine(int in, const std::string& name, const fs::path& dir) {
  auto unpacked = unpack(in, name, dir);
  if (!unpacked) return tl::unexpected(unpacked.error());
  Examined found;
  found.archive = *std::move(unpacked);
  if (auto done = Examiner(found, name, dir).run(); !done) return tl::unexpected(done.error());
  return found;
}

tl::expected<Fd, Failure> open_archive(const fs::path& file) {
  Fd fd(file == "-" ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return failed(Failure::Kind::io, why_not("open", file));
  }
  return fd;
}

tl::expected<Examined, Failure> verify(const fs::path& file) {
  const auto in = open_archive(file);
  if (!in) return tl::unexpected(in.error());
  std::error_code error;
  const auto place = fs::temp_directory_path(error);
  if (error) {
    return failed(Failure::Kind::io,
                  "there is no directory for temporary files: " + error.message());
  }
  const auto work = WorkingDir::make(place);
  if (!work) return failed(Failure::Kind::io, work.error());
  return examine(in->get(), file.string(), work->path());
}

}  // namespace layergate::backup

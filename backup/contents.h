// What belongs into a backup of a gate.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/fd.h"
#include "config/config.h"
#include "manage/failure.h"

namespace layergate::backup {

// A file of the configuration, with what it held.
struct ConfigFile {
  std::string path;  // in the backup
  mode_t mode = 0;
  std::string text;
};

struct Configuration {
  std::string acl;  // the members that `acl` and `auth.htpasswd` mean
  std::string htpasswd;
  std::vector<ConfigFile> files;
  std::vector<std::string> passed_over;  // what is not in it, and why; for a person
};

// Everything in the config dir but what starts with a dot and locks, as conf/…; the policy and the
// password file, if they stand elsewhere, as acl/… and auth/…. Writers of the password file and of
// managed.yml are kept out meanwhile, so that the two belong together.
tl::expected<Configuration, manage::Failure> read_configuration(const config::Config& config);

struct StateFile {
  std::string path;  // in the backup
  std::filesystem::path file;
  Fd fd;
  mode_t mode = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;  // when it was opened
};

struct State {
  std::vector<StateFile> files;
  std::vector<std::string> passed_over;
};

// The files of the state directory, opened, but for locks and what SQLite keeps beside a database.
// Logs are renamed while the gate runs: all were opened while none was.
tl::expected<State, manage::Failure> open_state(const std::filesystem::path& state);

}  // namespace layergate::backup

// The config dir of a program that only names one: made if it is not there, and filled from the
// files of the older system if it is one of those.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "config/config.h"
#include "manage/failure.h"

namespace layergate::python {

struct Opened {
  config::Config config;
  std::vector<std::string> notes;  // of the import and of layergate.yml, for a person
};

// A directory with layergate.yml is taken as it is. Without one it has to be not there, empty, or
// hold users.json or images.json, which are imported and stay as they are; in any other nothing is
// written. layergate.yml is made last: what failed before begins anew at the next call.
tl::expected<Opened, manage::Failure> open_config_dir(const std::filesystem::path& dir);

}  // namespace layergate::python

// What Site::record is, in the two places where changes by administrators are made.
#pragma once

#include <functional>
#include <string>

#include <tl/expected.hpp>

#include "api/site.h"
#include "config/config.h"
#include "records/recorder.h"

namespace layergate::api {

using Record = std::function<tl::expected<void, std::string>(const Change&)>;

// In a running proxy. The recorder must outlive it. Blocks on the disk.
Record record_with(records::Recorder& recorder);

// For a program that works on the files, while a proxy runs or not: the row is added to the file
// itself. The configuration must outlive it. Blocks on the disk.
Record record_into(const config::Config& config);

}  // namespace layergate::api

// An answer as YAML, for people and for the tools that read it.
#pragma once

#include <string>

#include "api/call.h"

namespace layergate::cli {

// Texts that another reading could take for something else ("true", "7", "2027-01-31") are quoted.
std::string yaml_of_json(const api::Json& value);

}  // namespace layergate::cli

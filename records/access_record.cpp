#include "records/access_record.h"

#include <nlohmann/json.hpp>

namespace layergate::records {
namespace {

// What a client makes up is kept, but not at any length.
std::string capped(const std::string& text) {
  constexpr std::size_t kMost = 300;
  return text.size() <= kMost ? text : text.substr(0, kMost) + "…";
}

}  // namespace

std::string AccessRecord::to_json() const {
  nlohmann::ordered_json json = {{"time", format_time(time)},
                                 {"trace", trace},
                                 {"user", capped(user)},
                                 {"address", address.to_string()},
                                 {"method", method},
                                 {"action", action},
                                 {"repository", capped(repository)},
                                 {"reference", capped(reference)},
                                 {"digest", digest},
                                 {"tag", tag},
                                 {"status", status},
                                 {"code", code},
                                 {"bytes_in", bytes_in},
                                 {"bytes_out", bytes_out},
                                 {"seconds", seconds},
                                 {"decision", allowed ? "allowed" : "denied"},
                                 {"complete", complete},
                                 {"reason", reason},
                                 {"rule", rule},
                                 {"user_agent", capped(user_agent)}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace layergate::records

#include <iostream>
#include <memory>

#include <curl/curl.h>

#include "cli/load_config.h"

namespace layergate::cli {
namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* target) {
  static_cast<std::string*>(target)->append(data, size * count);
  return size * count;
}

// Every address of the machine is reached at its loopback one.
config::Endpoint reachable(config::Endpoint endpoint) {
  if (endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  return endpoint;
}

int healthcheck(const Globals& globals) {
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto url = "http://" + reachable(config->admin.address).to_string() + "/readyz";
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  std::string body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 5L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const auto result = curl_easy_perform(curl.get());
  if (result != CURLE_OK) {
    std::cerr << url << ": " << curl_easy_strerror(result) << "; is layergate serve running?\n";
    return 4;
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  (status == 200 ? std::cout : std::cerr) << body;
  return status == 200 ? 0 : 4;
}

}  // namespace

void add_healthcheck(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand("healthcheck", "Ask the running proxy whether it is ready");
  verb->callback([&] { exit_code = healthcheck(globals); });
}

}  // namespace layergate::cli

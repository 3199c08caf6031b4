#include <algorithm>
#include <map>

#include "cli/command.h"

namespace layergate::cli {
namespace {

// As it stands before an image's name: no scheme, no path.
std::string fault_of_registry(const std::string& text) {
  const bool is_clean = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-:[]").find(c) != std::string_view::npos;
  });
  return is_clean && !text.empty() ? "" : "--registry-url takes HOST:PORT, as localhost:5000";
}

// Spaces beside the comma go.
std::string clean_item(std::string& item) {
  const auto first = item.find_first_not_of(' ');
  if (first == std::string::npos) return "the list has an empty item";
  item = item.substr(first, item.find_last_not_of(' ') + 1 - first);
  return "";
}

}  // namespace

CLI::Option* add_list(CLI::App& verb, const std::string& name, std::vector<std::string>& list,
                      const std::string& help) {
  return verb.add_option(name, list, help)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->transform(CLI::Validator(clean_item, ""));
}

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--config-dir", globals.config_dir,
                 "Where layergate.yml is ($LAYERGATE_CONFIG_DIR, ./conf, /etc/layergate)");
  app.add_option("--registry-url", globals.registry_url,
                 "HOST:PORT that names the registry in what is printed")
      ->check(fault_of_registry)
      ->envname("REGISTRY_URL");
  app.add_option("--api-url", globals.api_url,
                 "Work on the gate at this URL and not on the files here")
      ->envname("LAYERGATE_API_URL");
  app.add_option("--api-user", globals.api_user,
                 "Your account there; the password: $LAYERGATE_API_PASSWORD_FILE, ~/.netrc, or "
                 "you are asked")
      ->envname("LAYERGATE_API_USER");
  app.add_option("--api-ca", globals.api_ca, "File with the certificate of the CA of --api-url")
      ->envname("LAYERGATE_API_CA");
  const std::map<std::string, Format> formats{
      {"table", Format::table}, {"json", Format::json}, {"yaml", Format::yaml}};
  app.add_option_function<std::string>(
         "--format",
         [&globals, formats](const std::string& name) { globals.format = formats.at(name); },
         "table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->type_name("FORMAT");
}

}  // namespace layergate::cli

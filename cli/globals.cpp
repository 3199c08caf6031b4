#include <map>

#include "cli/command.h"

namespace layergate::cli {

void add_globals(CLI::App& app, Globals& globals) {
  app.add_option("--config-dir", globals.config_dir,
                 "Where layergate.yml is ($LAYERGATE_CONFIG_DIR, ./conf, /etc/layergate)");
  app.add_option("--registry-url", globals.registry_url,
                 "HOST:PORT that names the registry in what is printed")
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

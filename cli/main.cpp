#include <exception>
#include <iostream>

#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace layergate::cli;
  CLI::App app{"Layergate: the door in front of a Docker registry"};
  app.set_version_flag("--version", LAYERGATE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the verb
  Globals globals;
  int exit_code = 0;
  app.add_option("--config-dir", globals.config_dir,
                 "Where layergate.yml is ($LAYERGATE_CONFIG_DIR, ./conf, /etc/layergate)");
  add_serve(app, globals, exit_code);
  add_check(app, globals, exit_code);
  add_healthcheck(app, globals, exit_code);
  add_user(app, globals, exit_code);
  add_access(app, globals, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 4;
  }
  return exit_code;
}

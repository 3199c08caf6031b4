#include "cli/client.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

int whoami(const Globals& globals) {
  return with_client(globals, [&](Client& client) {
    View view;
    view.columns = {{"account", "account"}, {"administrator", "admin"}};
    return finish(globals, client.call(get({"me"})), view);
  });
}

}  // namespace

void add_whoami(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand("whoami", "As whom the verbs work, and with which rights");
  verb->callback([&] { exit_code = whoami(globals); });
}

}  // namespace layergate::cli

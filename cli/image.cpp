#include <memory>

#include "base/quantity.h"
#include "cli/client.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Arguments {
  std::string name;
  std::string tag;
  std::string user;
  std::vector<std::string> users;
  std::string digest;
  std::string created;
  std::string size;
  std::string from;
  bool replace = false;
  bool all = false;
  bool dry_run = false;
};

std::vector<std::string> path_of(const Arguments& arguments) {
  return {"images", arguments.name, arguments.tag};
}

// As docker names it, if it was said where the registry is.
std::string reference(const Globals& globals, const std::string& name) {
  return globals.registry_url.empty() ? name : globals.registry_url + "/" + name;
}

int make(const Globals& globals, const Arguments& arguments, api::Call call,
         const std::string& done) {
  if (arguments.dry_run) call.query.emplace_back("dry_run", "true");
  View view;
  view.done = arguments.dry_run
                  ? "nothing is against it; with --dry-run nothing was changed"
                  : done + " " + reference(globals, arguments.name) + ":" + arguments.tag;
  return with_client(
      globals, [&](Client& client) { return finish(globals, client.call(std::move(call)), view); });
}

int enroll(const Globals& globals, const Arguments& arguments, const CLI::App& verb) {
  Json body = {{"name", arguments.name}, {"tag", arguments.tag}};
  if (verb.count("--users") > 0) body["users"] = arguments.users;
  if (!arguments.digest.empty()) body["digest"] = arguments.digest;
  if (!arguments.created.empty()) body["created"] = arguments.created;
  if (!arguments.size.empty()) {
    const auto size = parse_size(arguments.size);
    if (!size) {
      print_error("--size takes bytes: 14000000000, 14GiB");
      return 2;
    }
    body["size"] = *size;
  }
  if (arguments.replace) body["replace"] = true;
  return make(globals, arguments, change("POST", {"images"}, body), "registered");
}

int remove(const Globals& globals, const Arguments& arguments) {
  return make(globals, arguments, change("DELETE", path_of(arguments)), "unregistered");
}

std::vector<Column> columns(const Globals& globals) {
  return {{"NAME", "name", Column::Kind::text,
           [&globals](const Json& name) { return reference(globals, name.get<std::string>()); }},
          {"TAG", "tag"},
          {"DIGEST", "digest", Column::Kind::text,
           [](const Json& digest) {
             // As docker shows it: the algorithm and twelve digits tell images apart.
             return digest.is_string() ? digest.get<std::string>().substr(0, 19) : std::string("-");
           }},
          {"CREATED", "created", Column::Kind::time},
          {"SIZE", "size", Column::Kind::size}};
}

int list(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    View view;
    view.columns = columns(globals);
    view.columns.push_back({"USERS", "users"});
    Query query;
    if (arguments.all) query.emplace_back("registered", "false");
    return finish(globals, fetch_all(client, get({"images"}, query)), view);
  });
}

int list_accessible(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    View view;
    view.columns = columns(globals);
    view.columns.push_back({"MAY", "actions"});
    Query query{{"accessible_to", arguments.user}};
    if (!arguments.from.empty()) query.emplace_back("from", arguments.from);
    return finish(globals, fetch_all(client, get({"images"}, query)), view);
  });
}

int show(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    return finish(globals, client.call(get(path_of(arguments))));
  });
}

}  // namespace

void add_image(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* image = app.add_subcommand("image", "Images")->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  const auto verb = [&](const char* name, const char* help) {
    auto* made = image->add_subcommand(name, help);
    made->add_option("name", arguments->name, "The repository")->required();
    made->add_option("tag", arguments->tag, "The tag")->required();
    return made;
  };
  const auto on = [&](CLI::App* made, auto run) {
    made->callback(
        [&globals, &exit_code, arguments, run] { exit_code = run(globals, *arguments); });
  };

  auto* enrolling = verb("register", "Say who may reach an image");
  add_list(*enrolling, "--users", arguments->users, "Accounts; left out: everyone");
  enrolling->add_option("--digest", arguments->digest, "sha256:…; left out: as it is pushed");
  enrolling->add_option("--created", arguments->created, "When; left out: as the image says");
  enrolling->add_option("--size", arguments->size, "Bytes, 14GiB; left out: as the image says");
  enrolling->add_flag("--replace", arguments->replace,
                      "Give another list of users to an image that is registered");
  enrolling->add_flag("--dry-run", arguments->dry_run, "Check everything and change nothing");
  on(enrolling, [enrolling](const Globals& given, const Arguments& a) {
    return enroll(given, a, *enrolling);
  });

  auto* listing = image->add_subcommand("list", "Registered images");
  listing->add_flag("--all", arguments->all, "Also what was pushed and never registered");
  on(listing, list);

  auto* accessible =
      image->add_subcommand("list-accessible", "What an account may do with which images");
  accessible->add_option("user", arguments->user, "The account")->required();
  accessible->add_option("--from", arguments->from, "The address it comes from (127.0.0.1)");
  on(accessible, list_accessible);

  on(verb("show", "One image"), show);
  auto* removing = verb("remove", "Take an image off the list; what was pushed stays");
  removing->add_flag("--dry-run", arguments->dry_run, "Check everything and change nothing");
  on(removing, remove);
}

}  // namespace layergate::cli

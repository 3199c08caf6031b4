#include <memory>
#include <optional>

#include "cli/client.h"
#include "cli/output.h"
#include "cli/read_password.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Arguments {
  std::string name;
  std::string password;
  bool from_stdin = false;
  std::vector<std::string> permissions;
  std::string email;
  std::string expires;
  std::vector<std::string> from;
  bool dry_run = false;
};

// The one that was given, or that is asked for; nothing if there is none, which was printed.
std::optional<std::string> new_password(const Arguments& arguments) {
  if (!arguments.password.empty()) {
    if (arguments.from_stdin) {
      print_error("the password is given twice");
      return std::nullopt;
    }
    print_note(
        "a password on the command line can be seen by others of this machine; leave it out to be "
        "asked, or use --password-stdin");
    return arguments.password;
  }
  std::string problem = "no password came on standard input";
  auto password =
      arguments.from_stdin ? read_password_from_stdin() : ask_for_password(arguments.name, problem);
  if (!password) print_error(problem);
  return password;
}

std::vector<std::string> path_of(const Arguments& arguments) {
  return {"accounts", arguments.name};
}

// `done`: "added alice"
int make(const Globals& globals, Client& client, const Arguments& arguments, api::Call call,
         const std::string& done) {
  if (arguments.dry_run) call.query.emplace_back("dry_run", "true");
  View view;
  view.done =
      arguments.dry_run ? "nothing is against it; with --dry-run nothing was changed" : done;
  return finish(globals, client.call(std::move(call)), view);
}

int add(const Globals& globals, const Arguments& arguments) {
  const auto password = new_password(arguments);
  if (!password) return 2;
  Json body = {{"name", arguments.name},
               {"password", *password},
               {"permissions", arguments.permissions},
               {"email", arguments.email},
               {"from", arguments.from}};
  if (!arguments.expires.empty()) body["expires"] = arguments.expires;
  return with_client(globals, [&](Client& client) {
    return make(globals, client, arguments, change("POST", {"accounts"}, body),
                "added " + arguments.name);
  });
}

// "never" and "any" take a limit away.
int update(const Globals& globals, const Arguments& arguments, const CLI::App& verb) {
  Json body = Json::object();
  if (verb.count("--permissions") > 0) body["permissions"] = arguments.permissions;
  if (verb.count("--email") > 0) body["email"] = arguments.email;
  if (verb.count("--expires") > 0) {
    body["expires"] = arguments.expires == "never" ? Json(nullptr) : Json(arguments.expires);
  }
  if (verb.count("--from") > 0) {
    const bool any = arguments.from == std::vector<std::string>{"any"};
    body["from"] = any ? Json(nullptr) : Json(arguments.from);
  }
  return with_client(globals, [&](Client& client) {
    return make(globals, client, arguments, change("PATCH", path_of(arguments), body),
                "updated " + arguments.name);
  });
}

int set_enabled(const Globals& globals, const Arguments& arguments, bool enabled) {
  return with_client(globals, [&](Client& client) {
    return make(globals, client, arguments,
                change("PATCH", path_of(arguments), Json{{"enabled", enabled}}),
                (enabled ? "enabled " : "disabled ") + arguments.name);
  });
}

int remove(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    return make(globals, client, arguments, change("DELETE", path_of(arguments)),
                "removed " + arguments.name);
  });
}

// Who is no administrator has to give his present password first.
int set_password(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    const auto me = client.call(get({"me"}));
    if (me.failed()) return finish(globals, me);
    Json body = Json::object();
    if (!me.body.value("admin", false)) {
      std::string problem = "no present password came on standard input";
      const auto old = arguments.from_stdin ? read_password_from_stdin()
                                            : ask_for_known_password(arguments.name, problem);
      if (!old) {
        print_error(problem);
        return 2;
      }
      body["old_password"] = *old;
    }
    const auto password = new_password(arguments);
    if (!password) return 2;
    body["password"] = *password;
    auto path = path_of(arguments);
    path.emplace_back("password");
    return make(globals, client, arguments, change("PUT", path, body),
                "the password of " + arguments.name + " is changed");
  });
}

int list(const Globals& globals) {
  return with_client(globals, [&](Client& client) {
    View view;
    view.columns = {{"NAME", "name"},
                    {"PERMISSIONS", "permissions"},
                    {"EMAIL", "email"},
                    {"EXPIRES", "expires", Column::Kind::time},
                    {"FROM", "from"},
                    {"PASSWORD SET", "password_set", Column::Kind::time},
                    {"STATE", "fault", Column::Kind::text,
                     [](const Json& fault) {
                       return fault.is_string() ? fault.get<std::string>() : std::string("usable");
                     }},
                    {"WHERE", "source"}};
    const auto reply = fetch_all(client, get({"accounts"}));
    const int code = finish(globals, reply, view);
    if (code != 0) return code;
    for (const auto& account : reply.body.at("items")) {
      if (account.value("password_is_old", false)) {
        print_note("the password of " + account.value("name", "") +
                   " is too old: layergate user passwd " + account.value("name", ""));
      }
    }
    return 0;
  });
}

int show(const Globals& globals, const Arguments& arguments) {
  return with_client(globals, [&](Client& client) {
    return finish(globals, client.call(get(path_of(arguments))));
  });
}

class Verbs {
 public:
  Verbs(CLI::App& user, const Globals& globals, int& exit_code)
      : user_(user), globals_(globals), exit_code_(exit_code) {}

  // A verb with the name of an account.
  CLI::App& verb(const char* name, const char* help) {
    auto* verb = user_.add_subcommand(name, help);
    verb->add_option("name", arguments_->name, "The account")->required();
    return *verb;
  }
  CLI::App& changing(const char* name, const char* help) {
    auto& made = verb(name, help);
    made.add_flag("--dry-run", arguments_->dry_run, "Check everything and change nothing");
    return made;
  }
  void take_password(CLI::App& verb) {
    verb.add_option("password", arguments_->password, "Better left out: you are asked for it");
    verb.add_flag("--password-stdin", arguments_->from_stdin,
                  "Read the password from standard input");
  }
  void take_limits(CLI::App& verb, bool permissions_required) {
    auto* permissions =
        add_list(verb, "--permissions", arguments_->permissions, "view,pull,push,delete,admin");
    if (permissions_required) permissions->required();
    verb.add_option("--email", arguments_->email, "Its mail address");
    verb.add_option("--expires", arguments_->expires,
                    permissions_required ? "When it ends: 30d, 12h or a date"
                                         : "When it ends: 30d, 12h, a date, or never");
    add_list(verb, "--from", arguments_->from,
             permissions_required ? "Networks it may come from: 10.0.0.0/8,192.0.2.7"
                                  : "Networks it may come from, or any");
  }
  template <typename Run>
  void on(CLI::App& verb, Run run) {
    verb.callback([&globals = globals_, &exit_code = exit_code_, arguments = arguments_, run] {
      exit_code = run(globals, *arguments);
    });
  }

 private:
  CLI::App& user_;
  const Globals& globals_;
  int& exit_code_;
  std::shared_ptr<Arguments> arguments_ = std::make_shared<Arguments>();
};

}  // namespace

void add_user(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* user = app.add_subcommand("user", "Accounts")->require_subcommand(1);
  Verbs verbs(*user, globals, exit_code);

  auto& adding = verbs.changing("add", "Make an account");
  verbs.take_password(adding);
  verbs.take_limits(adding, true);
  verbs.on(adding, add);

  auto* listing = user->add_subcommand("list", "All accounts");
  verbs.on(*listing,
           [](const Globals& given, const Arguments& /*arguments*/) { return list(given); });
  verbs.on(verbs.verb("show", "One account"), show);

  auto& updating = verbs.changing("update", "Change what is given, and nothing else");
  verbs.take_limits(updating, false);
  verbs.on(updating, [&updating](const Globals& given, const Arguments& arguments) {
    return update(given, arguments, updating);
  });
  verbs.on(verbs.changing("disable", "Close an account and keep it"),
           [](const Globals& given, const Arguments& arguments) {
             return set_enabled(given, arguments, false);
           });
  verbs.on(verbs.changing("enable", "Open a disabled account again"),
           [](const Globals& given, const Arguments& arguments) {
             return set_enabled(given, arguments, true);
           });
  auto& password = verbs.changing("passwd", "Set another password");
  verbs.take_password(password);
  verbs.on(password, set_password);
  verbs.on(verbs.changing("remove", "Remove an account and all that it was granted"), remove);
}

}  // namespace layergate::cli

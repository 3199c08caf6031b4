// access grant and access revoke
#include <algorithm>
#include <memory>

#include "cli/client.h"
#include "cli/output.h"

namespace layergate::cli {
namespace {

struct Arguments {
  std::string name;
  std::string tag;
  std::string user;
  bool dry_run = false;
};

std::string joined(const api::Json& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word.get<std::string>();
  return text;
}

// What remains is given by the registration, which names nobody but everyone.
bool is_registered_for_all(const api::Json& still) {
  return std::any_of(still.begin(), still.end(), [](const auto& left) {
    return left.at("by").template get<std::string>().find("managed.yml:") != std::string::npos;
  });
}

int make(const Globals& globals, const Arguments& arguments, const char* method, bool grants) {
  auto call = change(method, {"images", arguments.name, arguments.tag, "users", arguments.user});
  if (arguments.dry_run) call.query.emplace_back("dry_run", "true");
  return with_client(globals, [&](Client& client) {
    const auto reply = client.call(std::move(call));
    const auto image = arguments.name + ":" + arguments.tag;
    const bool changed = !reply.failed() && reply.body.value("changed", false);
    View view;
    if (arguments.dry_run) {
      view.done = "nothing is against it; with --dry-run nothing was changed";
    } else if (grants) {
      view.done = arguments.user + (changed ? " may reach " : " could reach ") + image +
                  (changed ? "" : " already");
    } else {
      view.done = changed ? arguments.user + " is off the list of " + image
                          : arguments.user + " was not on the list of " + image;
    }
    const int code = finish(globals, reply, view);
    if (code != 0 || !reply.body.contains("still_allowed")) return code;
    const auto& still = reply.body.at("still_allowed");
    for (const auto& left : still) {
      print_note(arguments.user + " may still " + joined(left.at("actions")) + " " + image + ": " +
                 left.at("by").get<std::string>());
    }
    if (!changed && !grants && is_registered_for_all(still)) {
      print_note("the image is registered for everyone: layergate image register " +
                 arguments.name + " " + arguments.tag + " --users … --replace narrows that");
    }
    return still.empty() ? 0 : 1;
  });
}

}  // namespace

void add_grants(CLI::App& access, const Globals& globals, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* verb, const char* help, const char* method, bool grants) {
    auto* made = access.add_subcommand(verb, help);
    made->add_option("name", arguments->name, "The repository")->required();
    made->add_option("tag", arguments->tag, "The tag")->required();
    made->add_option("user", arguments->user, "The account")->required();
    made->add_flag("--dry-run", arguments->dry_run, "Check everything and change nothing");
    made->callback([&globals, &exit_code, arguments, method, grants] {
      exit_code = make(globals, *arguments, method, grants);
    });
  };
  add("grant", "Put an account on the list of a registered image", "PUT", true);
  add("revoke", "Take it off; tells what other rules still allow", "DELETE", false);
}

}  // namespace layergate::cli

// import and export: the files of the older system
#include <memory>

#include "api/recording.h"
#include "cli/load_config.h"
#include "cli/output.h"
#include "manage/legacy_export.h"
#include "manage/legacy_import.h"
#include "records/row.h"

namespace layergate::cli {
namespace {

struct Arguments {
  std::string dir = "registry";
  bool lenient = false;
  bool force = false;
  bool dry_run = false;
};

int report(const Globals& globals, const std::vector<std::string>& notes, api::Json counts,
           const std::string& done) {
  for (const auto& note : notes) print_note(note);
  api::Reply reply;
  counts["notes"] = notes;
  reply.body = std::move(counts);
  View view;
  view.done = done;
  return finish(globals, reply, view);
}

int fail(const manage::Failure& failure) {
  print_error(failure.what);
  return manage::exit_code(failure.kind);
}

// Both are about files of this machine.
bool is_local(const Globals& globals) {
  if (globals.api_url.empty()) return true;
  print_error("import and export work on the files of this machine, not with --api-url");
  return false;
}

// On record as what administrators do by the other verbs.
manage::Done put_on_record(const config::Config& config, const Arguments& arguments,
                           const std::string& refused_because) {
  api::Change change;
  change.by = records::kOperator;
  change.action = "import";
  change.target = arguments.dir;
  change.allowed = refused_because.empty();
  change.reason = refused_because.substr(0, refused_because.find('\n'));
  if (const auto recorded = api::record_into(config)(change); !recorded) {
    return manage::failed(manage::Failure::Kind::io,
                          "the import cannot be recorded, so it is not "
                          "made: " +
                              recorded.error());
  }
  return {};
}

int import_files(const Globals& globals, const Arguments& arguments) {
  if (!is_local(globals)) return 2;
  const auto config = load_config(globals);
  if (!config) return 3;
  manage::Terms terms;
  terms.dry_run = arguments.dry_run;
  terms.announce = [&] { return put_on_record(*config, arguments, ""); };
  const auto imported = manage::import_legacy(*config, arguments.dir, arguments.lenient, terms);
  if (!imported) {
    if (!arguments.dry_run) {
      // It is refused anyhow.
      [[maybe_unused]] const auto done = put_on_record(*config, arguments, imported.error().what);
    }
    return fail(imported.error());
  }
  return report(globals, imported->notes,
                {{"accounts", imported->accounts},
                 {"images", imported->images},
                 {"same_accounts", imported->same_accounts},
                 {"same_images", imported->same_images}},
                (arguments.dry_run ? "would import " : "imported ") +
                    std::to_string(imported->accounts) + " accounts and " +
                    std::to_string(imported->images) + " images; " +
                    std::to_string(imported->same_accounts) + " and " +
                    std::to_string(imported->same_images) + " were there already");
}

int export_files(const Globals& globals, const Arguments& arguments) {
  if (!is_local(globals)) return 2;
  const auto config = load_config(globals);
  if (!config) return 3;
  const auto exported = manage::export_legacy(*config, arguments.dir, arguments.force);
  if (!exported) return fail(exported.error());
  return report(globals, exported->notes,
                {{"accounts", exported->accounts}, {"images", exported->images}},
                "exported " + std::to_string(exported->accounts) + " accounts and " +
                    std::to_string(exported->images) + " images to " + arguments.dir);
}

}  // namespace

void add_legacy(CLI::App& app, const Globals& globals, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* help, auto run) {
    auto* verb = app.add_subcommand(name, help);
    verb->add_option("dir", arguments->dir, "Holds users.json, images.json and auth/htpasswd")
        ->capture_default_str();
    verb->callback(
        [&globals, &exit_code, arguments, run] { exit_code = run(globals, *arguments); });
    return verb;
  };
  auto* import = add("import", "Take over users.json, images.json and htpasswd of the older system",
                     import_files);
  import->add_flag("--lenient", arguments->lenient,
                   "Leave out unknown fields and unknown users of images");
  import->add_flag("--dry-run", arguments->dry_run, "Check everything and change nothing");
  add("export", "Write accounts and images in the form of the older system", export_files)
      ->add_flag("--force", arguments->force, "Replace files that are there");
}

}  // namespace layergate::cli

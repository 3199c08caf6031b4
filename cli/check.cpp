#include <algorithm>
#include <iterator>
#include <utility>

#include "acl/loader.h"
#include "auth/htpasswd.h"
#include "cli/load_config.h"
#include "cli/output.h"
#include "proxy/tls_store.h"
#include "storage/storage.h"

namespace layergate::cli {
namespace {

using api::Json;

struct Findings {
  std::vector<Problem> errors;
  std::vector<Problem> warnings;

  void add(std::vector<Problem> found_errors, std::vector<Problem> found_warnings) {
    std::move(found_errors.begin(), found_errors.end(), std::back_inserter(errors));
    std::move(found_warnings.begin(), found_warnings.end(), std::back_inserter(warnings));
  }
};

// Accounts of which one half is missing can do nothing: likely not what was meant.
void add_halves(const config::Config& config, const std::vector<std::string>& users,
                const std::vector<std::string>& accounts, Findings& findings) {
  const auto in = config.htpasswd.filename().string();
  for (const auto& account : accounts) {
    if (std::binary_search(users.begin(), users.end(), account)) continue;
    findings.warnings.push_back({in, 0, 0, account + " is under users: but has no line here", ""});
  }
  for (const auto& user : users) {
    if (std::binary_search(accounts.begin(), accounts.end(), user)) continue;
    findings.warnings.push_back({in, 0, 0, user + " has a line but is not under users:", ""});
  }
}

Json to_json(const std::vector<Problem>& problems) {
  auto list = Json::array();
  for (const auto& problem : problems) list.push_back(problem.to_string());
  return list;
}

int check(const Globals& globals) {
  Findings findings;
  Json body = {{"ok", false}};
  std::string done;
  auto loaded = config::load(config::find_dir(globals.config_dir));
  findings.add(std::move(loaded.errors), std::move(loaded.warnings));
  if (loaded.config) {
    const auto storage = storage::check(loaded.config->upstream.storage);
    if (storage) findings.add({*storage}, {});
    auto policy = acl::load(loaded.config->acl, wall_now());
    findings.add(std::move(policy.errors), std::move(policy.warnings));
    auto htpasswd = auth::Htpasswd::load(loaded.config->htpasswd);
    findings.add(std::move(htpasswd.errors), std::move(htpasswd.warnings));
    proxy::TlsTickets tickets;
    auto tls = proxy::TlsStore::load(*loaded.config, tickets, wall_now());
    const bool has_tls = tls.errors.empty();
    findings.add(std::move(tls.errors), std::move(tls.warnings));
    if (!storage && policy.policy && htpasswd.htpasswd && has_tls) {
      const auto accounts = policy.policy->accounts();
      add_halves(*loaded.config, htpasswd.htpasswd->users(), accounts, findings);
      body = {{"ok", true}, {"rules", policy.policy->rule_count()}, {"accounts", accounts.size()}};
      done = "ok: " + std::to_string(policy.policy->rule_count()) + " rules, " +
             std::to_string(accounts.size()) + " accounts";
    }
  }
  print_problems(findings.warnings, "warning");
  print_problems(findings.errors, "error");
  if (done.empty() && globals.format == Format::table) return 3;
  body["errors"] = to_json(findings.errors);
  body["warnings"] = to_json(findings.warnings);
  api::Reply reply;
  reply.body = std::move(body);
  const int code = finish(globals, reply, {{}, done});
  return done.empty() ? 3 : code;
}

}  // namespace

void add_check(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand("check",
                                  "Test the configuration, the policy, the password file and the "
                                  "certificates; touches nothing");
  verb->callback([&] { exit_code = check(globals); });
}

}  // namespace layergate::cli

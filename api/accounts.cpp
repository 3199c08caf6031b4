#include "manage/accounts.h"

#include <array>
#include <utility>

#include "api/account_json.h"
#include "api/body.h"
#include "api/change.h"
#include "api/etag.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/route.h"
#include "base/percent.h"
#include "manage/when.h"

namespace layergate::api {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

// The account as it is shown, for its ETag.
Changing::Object object_of(const Site& site, const std::string& name) {
  return [&site, name](const manage::PolicyFiles& files) -> tl::expected<Json, manage::Failure> {
    const auto accounts = manage::list_accounts(site.config, files);
    if (!accounts) return tl::unexpected(accounts.error());
    for (const auto& account : *accounts) {
      if (account.name == name) return json_of(account);
    }
    return tl::unexpected(manage::no_account(files, name));
  };
}

Reply show(const Site& site, const std::string& name, int status = 200) {
  const auto account = manage::show_account(site.config, name);
  if (!account) return problem(account.error());
  auto reply = with_etag(json_of(*account));
  reply.status = status;
  if (status == 201) reply.location = "/api/v1/accounts/" + percent_encode(name);
  return reply;
}

std::optional<WallTime> read_expires(BodyReader& body) {
  const auto text = body.text("expires");
  if (!text) return std::nullopt;
  const auto time = manage::parse_when(*text, wall_now());
  if (!time) body.refuse("expires: " + time.error());
  return time ? std::optional(*time) : std::nullopt;
}

Reply list(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters query(call, {"limit", "cursor"});
  if (query.problem()) return *query.problem();
  const auto accounts = manage::list_accounts(site.config);
  if (!accounts) return problem(accounts.error());
  return page_of(
      call, query, *accounts, [](const manage::Account& account) { return account.name; },
      [](const manage::Account& account) { return json_of(account); });
}

Reply get(const Site& site, const Call& call, const Parameters& parameters) {
  if (const auto refused = only_parameters(call, {})) return *refused;
  return show(site, parameters[0]);
}

Reply add(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  BodyReader body(call, {"name", "password", "permissions", "email", "expires", "from"});
  manage::NewAccount account;
  account.name = body.required_text("name");
  account.password = body.required_text("password");
  account.permissions = body.texts("permissions").value_or(std::vector<std::string>());
  account.email = body.text("email").value_or("");
  account.expires = read_expires(body);
  account.from = body.texts("from").value_or(std::vector<std::string>());
  auto change =
      change_of("account.add", account.name, "permissions=" + joined(account.permissions));
  if (account.expires) change.detail += " expires=" + format_time(*account.expires);
  if (!account.from.empty()) change.detail += " from=" + joined(account.from);
  Changing changing(site, call, std::move(change));
  if (body.problem()) return changing.refuse(*body.problem());
  return changing.make(
      [&](const manage::Terms& terms) { return manage::add_account(site.config, account, terms); },
      [&] { return show(site, account.name, 201); });
}

Reply update(const Site& site, const Call& call, const Parameters& parameters) {
  const auto& name = parameters[0];
  BodyReader body(call, {"permissions", "email", "enabled", "expires", "from"});
  manage::AccountUpdate update;
  update.permissions = body.texts("permissions");
  update.email = body.is_null("email") ? "" : body.text("email");
  update.enabled = body.boolean("enabled");
  if (body.is_null("expires")) {
    update.expires = std::optional<WallTime>();
  } else if (const auto expires = read_expires(body)) {
    update.expires = expires;
  }
  update.from = body.is_null("from") ? std::vector<std::string>() : body.texts("from");

  auto change = change_of("account.update", name);
  const auto tell = [&](const std::string& what) {
    change.detail += (change.detail.empty() ? "" : " ") + what;
  };
  if (update.permissions) tell("permissions=" + joined(*update.permissions));
  if (update.email) tell("email=" + *update.email);
  if (update.enabled) tell(*update.enabled ? "enabled=true" : "enabled=false");
  if (update.expires)
    tell("expires=" + (*update.expires ? format_time(**update.expires) : "never"));
  if (update.from) tell("from=" + joined(*update.from));
  Changing changing(site, call, std::move(change), object_of(site, name));
  if (body.problem()) return changing.refuse(*body.problem());
  return changing.make(
      [&](const manage::Terms& terms) {
        return manage::update_account(site.config, name, update, terms);
      },
      [&] { return show(site, name); });
}

Reply remove(const Site& site, const Call& call, const Parameters& parameters) {
  const auto& name = parameters[0];
  Changing changing(site, call, change_of("account.remove", name), object_of(site, name));
  return changing.make(
      [&](const manage::Terms& terms) { return manage::remove_account(site.config, name, terms); },
      no_content);
}

// Who changes his own shows that it is he, and not who found his session open.
Reply set_password(const Site& site, const Call& call, const Parameters& parameters) {
  const auto& name = parameters[0];
  BodyReader body(call, {"password", "old_password"});
  const auto password = body.required_text("password");
  const auto old = body.text("old_password");
  Changing changing(site, call, change_of("account.password", name), object_of(site, name));
  if (body.problem()) return changing.refuse(*body.problem());
  if (!call.caller.admin || call.caller.is(name) || old) {
    if (!old) return changing.refuse(usage("\"old_password\" is missing"));
    if (const auto right = manage::check_password(site.config, name, *old); !right) {
      auto refused = changing.refuse(problem(right.error()));
      refused.wrong_password = true;
      return refused;
    }
  }
  return changing.make(
      [&](const manage::Terms& terms) {
        return manage::set_password(site.config, name, password, terms);
      },
      no_content);
}

constexpr std::array kRoutes{
    Route{"GET", "/accounts", Who::admin, list},
    Route{"POST", "/accounts", Who::admin, add},
    Route{"GET", "/accounts/{name}", Who::account, get},
    Route{"PATCH", "/accounts/{name}", Who::admin, update},
    Route{"DELETE", "/accounts/{name}", Who::admin, remove},
    Route{"PUT", "/accounts/{name}/password", Who::account, set_password},
};

}  // namespace

std::span<const Route> account_routes() { return kRoutes; }

}  // namespace layergate::api

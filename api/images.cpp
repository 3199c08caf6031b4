#include "manage/images.h"

#include <array>
#include <utility>

#include "api/body.h"
#include "api/change.h"
#include "api/etag.h"
#include "api/page.h"
#include "api/problem.h"
#include "api/route.h"
#include "api/time_json.h"
#include "manage/accounts.h"
#include "manage/grants.h"
#include "manage/image_list.h"

namespace layergate::api {
namespace {

using manage::ImageName;

std::string text_of(const ImageName& name) { return name.first + ":" + name.second; }

ImageName image_of(const Parameters& parameters) { return {parameters[0], parameters[1]}; }

Json actions_of(const std::vector<acl::Action>& actions) {
  auto list = Json::array();
  for (const auto action : actions) list.push_back(acl::to_string(action));
  return list;
}

Json given_json(const catalog::Given& given) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return {{"digest", or_null(given.digest)},
          {"created", or_null(given.created)},
          {"size", given.size ? Json(*given.size) : Json(nullptr)}};
}

// Who may use it, and where that stands, is shown to administrators.
Json json_of(const manage::Image& image, const manage::PolicyFiles& files, bool with_users) {
  Json json = {{"name", image.name.first}, {"tag", image.name.second}};
  json.update(given_json({image.digest, image.created, image.size}));
  json["pushed_digest"] = image.pushed_digest.empty() ? Json(nullptr) : Json(image.pushed_digest);
  json["pushed_at"] = time_or_null(image.pushed_at);
  json["registered"] = image.registration.has_value();
  if (!with_users) return json;
  json["pushed_by"] = image.pushed_by.empty() ? Json(nullptr) : Json(image.pushed_by);
  const auto& registration = image.registration;
  json["users"] = registration ? Json(registration->who) : Json(nullptr);
  json["source"] = registration ? Json(files.place(registration->place)) : Json(nullptr);
  json["given"] = given_json(image.given);
  return json;
}

// What a change is made to: the registration, and not what others push meanwhile.
Json registration_json(const manage::Registration& registration, const catalog::Given& given) {
  return {{"users", registration.who}, {"given", given_json(given)}};
}

Changing::Object object_of(const Site& site, const ImageName& name) {
  return [&site, name](const manage::PolicyFiles& files) -> tl::expected<Json, manage::Failure> {
    const auto registrations = manage::registrations_of(files);
    const auto found = registrations.find(name);
    if (found == registrations.end()) return tl::unexpected(manage::not_registered(name));
    try {
      auto catalog = catalog::Catalog::open_existing(site.config.state);
      return registration_json(found->second, catalog ? catalog->given(name) : catalog::Given{});
    } catch (const std::exception& error) {
      return manage::failed(manage::Failure::Kind::io, error.what());
    }
  };
}

struct State {
  manage::PolicyFiles files;
  manage::Live live;
};

// While the files hold a policy that is refused, nothing is registered that could be shown.
tl::expected<State, manage::Failure> look(const Site& site, const std::string& repository = "") {
  auto files = manage::read_policy_files(site.config.acl);
  if (!files) return tl::unexpected(files.error());
  if (site.index != nullptr && site.policy_in_force) {
    return State{*std::move(files), manage::Live(site.policy_in_force(), *site.index)};
  }
  auto live = manage::Live::from_files(site.config, repository);
  if (!live) return tl::unexpected(live.error());
  return State{*std::move(files), *std::move(live)};
}

std::optional<manage::Viewer> viewer_of(const Call& call) {
  if (call.caller.admin) return std::nullopt;
  return manage::Viewer{call.caller.account, call.caller.address, true};
}

Reply show(const Site& site, const Call& call, const ImageName& name, int status = 200) {
  if (auto good = manage::check_image(name); !good) return problem(good.error());
  const auto state = look(site, name.first);
  if (!state) return problem(state.error());
  const auto image =
      manage::show_image(site.config, state->files, state->live, name, viewer_of(call));
  if (!image) return problem(image.error());
  Reply reply;
  reply.status = status;
  reply.body = json_of(*image, state->files, call.caller.admin);
  if (call.caller.admin && image->registration) {
    reply.etag = etag_of(registration_json(*image->registration, image->given));
  }
  return reply;
}

std::string cursor_key(const ImageName& name) { return name.first + ":" + name.second; }

ImageName name_of_key(const std::string& key) {
  const auto colon = key.rfind(':');
  if (colon == std::string::npos) return {};
  return {key.substr(0, colon), key.substr(colon + 1)};
}

// Whose list it is: an account's, if one is asked for, or the caller's own, unless he administers.
tl::expected<std::optional<manage::Viewer>, Reply> read_viewer(const Call& call,
                                                               QueryParameters& query,
                                                               const manage::PolicyFiles& files) {
  const auto* account = query.find("accessible_to");
  const auto* from = query.find("from");
  if (account == nullptr) {
    if (from != nullptr) return tl::unexpected(usage("from needs accessible_to"));
    return viewer_of(call);
  }
  if (!call.caller.admin && !call.caller.is(*account)) {
    return tl::unexpected(denied("the images of other accounts are for administrators"));
  }
  if (manage::find_account(files, *account) == nullptr) {
    return tl::unexpected(problem(manage::no_account(files, *account)));
  }
  const auto address = from == nullptr ? IpAddress::parse("127.0.0.1") : IpAddress::parse(*from);
  if (!address) return tl::unexpected(usage("from takes an IP address"));
  return manage::Viewer{*account, call.caller.admin ? *address : call.caller.address,
                        !call.caller.admin};
}

Reply list(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  QueryParameters parameters(call, {"limit", "cursor", "accessible_to", "from", "registered"});
  manage::ImageQuery query;
  query.limit = parameters.limit();
  query.after = name_of_key(parameters.cursor());
  const bool shows_all = !call.caller.admin || parameters.find("accessible_to") != nullptr;
  query.registered_only = parameters.boolean("registered", !shows_all);
  if (parameters.problem()) return *parameters.problem();
  const auto state = look(site);
  if (!state) return problem(state.error());
  const auto viewer = read_viewer(call, parameters, state->files);
  if (!viewer) return viewer.error();
  query.viewer = *viewer;
  const auto page = manage::list_images(site.config, state->files, state->live, query);
  auto items = Json::array();
  for (const auto& image : page.images) {
    auto json = json_of(image, state->files, call.caller.admin);
    if (query.viewer) json["actions"] = actions_of(image.allowed);
    items.push_back(std::move(json));
  }
  std::optional<std::string> last;
  if (!page.is_last) last = cursor_key(page.images.back().name);
  return page_of(call, std::move(items), last);
}

Reply get(const Site& site, const Call& call, const Parameters& parameters) {
  if (const auto refused = only_parameters(call, {})) return *refused;
  return show(site, call, image_of(parameters));
}

Reply add(const Site& site, const Call& call, const Parameters& /*parameters*/) {
  BodyReader body(call, {"name", "tag", "users", "digest", "created", "size", "replace"});
  manage::NewImage image;
  image.name = {body.required_text("name"), body.required_text("tag")};
  image.users = body.texts("users");
  image.given.digest = body.text("digest").value_or("");
  image.given.created = body.text("created").value_or("");
  image.given.size = body.count("size");
  image.replace = body.boolean("replace").value_or(false);
  auto change = change_of("image.register", text_of(image.name));
  if (image.users) {
    change.detail = "users=";
    for (const auto& user : *image.users) {
      change.detail += (change.detail.back() == '=' ? "" : ",") + user;
    }
    if (image.users->empty()) change.detail += "*";
  }
  // Without If-Match there is no question; with one, it is about what is registered already.
  Changing changing(site, call, std::move(change), object_of(site, image.name));
  if (body.problem()) return changing.refuse(*body.problem());
  return changing.make(
      [&](const manage::Terms& terms) { return manage::register_image(site.config, image, terms); },
      [&] { return show(site, call, image.name, 201); });
}

Reply remove(const Site& site, const Call& call, const Parameters& parameters) {
  const auto name = image_of(parameters);
  Changing changing(site, call, change_of("image.remove", text_of(name)), object_of(site, name));
  return changing.make(
      [&](const manage::Terms& terms) { return manage::remove_image(site.config, name, terms); },
      no_content);
}

using Grant = tl::expected<manage::Granting, manage::Failure> (*)(const config::Config&,
                                                                  const ImageName&,
                                                                  const std::string&,
                                                                  const manage::Terms&);

Reply change_grant(const Site& site, const Call& call, const Parameters& parameters,
                   const std::string& action, Grant grant) {
  const auto name = image_of(parameters);
  const auto& account = parameters[2];
  manage::Granting granting;
  Changing changing(site, call, change_of(action, text_of(name) + " " + account),
                    object_of(site, name));
  return changing.make(
      [&](const manage::Terms& terms) -> manage::Done {
        auto granted = grant(site.config, name, account, terms);
        if (!granted) return tl::unexpected(granted.error());
        granting = *std::move(granted);
        return {};
      },
      [&] {
        auto still = Json::array();
        for (const auto& left : granting.still) {
          still.push_back({{"actions", actions_of(left.actions)}, {"by", left.by}});
        }
        Reply reply;
        reply.body = {{"name", name.first},
                      {"tag", name.second},
                      {"user", account},
                      {"changed", granting.changed},
                      {"still_allowed", still}};
        return reply;
      });
}

Reply grant(const Site& site, const Call& call, const Parameters& parameters) {
  return change_grant(site, call, parameters, "access.grant", manage::grant);
}

Reply revoke(const Site& site, const Call& call, const Parameters& parameters) {
  return change_grant(site, call, parameters, "access.revoke", manage::revoke);
}

constexpr std::array kRoutes{
    Route{"GET", "/images", Who::anyone, list},
    Route{"POST", "/images", Who::admin, add},
    Route{"GET", "/images/{name}/{tag}", Who::anyone, get},
    Route{"DELETE", "/images/{name}/{tag}", Who::admin, remove},
    Route{"PUT", "/images/{name}/{tag}/users/{user}", Who::admin, grant},
    Route{"DELETE", "/images/{name}/{tag}/users/{user}", Who::admin, revoke},
};

}  // namespace

std::span<const Route> image_routes() { return kRoutes; }

}  // namespace layergate::api

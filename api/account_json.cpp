#include "api/account_json.h"

#include "api/time_json.h"

namespace layergate::api {

Json json_of(const manage::Account& account) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  return {{"name", account.name},
          {"permissions", account.permissions},
          {"email", or_null(account.email)},
          {"enabled", account.enabled},
          {"expires", time_or_null(account.expires)},
          {"from", account.from},
          {"since", time_or_null(account.since)},
          {"groups", account.groups},
          {"source", account.place},
          {"managed", account.managed},
          {"password_set", time_or_null(account.password_set)},
          {"password_is_old", account.password_is_old},
          {"usable", account.fault.empty()},
          {"fault", or_null(account.fault)}};
}

}  // namespace layergate::api

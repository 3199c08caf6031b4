// An account as the API shows it.
#pragma once

#include "api/call.h"
#include "manage/account_list.h"

namespace layergate::api {

Json json_of(const manage::Account& account);

}  // namespace layergate::api

#include "cli/local_client.h"

#include <utility>

#include "api/recording.h"

namespace layergate::cli {

LocalClient::LocalClient(config::Config config)
    : config_(std::move(config)),
      service_(api::Site{config_, {}, nullptr, api::record_into(config_)}) {}

api::Reply LocalClient::call(api::Call call) {
  call.caller = api::Caller::operator_here();
  return service_.handle(call);
}

}  // namespace layergate::cli

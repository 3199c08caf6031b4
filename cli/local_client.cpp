#include "cli/local_client.h"

#include <utility>

namespace layergate::cli {

LocalClient::LocalClient(config::Config config)
    : config_(std::move(config)), service_(api::Site{config_, {}, nullptr, {}}) {}

api::Reply LocalClient::call(api::Call call) {
  call.caller = api::Caller::operator_here();
  return service_.handle(call);
}

}  // namespace layergate::cli

// The operator of this machine, who works on the files of a config dir.
#pragma once

#include "api/service.h"
#include "cli/client.h"
#include "config/config.h"

namespace layergate::cli {

class LocalClient : public Client {
 public:
  explicit LocalClient(config::Config config);

  api::Reply call(api::Call call) override;

 private:
  const config::Config config_;
  const api::Service service_;
};

}  // namespace layergate::cli

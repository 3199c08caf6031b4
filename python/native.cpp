// The module docker_registry_manager._native: the management API's calls as JSON texts. What users
// see of it is docker_registry_manager/_manager.py.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/problem.h"
#include "api/recording.h"
#include "api/service.h"
#include "python/first_use.h"

namespace layergate::python {
namespace {

namespace py = pybind11;

using Query = std::vector<std::pair<std::string, std::string>>;
using Answer = std::pair<int, std::string>;  // the status, and its JSON or an empty text

// Thread safety: call() may be called from any thread, without the interpreter's lock.
class Service {
 public:
  explicit Service(config::Config config)
      : config_(std::move(config)),
        service_(api::Site{config_, {}, nullptr, api::record_into(config_)}) {}
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] Answer call(const std::string& method, const std::vector<std::string>& path,
                            const Query& query, const std::string& body) const {
    api::Call call;
    call.method = method;
    call.path = path;
    call.query = query;
    call.caller = api::Caller::operator_here();
    try {
      if (!body.empty()) call.body = api::Json::parse(body, nullptr, false);
      // Not the parser's own words: they would repeat what may be a password.
      if (call.body && call.body->is_discarded()) {
        return text_of(api::usage("a text is not valid Unicode"));
      }
      return text_of(service_.handle(call));
    } catch (const std::exception& error) {
      return text_of(api::problem(500, "io", error.what()));
    }
  }

 private:
  static Answer text_of(const api::Reply& reply) {
    return {reply.status, reply.body.is_null() ? "" : reply.body.dump()};
  }

  const config::Config config_;
  const api::Service service_;
};

// The service, or nothing and the problem; and notes.
struct Opening {
  std::unique_ptr<Service> service;
  Answer problem;
  std::vector<std::string> notes;
};

Opening open(const std::string& dir) {
  Opening opening;
  const auto refuse = [&](const api::Reply& reply) {
    opening.problem = {reply.status, reply.body.dump()};
  };
  try {
    auto opened = open_config_dir(dir);
    if (opened) {
      opening.service = std::make_unique<Service>(std::move(opened->config));
      opening.notes = std::move(opened->notes);
    } else {
      refuse(api::problem(opened.error()));
    }
  } catch (const std::exception& error) {
    refuse(api::problem(500, "io", error.what()));
  }
  return opening;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  py::class_<Service>(module, "Service")
      .def("call", &Service::call, py::arg("method"), py::arg("path"), py::arg("query"),
           py::arg("body"), py::call_guard<py::gil_scoped_release>());
  module.def(
      "open",
      [](const std::string& dir) {
        Opening opening;
        {
          const py::gil_scoped_release released;
          opening = open(dir);
        }
        return py::make_tuple(std::move(opening.service), opening.problem, opening.notes);
      },
      py::arg("config_dir"));
}

}  // namespace layergate::python

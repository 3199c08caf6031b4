#include "proxy/removal.h"

#include "proxy/gate.h"

namespace layergate::proxy {

using index::Outcome;

void Removal::start() {
  const auto& route = client_.request().route;
  client_.socket().want(false, false);
  auto done = client_.hand_on<Outcome>([this](const Outcome& outcome) { on_outcome(outcome); });
  const auto& request = client_.request();
  auto& keeper = client_.worker().context().keeper;
  index::Delete change;
  change.repository = route.repository;
  change.reference = route.tag.empty() ? route.digest : route.tag;
  change.account = request.account;
  // All by value: the client may be gone by then.
  change.still = [route, policy = request.policy, account = request.account,
                  address = request.record.address,
                  time = request.record.time](const index::Index& facts) {
    return !rule_on(route, {account, address, time}, *policy, facts).refusal;
  };
  if (route.endpoint == Endpoint::blob) {
    keeper.remove_blob(std::move(change), std::move(done));
  } else if (route.tag.empty()) {
    keeper.remove_manifest(std::move(change), std::move(done));
  } else {
    keeper.remove_tag(std::move(change), std::move(done));
  }
}

void Removal::on_outcome(const Outcome& outcome) {
  const bool is_blob = client_.request().route.endpoint == Endpoint::blob;
  switch (outcome.kind) {
    case Outcome::Kind::done:
      client_.request().record.digest = client_.request().route.digest;
      return client_.record_change(202, [&client = client_] { client.answer({202, {}, "", ""}); });
    case Outcome::Kind::absent:
      return client_.refuse({404, is_blob ? ErrorCode::blob_unknown : ErrorCode::manifest_unknown,
                             is_blob ? "blob unknown to registry" : "manifest unknown", "", 0},
                            "not there");
    case Outcome::Kind::unsupported:
      return client_.refuse({405, ErrorCode::unsupported,
                             "the registry does not delete: set storage.delete.enabled in its "
                             "configuration",
                             "", 0},
                            "unsupported by the registry");
    case Outcome::Kind::condition:
    case Outcome::Kind::changed:
      return client_.refuse(
          {403, ErrorCode::denied,
           "what reaches it has changed meanwhile: it may not be deleted any more", "", 0},
          "changed meanwhile");
    case Outcome::Kind::busy:
      return client_.refuse(too_many_changes(), "busy");
    case Outcome::Kind::refused:
      return client_.answer_with_errors(outcome.status, outcome.body);
    case Outcome::Kind::failed:
      return client_.fail_upstream(outcome.problem);
  }
}

}  // namespace layergate::proxy

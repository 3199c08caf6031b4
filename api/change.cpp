#include "api/change.h"

#include <utility>

#include "api/etag.h"
#include "api/problem.h"
#include "api/query_parameters.h"
#include "records/row.h"

namespace layergate::api {

using manage::Failure;

Change change_of(std::string action, std::string target, std::string detail) {
  Change change;
  change.action = std::move(action);
  change.target = std::move(target);
  change.detail = std::move(detail);
  return change;
}

Changing::Changing(const Site& site, const Call& call, Change change, Object object)
    : site_(site), call_(call), change_(std::move(change)), object_(std::move(object)) {
  change_.by = call.caller.account.empty() ? std::string(records::kOperator) : call.caller.account;
  change_.address = call.caller.address;
  QueryParameters query(call, {"dry_run"});
  dry_run_ = query.boolean("dry_run");
  problem_ = query.problem();
}

manage::Done Changing::announce() const {
  if (!site_.record) return {};
  if (const auto recorded = site_.record(change_); !recorded) {
    return manage::failed(Failure::Kind::io,
                          "the change cannot be recorded, so it is not made: " + recorded.error());
  }
  return {};
}

manage::Terms Changing::terms() const {
  manage::Terms terms;
  terms.dry_run = dry_run_;
  terms.announce = [this] { return announce(); };
  if (!call_.if_match) return terms;
  terms.precondition = [this](const manage::PolicyFiles& files) -> manage::Done {
    std::optional<std::string> present;
    if (object_) {
      const auto object = object_(files);
      if (!object) return tl::unexpected(object.error());
      present = etag_of(*object);
    }
    const auto refused = check_if_match(call_, present);
    if (!refused) return {};
    return manage::failed(refused->status == 412 ? Failure::Kind::changed : Failure::Kind::usage,
                          refused->body.value("detail", ""));
  };
  return terms;
}

Reply Changing::refuse(Reply problem) {
  if (dry_run_ || !site_.record) return problem;
  auto refused = change_;
  refused.allowed = false;
  refused.reason = problem.body.value("detail", "");
  // It is refused anyhow; what cannot be recorded of that is lost.
  [[maybe_unused]] const auto recorded = site_.record(refused);
  return problem;
}

Reply Changing::make(const std::function<manage::Done(const manage::Terms&)>& change,
                     const std::function<Reply()>& answer) {
  if (problem_) return refuse(*problem_);
  if (const auto done = change(terms()); !done) return refuse(problem(done.error()));
  if (!dry_run_) return answer();
  Reply reply;
  reply.body = {{"dry_run", true}};
  return reply;
}

}  // namespace layergate::api

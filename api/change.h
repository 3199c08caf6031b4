// What all calls that change something have in common: they are recorded, whether they are made or
// refused, may be tried without being made, and notice what somebody else changed meanwhile.
#pragma once

#include <functional>
#include <string>

#include "api/call.h"
#include "api/site.h"
#include "manage/managed_policy.h"

namespace layergate::api {

// REQUIRES: no secret in the detail.
Change change_of(std::string action, std::string target, std::string detail = "");

inline Reply no_content() {
  Reply reply;
  reply.status = 204;
  return reply;
}

class Changing {
 public:
  // Reads "dry_run" of the query, which is to hold nothing else. `object`: what the change is of as
  // it stands now, for If-Match; a failure is passed on. May be empty where nothing is there yet.
  using Object = std::function<tl::expected<Json, manage::Failure>(const manage::PolicyFiles&)>;
  Changing(const Site& site, const Call& call, Change change, Object object = {});

  // Makes the change on the terms of the call. Anything but its success is recorded as refused.
  Reply make(const std::function<manage::Done(const manage::Terms&)>& change,
             const std::function<Reply()>& answer);
  [[nodiscard]] bool is_dry_run() const { return dry_run_; }
  // A refusal that is to be recorded, too.
  Reply refuse(Reply problem);

 private:
  [[nodiscard]] manage::Done announce() const;
  [[nodiscard]] manage::Terms terms() const;

  const Site& site_;
  const Call& call_;
  Change change_;
  Object object_;
  bool dry_run_ = false;
  std::optional<Reply> problem_;
};

}  // namespace layergate::api

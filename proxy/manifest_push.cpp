#include "proxy/manifest_push.h"

#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "oci/digest.h"

namespace layergate::proxy {
namespace {

using index::Outcome;
using index::Push;

Push::Condition condition_of(const Ruling& ruling) {
  if (ruling.must_be_unchanged) return Push::Condition::unchanged;
  return ruling.must_be_own ? Push::Condition::own : Push::Condition::none;
}

}  // namespace

ManifestPush::ManifestPush(ClientConnection& client, const Ruling& ruling)
    : client_(client),
      account_(client.request().account),
      condition_(condition_of(ruling)),
      reader_(client.socket(), client.in(), client.request().head.body, oci::kLargestManifest),
      start_(Worker::Clock::now()),
      moved_at_(start_) {}

ManifestPush::~ManifestPush() {
  if (reserved_ > 0) {
    client_.worker().context().bodies.give_back(account_, reserved_);
  }
}

bool ManifestPush::reserve() {
  const auto arrived = reader_.body().size() - reserved_;
  if (arrived == 0) return true;
  moved_at_ = Worker::Clock::now();
  if (!client_.worker().context().bodies.take(account_, arrived)) return false;
  reserved_ += arrived;
  return true;
}

void ManifestPush::start() {
  const auto& body = client_.request().head.body;
  if (body.kind == Framing::Kind::length && body.length > oci::kLargestManifest) {
    return refuse(413, ErrorCode::manifest_invalid, "a manifest may have 4 MiB at most",
                  "too large");
  }
  if (client_.request().head.expect_continue) {
    client_.out().append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  read();
}

void ManifestPush::read() {
  if (was_read_) return;
  while (!client_.out().empty()) {
    const auto sent = client_.socket().send(client_.out().view());
    if (sent.io == Socket::Io::again) return client_.socket().want(false, true);
    if (sent.io != Socket::Io::ok) return client_.abort("client gone");
    client_.out().consume(sent.bytes);
  }
  const auto status = reader_.step();
  client_.request().record.bytes_in = reader_.body().size();
  if (!reserve()) {
    return client_.refuse({503, ErrorCode::unavailable,
                           "too many manifests are being pushed at once; try again", "", 2},
                          "overloaded");
  }
  switch (status) {
    case BodyReader::Status::partial:
      return client_.socket().want(true, false);
    case BodyReader::Status::complete:
      was_read_ = true;
      client_.socket().want(false, false);
      return judge();
    case BodyReader::Status::closed:
      return client_.abort("client gone");
    case BodyReader::Status::malformed:
      return refuse(400, ErrorCode::manifest_invalid, "the body's chunked coding is broken",
                    "malformed");
    case BodyReader::Status::too_large:
      return refuse(413, ErrorCode::manifest_invalid, "a manifest may have 4 MiB at most",
                    "too large");
  }
}

void ManifestPush::judge() {
  auto& request = client_.request();
  const auto& route = request.route;
  const auto& body = reader_.body();
  if (!route.digest.empty() && !oci::is_digest_of(route.digest, body)) {
    return refuse(400, ErrorCode::digest_invalid, "the manifest has another digest", "malformed");
  }
  auto manifest = oci::parse_manifest(request.head.content_type, body);
  if (!manifest) {
    return refuse(400, ErrorCode::manifest_invalid, manifest.error(), "malformed");
  }
  manifest_ = *std::move(manifest);
  if (!manifest_.subject.empty() && manifest_.annotations.size() > oci::kLargestAnnotations) {
    return refuse(400, ErrorCode::manifest_invalid,
                  "the annotations of a manifest with a subject may have 64 KiB at most",
                  "malformed");
  }
  digest_ = route.digest.empty() ? oci::sha256_of(body) : route.digest;
  request.record.digest = digest_;
  const auto& context = client_.worker().context();
  const auto refusal = context.index.read([&](const index::Index& facts) {
    return rule_on_contents(manifest_, route.repository, request.principal(), *request.policy,
                            facts);
  });
  if (refusal) {
    request.record.allowed = false;
    return client_.refuse(*refusal, "names what may not be read");
  }

  Push push;
  push.repository = route.repository;
  push.tag = route.tag;
  push.digest = digest_;
  push.content_type = oci::to_string(manifest_.type);
  push.body = reader_.take();
  push.manifest = manifest_;
  push.account = request.account;
  push.address = request.record.address.to_string();
  push.condition = condition_;
  push.still = [route, manifest = manifest_, policy = request.policy, account = request.account,
                address = request.record.address,
                time = request.record.time](const index::Index& facts) {
    const acl::Principal who{account, address, time};
    return !rule_on(route, who, *policy, facts).refusal &&
           !rule_on_contents(manifest, route.repository, who, *policy, facts);
  };
  context.keeper.push(std::move(push), client_.hand_on<Outcome>([this](const Outcome& outcome) {
    on_outcome(outcome);
  }));
}

void ManifestPush::on_outcome(const Outcome& outcome) {
  const auto& route = client_.request().route;
  switch (outcome.kind) {
    case Outcome::Kind::done: {
      Response response;
      response.status = 201;
      response.fields.emplace_back("Location", "/v2/" + route.repository + "/manifests/" + digest_);
      response.fields.emplace_back("Docker-Content-Digest", digest_);
      // OCI distribution specification 1.1, "Pushing Manifests with Subject": we list it.
      if (!manifest_.subject.empty()) {
        response.fields.emplace_back("OCI-Subject", manifest_.subject);
      }
      return client_.record_change(response.status,
                                   [&client = client_, response] { client.answer(response); });
    }
    case Outcome::Kind::condition:
      client_.request().record.allowed = false;
      return refuse(403, ErrorCode::denied,
                    condition_ == Push::Condition::unchanged
                        ? route.image() + " is immutable: it exists, and is another manifest"
                        : route.image() + " was pushed by another account, and no rule covers it",
                    "condition");
    case Outcome::Kind::changed:
      client_.request().record.allowed = false;
      return refuse(404, ErrorCode::manifest_blob_unknown,
                    "something that the manifest names is not in this repository any more: push "
                    "it again",
                    "changed meanwhile");
    case Outcome::Kind::busy:
      return client_.refuse(too_many_changes(), "busy");
    case Outcome::Kind::refused:
    case Outcome::Kind::absent:
    case Outcome::Kind::unsupported:
      return client_.answer_with_errors(outcome.status, outcome.body);
    case Outcome::Kind::failed:
      return client_.fail_upstream(outcome.problem);
  }
}

void ManifestPush::refuse(int status, ErrorCode code, const std::string& message,
                          const std::string& reason) {
  client_.refuse({status, code, message, "", 0}, reason);
}

// A body is at most 4 MiB, so its rate is counted from the start.
void ManifestPush::tick(Worker::Clock::time_point now) {
  if (was_read_) return;
  const auto& limits = client_.worker().context().config.limits;
  const std::chrono::duration<double> taken = now - start_;
  const bool is_slow =
      taken > limits.idle && static_cast<double>(reader_.body().size()) <
                                 static_cast<double>(limits.minimum_rate) * taken.count();
  if (is_slow || now - moved_at_ > limits.idle) {
    refuse(408, ErrorCode::unsupported, "the body did not come in time", "too slow");
  }
}

}  // namespace layergate::proxy

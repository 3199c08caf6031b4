#include "index/survey.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"

namespace layergate::index {
namespace {

constexpr int kDeepest = 16;  // indexes in indexes

// The target of the next page, or "".
std::string next_of(const std::string& link) {
  const auto open = link.find('<');
  const auto close = link.find('>');
  if (open == std::string::npos || close == std::string::npos || close < open ||
      link.find("rel=\"next\"", close) == std::string::npos) {
    return "";
  }
  auto target = link.substr(open + 1, close - open - 1);
  if (const auto host = target.find("://"); host != std::string::npos) {
    const auto slash = target.find('/', host + 3);
    target = slash == std::string::npos ? "" : target.substr(slash);
  }
  return target.starts_with("/v2/") ? target : "";
}

}  // namespace

Survey::Survey(UpstreamClient& client, Question question, Done done)
    : client_(client), question_(std::move(question)), done_(std::move(done)) {}

void Survey::ask(const std::string& method, const std::string& target,
                 std::function<void(const UpstreamAnswer&)> next) {
  ++open_;
  UpstreamRequest request;
  request.method = method;
  request.target = target;
  request.accept = oci::every_media_type();
  client_.ask(std::move(request), question_.urgency,
              [this, alive = alive_, next = std::move(next)](const UpstreamAnswer& answer) {
                if (!*alive || over_) return;
                if (answer.status != 200 && answer.status != 404) {
                  fail(answer.why_not());
                  return;
                }
                next(answer);
                step_done();
              });
}

void Survey::start() {
  ++open_;  // until all first questions are asked
  if (!question_.only_tag.empty()) {
    surveyed_.exists = true;
    fetch_tag(question_.only_tag);
  } else if (!question_.no_tags) {
    list_tags("/v2/" + question_.repository + "/tags/list?n=1000");
  }
  for (const auto& digest : question_.also) want(digest, 0);
  step_done();
}

void Survey::list_tags(const std::string& target) {
  ask("GET", target, [this](const UpstreamAnswer& answer) { on_tags(answer); });
}

void Survey::on_tags(const UpstreamAnswer& answer) {
  if (answer.status == 404) return;
  surveyed_.exists = true;
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  // `tags: null` is an empty list.
  if (!json.is_object() || !json.contains("tags") ||
      !(json["tags"].is_array() || json["tags"].is_null())) {
    return fail("its list of tags cannot be read");
  }
  for (const auto& entry : json["tags"]) {
    if (!entry.is_string() || !oci::is_tag(entry.get<std::string>())) continue;
    const auto tag = entry.get<std::string>();
    const auto known = question_.known_tags.find(tag);
    if (known != question_.known_tags.end()) {
      surveyed_.tags[tag] = known->second;
    } else if (!surveyed_.tags.contains(tag)) {
      surveyed_.tags[tag];  // a place, so that a page that comes twice asks once
      fetch_tag(tag);
    }
  }
  if (const auto next = next_of(answer.link); !next.empty() && !json["tags"].empty()) {
    list_tags(next);
  }
}

void Survey::fetch_tag(const std::string& tag) {
  ask("GET", "/v2/" + question_.repository + "/manifests/" + tag,
      [this, tag](const UpstreamAnswer& answer) {
        surveyed_.tags.erase(tag);
        // In the list, and not to be had: its manifest was deleted.
        if (answer.status == 404) return;
        const auto digest =
            oci::is_digest(answer.digest) ? answer.digest : oci::sha256_of(answer.body);
        surveyed_.tags[tag] = digest;
        if (question_.is_known(digest) || !wanted_.insert(digest).second) return;
        take(digest, answer, 0);
        // A tag at something that cannot be understood reaches nothing.
        if (!surveyed_.manifests.contains(digest)) surveyed_.tags.erase(tag);
      });
}

void Survey::want(const std::string& digest, int depth) {
  if (question_.is_known(digest) || !wanted_.insert(digest).second) return;
  ask("GET", "/v2/" + question_.repository + "/manifests/" + digest,
      [this, digest, depth](const UpstreamAnswer& answer) { take(digest, answer, depth); });
}

void Survey::take(const std::string& digest, const UpstreamAnswer& answer, int depth) {
  if (answer.status == 404) {
    surveyed_.gone.push_back(digest);
    return;
  }
  if (!oci::is_digest_of(digest, answer.body)) {
    return skip(digest + " is not what the registry sends for it");
  }
  const auto manifest = oci::parse_manifest(answer.content_type, answer.body);
  if (!manifest) return skip(digest + ": " + manifest.error());
  if (depth > kDeepest) return skip(digest + " hangs below more than 16 indexes");
  surveyed_.manifests[digest] = record_of(*manifest, digest, answer.body.size());
  for (const auto& child : manifest->manifests) want(child.digest, depth + 1);
  for (const auto& blob : manifest->blobs) {
    // The registry checked the others when the manifest was put.
    if (blob.has_urls) check_blob(digest, blob.digest);
  }
}

void Survey::check_blob(const std::string& manifest, const std::string& blob) {
  ask("HEAD", "/v2/" + question_.repository + "/blobs/" + blob,
      [this, manifest, blob](const UpstreamAnswer& answer) {
        if (answer.status == 404) absent_[manifest].insert(blob);
      });
}

void Survey::skip(const std::string& what) {
  surveyed_.skipped.push_back(question_.repository + "@" + what);
}

void Survey::fail(const std::string& what) {
  if (over_) return;
  over_ = true;
  Surveyed failed;
  failed.problem = "the registry cannot tell what " + question_.repository + " holds: " + what;
  done_(std::move(failed));
}

void Survey::step_done() {
  if (over_ || --open_ > 0) return;
  over_ = true;
  // What is absent now must not become reach when it comes later.
  const std::set<std::string> gone(surveyed_.gone.begin(), surveyed_.gone.end());
  for (auto& [digest, record] : surveyed_.manifests) {
    const auto missing = absent_.find(digest);
    std::erase_if(record.links, [&](const NamedDigest& named) {
      if (named.link == Link::blob) {
        return missing != absent_.end() && missing->second.contains(named.digest);
      }
      return named.link == Link::child && !surveyed_.manifests.contains(named.digest) &&
             !question_.is_known(named.digest);
    });
    // Found there, and not put by anybody that is known.
    if (record.subject() != nullptr) record.putters = {Putter{}};
  }
  done_(std::move(surveyed_));
}

}  // namespace layergate::index

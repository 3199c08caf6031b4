#include "index/inspection.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include <event2/event.h>
#include <spdlog/fmt/fmt.h>

#include "base/clock.h"
#include "index/catalog_page.h"

namespace layergate::index {
namespace {

std::map<std::string, std::string> tags_of(const Index& index, const std::string& repository) {
  std::map<std::string, std::string> tags;
  const auto* in = index.find_repository(repository);
  if (in == nullptr) return tags;
  for (const auto& [name, tag] : in->tags) tags[name] = index.digest_of(tag.root);
  return tags;
}

std::map<std::string, ManifestRecord> manifests_of(const Index& index,
                                                   const std::string& repository) {
  std::map<std::string, ManifestRecord> manifests;
  const auto* in = index.find_repository(repository);
  if (in == nullptr) return manifests;
  index.each_manifest(in->id, [&](NodeId node) {
    auto record = index.record_of(node);
    auto digest = record.digest;
    manifests.emplace(std::move(digest), std::move(record));
  });
  return manifests;
}

}  // namespace

std::vector<std::string> differences(const Index& index, const std::string& repository,
                                     const Surveyed& surveyed) {
  std::vector<std::string> all;
  const auto ours = tags_of(index, repository);
  for (const auto& [tag, digest] : ours) {
    const auto theirs = surveyed.tags.find(tag);
    if (theirs == surveyed.tags.end()) {
      all.push_back(fmt::format("{}:{} is in the index only", repository, tag));
    } else if (theirs->second != digest) {
      all.push_back(fmt::format("{}:{} is at {} in the index, and at {} in the registry",
                                repository, tag, digest, theirs->second));
    }
  }
  for (const auto& [tag, digest] : surveyed.tags) {
    if (!ours.contains(tag))
      all.push_back(fmt::format("{}:{} is in the registry only", repository, tag));
  }
  const auto known = manifests_of(index, repository);
  for (const auto& [digest, record] : known) {
    const auto found = surveyed.manifests.find(digest);
    if (found == surveyed.manifests.end()) {
      all.push_back(fmt::format("{}@{} is in the index only", repository, digest));
      continue;
    }
    // What was absent when the manifest was checked, and is there now, is left out on purpose.
    const auto& theirs = found->second.links;
    for (const auto& named : record.links) {
      if (!std::binary_search(theirs.begin(), theirs.end(), named)) {
        all.push_back(
            fmt::format("{}@{} names {} in the index only", repository, digest, named.digest));
      }
    }
    if (record.type != found->second.type) {
      all.push_back(
          fmt::format("{}@{} is of another media type in the registry", repository, digest));
    }
  }
  for (const auto& [digest, record] : surveyed.manifests) {
    if (!known.contains(digest)) {
      all.push_back(fmt::format("{}@{} is in the registry only", repository, digest));
    }
  }
  return all;
}

void rebuild(Ledger& ledger, const std::string& repository, const Surveyed& surveyed) {
  const auto at = std::chrono::floor<std::chrono::seconds>(wall_now());
  ledger.change([&](Index& facts) {
    const auto tags = tags_of(facts, repository);
    const auto manifests = manifests_of(facts, repository);
    for (const auto& [digest, record] : surveyed.manifests) {
      if (!manifests.contains(digest)) facts.add_manifest(repository, record, at);
    }
    for (const auto& [tag, digest] : surveyed.tags) {
      const auto before = tags.find(tag);
      if (before != tags.end() && before->second == digest) continue;
      facts.set_tag(repository, {tag, digest, "", at}, at);
    }
    for (const auto& [tag, digest] : tags) {
      if (!surveyed.tags.contains(tag)) facts.remove_tag(repository, tag, at);
    }
    for (const auto& [digest, record] : manifests) {
      if (!surveyed.manifests.contains(digest)) facts.remove_manifest(repository, digest, at);
    }
    facts.set_known(repository, true);
  });
}

void Inspection::FreeBase::operator()(event_base* base) const { event_base_free(base); }

Inspection::Inspection(const config::Config& config)
    : base_(event_base_new()), client_(base_.get(), config.upstream, config.index.parallel) {}
Inspection::~Inspection() = default;

void Inspection::run_until(const bool& done) {
  while (!done) event_base_loop(base_.get(), EVLOOP_ONCE);
}

std::set<std::string> Inspection::repositories() {
  std::set<std::string> names;
  std::string last;
  do {
    bool done = false;
    UpstreamAnswer answer;
    UpstreamRequest request;
    request.target = catalog_target(last);
    client_.ask(std::move(request), UpstreamClient::Urgency::someone_waits,
                [&](UpstreamAnswer given) {
                  answer = std::move(given);
                  done = true;
                });
    run_until(done);
    std::string problem;
    const auto page = read_catalog_page(answer, last, problem);
    if (!page) throw std::runtime_error(problem);
    names.insert(page->repositories.begin(), page->repositories.end());
    last = page->next;
  } while (!last.empty());
  return names;
}

Surveyed Inspection::survey(const Index& index, const std::string& repository) {
  Survey::Question question;
  question.repository = repository;
  if (const auto* in = index.find_repository(repository)) {
    index.each_manifest(in->id,
                        [&](NodeId node) { question.also.push_back(index.digest_of(node)); });
  }
  bool done = false;
  Surveyed found;
  Survey survey(client_, std::move(question), [&](Surveyed surveyed) {
    found = std::move(surveyed);
    done = true;
  });
  survey.start();
  run_until(done);
  if (!found.problem.empty()) throw std::runtime_error(found.problem);
  return found;
}

}  // namespace layergate::index

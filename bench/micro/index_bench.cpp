// What a large index weighs, how long it takes to load, and what is asked of it costs.
//
//   index_bench [TAGS [LAYERS]]      100,000 tags of one repository with 19 layers of their own
//   each and one
//                                    that all share: 2,000,000 digests and more
//   index_bench --make FILE [TAGS]   only makes the database, for a proxy to be started on
//
// The policy is of the kind that is hard: rules on tags, none on the whole repository.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "acl/loader.h"
#include "index/candidates.h"
#include "index/rights.h"
#include "index/store.h"
#include "oci/digest.h"

namespace {

using namespace layergate;
using namespace layergate::index;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kRepository = "models/telechat";

std::string digest(std::string_view what, std::size_t number) {
  return oci::sha256_of(std::string(what) + std::to_string(number));
}
std::string tag_name(std::size_t number) {
  char text[32];
  std::snprintf(text, sizeof text, "v%06zu", number);
  return text;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double resident_mib() {
  std::size_t pages = 0;
  std::size_t resident = 0;
  if (auto* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu %zu", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return static_cast<double>(resident) * 4096 / (1U << 20U);
}

void make(const std::filesystem::path& file, std::size_t tags, std::size_t layers) {
  Store store(file, Store::Mode::write);
  const Seconds now{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
  const PossessionRecord as_blob[] = {{"ci", {now, PossessionRecord::kNever}}};
  const PossessionRecord as_manifest[] = {{"ci", {PossessionRecord::kNever, now}}};
  store.begin();
  store.set_complete(true);
  for (std::size_t i = 0; i < tags; ++i) {
    ManifestRecord manifest;
    manifest.digest = digest("manifest", i);
    manifest.links.push_back({Link::blob, digest("base", 0)});
    for (std::size_t l = 0; l < layers; ++l) {
      manifest.links.push_back({Link::blob, digest("layer", i * layers + l)});
    }
    std::sort(manifest.links.begin(), manifest.links.end());
    store.put_manifest(kRepository, manifest);
    store.put_tag(kRepository, {tag_name(i), manifest.digest, "ci", now});
    for (const auto& named : manifest.links) {
      store.put_possessions(kRepository, named.digest, as_blob);
    }
    store.put_possessions(kRepository, manifest.digest, as_manifest);
  }
  store.set_known(kRepository, true);
  store.commit();
}

// The median of many, in ns, each over `batch` calls.
template <typename Call>
void time_of(const char* what, std::size_t rounds, std::size_t batch, Call call) {
  std::vector<double> all;
  for (std::size_t r = 0; r < rounds; ++r) {
    const auto start = Clock::now();
    for (std::size_t i = 0; i < batch; ++i) call();
    all.push_back(seconds_since(start) * 1e9 / static_cast<double>(batch));
  }
  std::sort(all.begin(), all.end());
  std::printf("| %s | %.0f | %.0f | %.0f |\n", what, all[all.size() / 2], all.front(), all.back());
}

const char* const kPolicy = R"(
version: 1
users:
  narrow: {permissions: [view, pull]}
  last: {permissions: [view, pull]}
  none: {permissions: [view, pull]}
  wide: {permissions: [view, pull]}
  suffix: {permissions: [view, pull]}
rules:
  - {who: [narrow], images: ["models/telechat:v00001*"], allow: [view, pull]}
  - {who: [last], images: ["models/telechat:v*9"], allow: [view, pull]}
  - {who: [none], images: ["models/telechat:nothing-*"], allow: [view, pull]}
  - {who: [suffix], images: ["models/telechat:*-nothing"], allow: [view, pull]}
  - {who: [wide], images: ["models/*"], allow: [view, pull]}
)";

void ask(const Index& index, std::size_t tags, std::size_t layers) {
  const auto loaded = acl::parse({{"acl.yml", kPolicy}}, wall_now());
  if (!loaded.policy) std::abort();
  std::mt19937_64 random(1);
  const auto rights_of = [&](const acl::Principal& who) {
    return Rights(index, *loaded.policy, who);
  };
  const acl::Principal narrow{"narrow", *IpAddress::parse("127.0.0.1"), wall_now()};
  const acl::Principal last{"last", narrow.address, wall_now()};
  const acl::Principal none{"none", narrow.address, wall_now()};
  const acl::Principal suffix{"suffix", narrow.address, wall_now()};
  const acl::Principal wide{"wide", narrow.address, wall_now()};
  std::vector<std::string> own;     // of tags that narrow may pull
  std::vector<std::string> others;  // of other tags
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < 4096; ++i) {
    own.push_back(digest("layer", (10 + random() % 10) * layers + random() % layers));
    others.push_back(digest("layer", (20 + random() % (tags - 20)) * layers + random() % layers));
    absent.push_back(digest("absent", random()));
  }
  std::size_t at = 0;
  bool wrong = false;
  const auto read = [&](const acl::Principal& who, const std::string& what, bool expected) {
    wrong |= rights_of(who).may_read(kRepository, what, Held::blob).decision.allowed != expected;
  };
  std::printf("\n| one call | median, ns | least | most |\n| --- | --- | --- | --- |\n");
  time_of("layer of a tag that may be pulled", 200, 500,
          [&] { read(narrow, own[at++ % own.size()], true); });
  time_of("layer of a tag that may not", 200, 500,
          [&] { read(narrow, others[at++ % others.size()], false); });
  time_of("digest that is not there", 200, 500,
          [&] { read(narrow, absent[at++ % absent.size()], false); });
  time_of("layer, by the right on every tag", 200, 500,
          [&] { read(wide, others[at++ % others.size()], true); });
  const auto base = digest("base", 0);
  time_of("layer of all tags, a tenth of which may be pulled", 50, 20,
          [&] { read(last, base, true); });
  time_of("layer of all tags, ten of which may be pulled", 20, 1,
          [&] { read(narrow, base, true); });
  time_of("layer of all tags, none of which may be pulled", 20, 1,
          [&] { read(none, base, false); });
  time_of("layer of all tags, a pattern that begins with * and matches none", 10, 1,
          [&] { read(suffix, base, false); });
  const auto& repository = *index.find_repository(kRepository);
  const auto page = [&](const acl::Principal& who, std::size_t from) {
    const auto rights = rights_of(who);
    std::size_t found = 0;
    const Candidates candidates(*loaded.policy, who.account, acl::Action::view, repository);
    for (auto tag = candidates.after(from == 0 ? "" : tag_name(from));
         tag != repository.tags.end() && found < 100; tag = candidates.from(++tag)) {
      found += rights.on_tag(acl::Action::view, kRepository, tag->first).allowed ? 1 : 0;
    }
    wrong |= found == 0;
  };
  time_of("page of 100 tags, all of them viewable", 200, 10,
          [&] { page(wide, random() % (tags - 200)); });
  time_of("page of 100 tags, a tenth viewable", 200, 10,
          [&] { page(last, random() % (tags - 2000)); });
  time_of("page of 100 tags, ten of which are viewable at all", 200, 10, [&] { page(narrow, 0); });
  if (wrong) {
    std::printf("WRONG ANSWERS\n");
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool only_make = argc > 2 && std::strcmp(argv[1], "--make") == 0;
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  if (only_make) {
    make(argv[2], number(3, 100'000), 19);
    return 0;
  }
  const auto tags = number(1, 100'000);
  const auto layers = number(2, 19);
  char name[] = "/tmp/index_bench_XXXXXX";
  if (::mkdtemp(name) == nullptr) return 4;
  const std::filesystem::path file = std::filesystem::path(name) / "index.db";
  auto start = Clock::now();
  make(file, tags, layers);
  std::printf("written in %.1f s, %.0f MiB on disk\n", seconds_since(start),
              static_cast<double>(std::filesystem::file_size(file)) / (1U << 20U));
  ::malloc_trim(0);
  const auto before = resident_mib();
  Index index({});
  {
    Store store(file, Store::Mode::read);
    start = Clock::now();
    store.load(index);
  }
  const auto taken = seconds_since(start);
  ::malloc_trim(0);
  const auto stats = index.stats();
  std::printf("%zu tags, %zu digests, %zu links, %zu possessions\n", stats.tags, stats.nodes,
              stats.links, stats.possessions);
  std::printf("loaded in %.2f s; %.0f MiB resident, %.0f by its own count\n", taken,
              resident_mib() - before, static_cast<double>(stats.bytes) / (1U << 20U));
  ask(index, tags, layers);
  std::filesystem::remove_all(name);
  return 0;
}

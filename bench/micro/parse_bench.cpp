// What is done with each request before it is decided: finding the end of its head, reading the
// head, reading the path; and comparing a name with a glob. The heads are those that docker and
// curl send.
#include <cstdlib>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "acl/glob.h"
#include "proxy/head_scanner.h"
#include "proxy/request_head.h"
#include "proxy/route.h"

namespace {

using namespace layergate;

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string docker_head(std::string_view target) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\n"
         "Host: registry.example.com:5000\r\n"
         "User-Agent: docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/6.1.0 os/linux "
         "arch/amd64 UpstreamClient(Docker-Client/24.0.7 \\(linux\\))\r\n"
         "Accept: application/vnd.docker.distribution.manifest.v2+json\r\n"
         "Accept: application/vnd.docker.distribution.manifest.list.v2+json\r\n"
         "Accept: application/vnd.oci.image.index.v1+json\r\n"
         "Accept: application/vnd.oci.image.manifest.v1+json\r\n"
         "Authorization: Basic cmVzZWFyY2g6Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5\r\n"
         "Accept-Encoding: gzip\r\n"
         "Connection: close\r\n\r\n";
}

std::string curl_head(std::string_view target) {
  return "GET " + std::string(target) +
         " HTTP/1.1\r\nHost: localhost:5000\r\nAuthorization: Basic YTpi\r\n"
         "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
}

void scan_head(benchmark::State& state, const std::string& head) {
  for (auto _ : state) {
    proxy::HeadScanner scanner;
    if (scanner.scan(head) != proxy::HeadScanner::Result::complete) std::abort();
    benchmark::DoNotOptimize(scanner.size());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(head.size()));
}

void parse_head(benchmark::State& state, const std::string& head) {
  for (auto _ : state) {
    auto parsed = proxy::parse_request_head(head);
    if (!parsed) std::abort();
    benchmark::DoNotOptimize(parsed);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(head.size()));
}

void parse_route(benchmark::State& state, const std::string& path) {
  for (auto _ : state) {
    auto route = proxy::parse_route(proxy::Method::get, path, "");
    if (!route) std::abort();
    benchmark::DoNotOptimize(route);
  }
}

void match_glob(benchmark::State& state, std::string_view glob, std::string_view text,
                bool expected) {
  for (auto _ : state) {
    if (acl::glob_matches(glob, text) != expected) std::abort();
  }
}

const std::string kManifest = "/v2/telechat/7b/manifests/fp16-2026.11";
const std::string kBlob = "/v2/telechat/7b/blobs/" + kDigest;

BENCHMARK_CAPTURE(scan_head, docker, docker_head(kManifest));
BENCHMARK_CAPTURE(scan_head, curl, curl_head(kBlob));
BENCHMARK_CAPTURE(parse_head, docker, docker_head(kManifest));
BENCHMARK_CAPTURE(parse_head, curl, curl_head(kBlob));
BENCHMARK_CAPTURE(parse_route, manifest, kManifest);
BENCHMARK_CAPTURE(parse_route, blob, kBlob);
BENCHMARK_CAPTURE(match_glob, below, "telechat/**", "telechat/7b/chat/base", true);
BENCHMARK_CAPTURE(match_glob, middle, "tele*/7b-*-v?", "telechat/7b-int4-v2", true);
// The worst that a pattern can ask for: many ways to match, none of which does.
BENCHMARK_CAPTURE(match_glob, backtracking, "*a*a*a*a*a*b",
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);

}  // namespace

BENCHMARK_MAIN();

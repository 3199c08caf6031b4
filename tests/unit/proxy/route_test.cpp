#include "proxy/route.h"

#include <doctest/doctest.h>

#include "oci/reference.h"

namespace layergate::proxy {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

tl::expected<Route, Refusal> route(Method method, const std::string& target) {
  const auto question = target.find('?');
  return parse_route(method, target.substr(0, question),
                     question == std::string::npos ? "" : target.substr(question + 1));
}

Route must_route(Method method, const std::string& target) {
  auto parsed = route(method, target);
  REQUIRE_MESSAGE(parsed.has_value(), target);
  return *parsed;
}

}  // namespace

TEST_CASE("route: each endpoint and what it names") {
  struct Row {
    Method method;
    std::string path;
    Endpoint endpoint;
    std::string repository;
    std::string reference;  // tag, digest or upload id
  };
  using enum Method;
  const Row kRows[] = {
      {get, "/v2/", Endpoint::ping, "", ""},
      {get, "/v2", Endpoint::ping, "", ""},
      {head, "/v2/_catalog", Endpoint::catalog, "", ""},
      {get, "/v2/a/tags/list", Endpoint::tags, "a", ""},
      {get, "/v2/a/b/manifests/latest", Endpoint::manifest, "a/b", "latest"},
      {head, "/v2/a/manifests/" + kDigest, Endpoint::manifest, "a", kDigest},
      {put, "/v2/a/manifests/sha256%3A" + kHex, Endpoint::manifest, "a", kDigest},
      {erase, "/v2/a/manifests/sha256%3a" + kHex, Endpoint::manifest, "a", kDigest},
      {get, "/v2/a/blobs/" + kDigest, Endpoint::blob, "a", kDigest},
      {erase, "/v2/a/blobs/" + kDigest, Endpoint::blob, "a", kDigest},
      {post, "/v2/a/b/blobs/uploads/", Endpoint::start_upload, "a/b", ""},
      {patch, "/v2/a/blobs/uploads/1-2", Endpoint::upload, "a", "1-2"},
      {put, "/v2/a/blobs/uploads/1-2", Endpoint::upload, "a", "1-2"},
      {get, "/v2/a/blobs/uploads/1-2", Endpoint::upload, "a", "1-2"},
      {erase, "/v2/a/blobs/uploads/1-2", Endpoint::upload, "a", "1-2"},
      {get, "/v2/a/referrers/" + kDigest, Endpoint::referrers, "a", kDigest},
      // The registry matches greedily, so the word that counts is the last one.
      {get, "/v2/a/blobs/uploads/manifests/x", Endpoint::manifest, "a/blobs/uploads", "x"},
      {get, "/v2/a/manifests/manifests/x", Endpoint::manifest, "a/manifests", "x"},
      {get, "/v2/a/manifests/b/tags/list", Endpoint::tags, "a/manifests/b", ""},
      {post, "/v2/a/manifests/blobs/uploads/", Endpoint::start_upload, "a/manifests", ""},
      {get, "/v2/a/tags/list/tags/list", Endpoint::tags, "a/tags/list", ""},
      {get, "/v2/a/blobs/blobs/uploads/blobs", Endpoint::upload, "a/blobs", "blobs"},
      {get, "/v2/manifests/manifests/manifests", Endpoint::manifest, "manifests", "manifests"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.path);
    const auto parsed = must_route(row.method, row.path);
    CHECK(parsed.method == row.method);
    CHECK(parsed.endpoint == row.endpoint);
    CHECK(parsed.repository == row.repository);
    CHECK(parsed.tag + parsed.digest + parsed.upload_id == row.reference);
  }
}

TEST_CASE("route: what is refused, and how") {
  struct Row {
    Method method;
    std::string target;
    int status;
    ErrorCode code;
  };
  using enum Method;
  const auto unsupported = ErrorCode::unsupported;
  const auto name = ErrorCode::name_invalid;
  const Row kRows[] = {
      {get, "/", 404, unsupported},
      {get, "/v1/", 404, unsupported},
      {get, "/v2x", 404, unsupported},
      {get, "//v2/", 404, unsupported},
      {get, "/v2/a", 404, unsupported},
      {get, "/v2/a/", 404, unsupported},
      {get, "/v2/_catalog/", 404, unsupported},
      {get, "/v2/_catalogs", 404, unsupported},
      {get, "/v2/a/tags/", 404, unsupported},
      {get, "/v2/a/tags/list/", 404, unsupported},
      {get, "/v2/tags/list", 404, unsupported},
      {get, "/v2/manifests/x", 404, unsupported},
      {get, "/v2/amanifests/x", 404, unsupported},
      {get, "/v2/a/uploads/x", 404, unsupported},
      {get, "/v2/a/manifests/x/y", 404, unsupported},
      {get, "/v2/a/../b/manifests/x", 400, name},
      {get, "/v2/./manifests/x", 400, name},
      {get, "/v2//manifests/x", 404, unsupported},
      {get, "/v2/a//manifests/x", 400, name},
      {get, "/v2//a/manifests/x", 400, name},
      {get, "/v2/A/manifests/x", 400, name},
      {get, "/v2/team%2Fsecret/manifests/x", 400, name},
      {get, "/v2/team%2fsecret/manifests/x", 400, name},
      {get, "/v2/a/%6danifests/x", 400, name},
      {get, "/%762/a/manifests/x", 400, name},
      {get, "/v2/..%2fa/manifests/x", 400, name},
      {get, "/v2/a/manifests/%78", 400, name},
      {get, "/v2/a/manifests/x%3Ay", 400, name},
      {get, "/v2/a%3Ab/manifests/x", 400, name},
      {get, "/v2/a/manifests/sha256%253A" + kHex, 400, name},
      {get, "/v2/a/manifests/sha256%3", 400, name},
      {get, "/v2/sha256%3Aa/manifests/x", 400, name},
      // Nothing can be there. A push or a delete of it is a mistake.
      {get, "/v2/a/manifests/", 404, ErrorCode::manifest_unknown},
      {get, "/v2/a/manifests/.x", 404, ErrorCode::manifest_unknown},
      {head, "/v2/a/manifests/..", 404, ErrorCode::manifest_unknown},
      {get, "/v2/A/manifests/.x", 400, name},
      {put, "/v2/a/manifests/.x", 400, ErrorCode::tag_invalid},
      {erase, "/v2/a/manifests/..", 400, ErrorCode::tag_invalid},
      {get, "/v2/a/manifests/sha256:aa", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/manifests/x:y", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/blobs/latest", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/blobs/", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/blobs/uploads", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/referrers/latest", 400, ErrorCode::digest_invalid},
      {get, "/v2/a/blobs/uploads/..", 400, ErrorCode::blob_upload_invalid},
      {get, "/v2/a/blobs/uploads/" + kDigest, 400, ErrorCode::blob_upload_invalid},
      {get, "/v2/" + std::string(256, 'a') + "/tags/list", 400, name},
      {post, "/v2/", 405, unsupported},
      {erase, "/v2/_catalog", 405, unsupported},
      {put, "/v2/a/tags/list", 405, unsupported},
      {erase, "/v2/a/tags/list", 405, unsupported},
      {post, "/v2/a/manifests/x", 405, unsupported},
      {patch, "/v2/a/manifests/x", 405, unsupported},
      {put, "/v2/a/blobs/" + kDigest, 405, unsupported},
      {get, "/v2/a/blobs/uploads/", 405, unsupported},
      {post, "/v2/a/blobs/uploads/x", 405, unsupported},
      {put, "/v2/a/referrers/" + kDigest, 405, unsupported},
      {get, "/v2/a/tags/list?n=1&n=2", 400, unsupported},
      {get, "/v2/a/tags/list?n=%zz", 400, unsupported},
      {get, "/v2/a/tags/list?n=-1", 400, ErrorCode::pagination_number_invalid},
      {get, "/v2/a/tags/list?n=", 400, ErrorCode::pagination_number_invalid},
      {get, "/v2/a/tags/list?n=1e3", 400, ErrorCode::pagination_number_invalid},
      {get, "/v2/a/tags/list?last=%2e%2e%2fx", 400, name},
      {get, "/v2/_catalog?last=A", 400, name},
      {post, "/v2/a/blobs/uploads/?mount=latest", 400, ErrorCode::digest_invalid},
      {post, "/v2/a/blobs/uploads/?mount=", 400, ErrorCode::digest_invalid},
      {post, "/v2/a/blobs/uploads/?from=A", 400, name},
      {post, "/v2/a/blobs/uploads/?from=", 400, name},
      {post, "/v2/a/blobs/uploads/?from=a&%66rom=b", 400, unsupported},
      {put, "/v2/a/blobs/uploads/x?digest=md5:00", 400, ErrorCode::digest_invalid},
      {put, "/v2/a/blobs/uploads/x?digest=", 400, ErrorCode::digest_invalid},
  };
  for (const auto& row : kRows) {
    CAPTURE(to_string(row.method));
    CAPTURE(row.target);
    const auto parsed = route(row.method, row.target);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().status == row.status);
    CHECK(to_string(parsed.error().code) == to_string(row.code));
    CHECK_FALSE(parsed.error().message.empty());
  }
}

TEST_CASE("route: 405 says which methods there are") {
  CHECK(route(Method::post, "/v2/a/manifests/x").error().allow == "GET, HEAD, PUT, DELETE");
  CHECK(route(Method::get, "/v2/a/blobs/uploads/").error().allow == "POST");
}

TEST_CASE("route: what goes to the registry, rebuilt") {
  struct Row {
    Method method;
    std::string asked;
    std::string forwarded;
  };
  using enum Method;
  const auto encoded = "sha256%3A" + kHex;
  const Row kRows[] = {
      {get, "/v2", "/v2/"},
      {get, "/v2/?x=y", "/v2/"},
      {get, "/v2/_catalog?n=5&last=a%2Fb&x=y", "/v2/_catalog?n=5&last=a%2Fb"},
      {get, "/v2/_catalog?n=99999999999", "/v2/_catalog?n=10000"},
      {get, "/v2/a/tags/list?last=x&n=0", "/v2/a/tags/list?n=0&last=x"},
      {get, "/v2/a/manifests/x?ns=docker.io", "/v2/a/manifests/x"},
      {get, "/v2/a/manifests/" + encoded, "/v2/a/manifests/" + kDigest},
      {get, "/v2/a/blobs/" + kDigest + "?mount=x", "/v2/a/blobs/" + kDigest},
      {post, "/v2/a/blobs/uploads/?from=w%2Fx&mount=" + encoded,
       "/v2/a/blobs/uploads/?mount=" + encoded + "&from=w%2Fx"},
      {post, "/v2/a/blobs/uploads/?digest=" + kDigest, "/v2/a/blobs/uploads/?digest=" + encoded},
      {put, "/v2/a/blobs/uploads/u?digest=" + kDigest + "&_state=a%3D%3D&mount=x&_layergate=t",
       "/v2/a/blobs/uploads/u?_state=a%3D%3D&digest=" + encoded},
      {get, "/v2/a/referrers/" + kDigest + "?artifactType=a/b%2Bc",
       "/v2/a/referrers/" + kDigest + "?artifactType=a%2Fb%2Bc"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.asked);
    const auto first = must_route(row.method, row.asked);
    CHECK(upstream_target(first) == row.forwarded);
    // And it means the same when it is read again.
    CHECK(upstream_target(must_route(row.method, row.forwarded)) == row.forwarded);
  }
}

TEST_CASE("route: an upload's token stays here") {
  const auto parsed = must_route(Method::put, "/v2/a/blobs/uploads/u?_layergate=t&_state=s");
  CHECK(parsed.upload_token == "t");
  CHECK(parsed.upload_state == "s");
  CHECK(upstream_target(parsed).find("layergate") == std::string::npos);
}

TEST_CASE("route: a mount that was taken out is not forwarded") {
  auto parsed = must_route(Method::post, "/v2/a/blobs/uploads/?from=b&mount=" + kDigest);
  CHECK(parsed.mount == kDigest);
  CHECK(parsed.from == "b");
  parsed.mount.clear();
  parsed.from.clear();
  CHECK(upstream_target(parsed) == "/v2/a/blobs/uploads/");
}

TEST_CASE("route: images are named as people name them") {
  CHECK(must_route(Method::get, "/v2/a/manifests/x").image() == "a:x");
  CHECK(must_route(Method::get, "/v2/a/blobs/" + kDigest).image() == "a@" + kDigest);
  CHECK(must_route(Method::get, "/v2/a/tags/list").image() == "a");
}

}  // namespace layergate::proxy

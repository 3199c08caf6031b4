#include "proxy/upstream_request.h"

#include <optional>
#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

// A request as it is when it has been read and routed.
void fill(Request& request, const std::string& line, const std::string& fields) {
  request.text = line + " HTTP/1.1\r\nHost: client.example.com\r\n" + fields + "\r\n";
  auto head = parse_request_head(request.text);
  REQUIRE_MESSAGE(head.has_value(), (head ? std::string() : head.error().what));
  request.head = *std::move(head);
  auto route = parse_route(request.head.method, request.head.path, request.head.query);
  REQUIRE_MESSAGE(route.has_value(), line);
  request.route = *std::move(route);
}

// The fields behind the fixed ones, or "400 CODE".
std::string forwarded(const std::string& line, const std::string& fields) {
  Request request;
  fill(request, line, fields);
  const auto head = upstream_head(request, "registry:5000");
  if (!head) {
    return std::to_string(head.error().status) + " " + std::string(to_string(head.error().code));
  }
  const std::string fixed = "Host: registry:5000\r\nUser-Agent: layergate\r\n";
  const auto at = head->find(fixed);
  REQUIRE(at == head->find("\r\n") + 2);
  REQUIRE(head->ends_with("\r\n\r\n"));
  const auto start = at + fixed.size();
  return head->substr(start, head->size() - start - 2);
}

}  // namespace

TEST_CASE("upstream request: a head is built anew and nothing of the client's is copied") {
  Request request;
  fill(request, "GET /v2/team/a/manifests/x?ns=docker.io",
       "User-Agent: docker\r\n"
       "Authorization: Basic YTpi\r\n"
       "Cookie: a=b\r\n"
       "Accept: a/b\r\n"
       "Accept: c/d;q=0.5, */*\r\n"
       "Accept-Encoding: gzip\r\n"
       "X-Forwarded-For: 10.0.0.1\r\n"
       "X-Forwarded-Host: evil\r\n"
       "Forwarded: host=evil\r\n"
       "Connection: keep-alive, X-Secret\r\n"
       "X-Secret: s\r\n"
       "Upgrade: h2c\r\n"
       "If-None-Match: \"sha256:x\"\r\n"
       "Range: bytes=0-1\r\n");
  const auto head = upstream_head(request, "registry");
  REQUIRE(head.has_value());
  CHECK(*head ==
        "GET /v2/team/a/manifests/x HTTP/1.1\r\n"
        "Host: registry\r\n"
        "User-Agent: layergate\r\n"
        "Accept: application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.oci.image.index.v1+json, "
        "application/vnd.docker.distribution.manifest.v2+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json\r\n"
        "If-None-Match: \"sha256:x\"\r\n"
        "\r\n");
}

TEST_CASE(
    "upstream request: of a manifest the stored form is asked for, whatever the client takes") {
  const auto accept = [](std::optional<oci::MediaType> stored, const std::string& line) {
    Request request;
    fill(request, line, "Accept: */*\r\nAccept: a/b\r\n");
    request.stored = stored;
    const auto head = upstream_head(request, "registry");
    REQUIRE(head.has_value());
    const auto at = head->find("Accept: ");
    REQUIRE(at != std::string::npos);
    // Once.
    CHECK(head->find("Accept: ", at + 1) == std::string::npos);
    return head->substr(at + 8, head->find("\r\n", at) - at - 8);
  };
  const std::string by_tag = "GET /v2/a/manifests/x";
  const auto by_digest = "HEAD /v2/a/manifests/" + kDigest;
  for (const auto type : {oci::MediaType::image, oci::MediaType::index,
                          oci::MediaType::docker_image, oci::MediaType::docker_list}) {
    CHECK(accept(type, by_tag) == oci::to_string(type));
    CHECK(accept(type, by_digest) == oci::to_string(type));
  }
  CHECK(accept(std::nullopt, by_tag) == oci::every_media_type());
  CHECK(accept(std::nullopt, by_digest) == oci::every_media_type());
  // Of all else it is the client's, as one list.
  CHECK(accept(std::nullopt, "GET /v2/a/blobs/" + kDigest) == "*/*, a/b");
}

TEST_CASE("upstream request: fields that are passed on, rebuilt or refused") {
  struct Row {
    std::string line;
    std::string fields;
    std::string forwarded;
  };
  const auto blob = "GET /v2/a/blobs/" + kDigest;
  const std::string upload = "PATCH /v2/a/blobs/uploads/u";
  const std::string octets = "Content-Type: application/octet-stream\r\n";
  const auto forms = "Accept: " + std::string(oci::every_media_type()) + "\r\n";
  const Row kRows[] = {
      {blob, "", ""},
      {blob, "Range: bytes=5-9\r\n", "Range: bytes=5-9\r\n"},
      {blob, "Range: bytes=5-\r\n", "Range: bytes=5-\r\n"},
      {blob, "Range: bytes=-5\r\n", "Range: bytes=-5\r\n"},
      {blob, "Range: bytes=5-9\r\nIf-Range: \"" + kDigest + "\"\r\n", "Range: bytes=5-9\r\n"},
      {blob, "Range: bytes=5-9\r\nIf-Range: \"other\"\r\n", ""},
      {blob, "Range: bytes=5-9\r\nIf-Range: Thu, 26 Nov 2026 00:00:00 GMT\r\n", ""},
      {blob, "Range: bytes=0-1,5-6\r\n", ""},
      {blob, "Range: bytes=-\r\n", ""},
      {blob, "Range: bytes= 1-2\r\n", ""},
      {blob, "Range: lines=1-2\r\n", ""},
      {blob, "Accept: text\r\n", "400 UNSUPPORTED"},
      {blob, "Accept: a/b;x=\"y\"\r\n", "400 UNSUPPORTED"},
      {blob, "If-None-Match: *\r\n", "If-None-Match: *\r\n"},
      {blob, "If-None-Match: \"a\", W/\"b\"\r\n", "If-None-Match: \"a\", W/\"b\"\r\n"},
      {blob, "If-None-Match: <x>\r\n", "400 UNSUPPORTED"},
      {blob, "Accept: a/b\r\nAccept: c/d;q=0.5, */*\r\n", "Accept: a/b, c/d;q=0.5, */*\r\n"},
      {"GET /v2/a/manifests/x", "Accept: text\r\n", "400 UNSUPPORTED"},
      {"DELETE /v2/a/manifests/x", "", forms + "Content-Length: 0\r\n"},
      // A form would be read for mount= and digest= over the query's.
      {"POST /v2/a/blobs/uploads/",
       "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n",
       octets + "Content-Length: 5\r\n"},
      {"POST /v2/a/blobs/uploads/", "Content-Type: multipart/form-data; boundary=\"x\"\r\n",
       octets + "Content-Length: 0\r\n"},
      {upload, "Transfer-Encoding: chunked\r\n", octets + "Transfer-Encoding: chunked\r\n"},
      {upload, "Content-Range: 0-9\r\nContent-Length: 10\r\n",
       octets + "Content-Range: 0-9\r\nContent-Length: 10\r\n"},
      {upload, "Content-Range: bytes 10-19/20\r\nContent-Length: 10\r\n",
       octets + "Content-Range: 10-19\r\nContent-Length: 10\r\n"},
      {upload, "Content-Range: 007-9\r\nContent-Length: 3\r\n",
       octets + "Content-Range: 7-9\r\nContent-Length: 3\r\n"},
      {upload, "Content-Range: 9-0\r\n", "400 UNSUPPORTED"},
      {upload, "Content-Range: 0-\r\n", "400 UNSUPPORTED"},
      {upload, "Content-Range: x\r\n", "400 UNSUPPORTED"},
      {"GET /v2/a/blobs/uploads/u", "Content-Type: x\r\n", ""},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.line);
    CAPTURE(row.fields);
    CHECK(forwarded(row.line, row.fields) == row.forwarded);
  }
}

TEST_CASE("upstream request: a redirected leg asks for the same range and nothing else") {
  Request request;
  fill(request, "GET /v2/a/blobs/" + kDigest,
       "Range: bytes=1-2\r\nAccept: a/b\r\nAuthorization: Basic YTpi\r\n");
  CHECK(redirected_head(request, "/bucket/x?sig=y", "store:9000") ==
        "GET /bucket/x?sig=y HTTP/1.1\r\n"
        "Host: store:9000\r\n"
        "User-Agent: layergate\r\n"
        "Range: bytes=1-2\r\n"
        "\r\n");
}

}  // namespace layergate::proxy

#include "proxy/response.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::proxy {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

// What came from the upstream and what it answers.
class Answered {
 public:
  Answered(std::string upstream, Method method, const std::string& path)
      : text_(std::move(upstream)) {
    auto head = parse_response_head(text_, method);
    REQUIRE_MESSAGE(head.has_value(), (head ? std::string() : head.error()));
    head_ = *std::move(head);
    auto route = parse_route(method, path, "");
    REQUIRE(route.has_value());
    request_.route = *std::move(route);
    request_.head.method = method;
    request_.account = "alice";
  }

  // "(refused)" if the upstream's head may not be passed on.
  [[nodiscard]] std::string forward(bool chunked = false, HeadOptions options = {}) const {
    const auto out = forward_head(head_, request_, token_, chunked, options);
    return out ? *out : "(refused)";
  }

  // The Location alone, "(none)" or "(refused)".
  [[nodiscard]] std::string location() const {
    const auto out = forward();
    const auto at = out.find("Location: ");
    if (out == "(refused)") return out;
    if (at == std::string::npos) return "(none)";
    return out.substr(at + 10, out.find("\r\n", at) - at - 10);
  }

  [[nodiscard]] const UploadToken& token() const { return token_; }
  Request& request() { return request_; }

 private:
  std::string text_;
  ResponseHead head_;
  Request request_;
  UploadToken token_{UploadToken::Key{}};
};

std::string location_of(const std::string& location) {
  return Answered(
             "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nLocation: " + location + "\r\n\r\n",
             Method::post, "/v2/team/a/blobs/uploads/")
      .location();
}

}  // namespace

TEST_CASE("response: only fields that are known are passed on, under their own names") {
  const Answered answered(
      "HTTP/1.1 200 Very OK\r\n"
      "content-type: application/json\r\n"
      "Content-Length: 7\r\n"
      "docker-content-digest: sha256:x\r\n"
      "ETag: \"x\"\r\n"
      "Server: nginx\r\n"
      "Set-Cookie: a=b\r\n"
      "Connection: close\r\n"
      "Keep-Alive: timeout=5\r\n"
      "Upgrade: h2c\r\n"
      "X-Request-Id: theirs\r\n"
      "Www-Authenticate: Basic realm=\"inner\"\r\n"
      "Access-Control-Allow-Origin: *\r\n"
      "Link: </v2/secret/tags/list>; rel=\"next\"\r\n"
      "Docker-Distribution-Api-Version: registry/9\r\n"
      "\r\n",
      Method::get, "/v2/a/manifests/x");
  CHECK(answered.forward(false, {true, "ours"}) ==
        "HTTP/1.1 200 OK\r\n"
        "Docker-Distribution-Api-Version: registry/2.0\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "X-Request-Id: ours\r\n"
        "Content-Type: application/json\r\n"
        "Docker-Content-Digest: sha256:x\r\n"
        "ETag: \"x\"\r\n"
        "Content-Length: 7\r\n"
        "\r\n");
}

TEST_CASE("response: the body's framing is one, and ours") {
  const Answered length("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Method::get,
                        "/v2/a/manifests/x");
  CHECK(length.forward().find("Content-Length: 7\r\n") != std::string::npos);
  CHECK(length.forward().find("Transfer-Encoding") == std::string::npos);

  const Answered chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::get,
                         "/v2/a/manifests/x");
  CHECK(chunked.forward(true).find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(chunked.forward(true).find("Content-Length") == std::string::npos);
  // To HTTP/1.0 the end of the connection is the end of the body.
  CHECK(chunked.forward(false).find("Transfer-Encoding") == std::string::npos);
  CHECK(chunked.forward(false).find("Content-Length") == std::string::npos);

  const Answered head("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", Method::head,
                      "/v2/a/manifests/x");
  CHECK(head.forward().find("Content-Length: 7\r\n") != std::string::npos);
  const Answered bare_head("HTTP/1.1 200 OK\r\n\r\n", Method::head, "/v2/a/manifests/x");
  CHECK(bare_head.forward().find("Content-Length") == std::string::npos);
  const Answered no_content("HTTP/1.1 204 x\r\n\r\n", Method::erase, "/v2/a/blobs/uploads/u");
  CHECK(no_content.forward().find("Content-Length") == std::string::npos);
  const Answered empty("HTTP/1.1 202 x\r\nContent-Length: 0\r\n\r\n", Method::erase,
                       "/v2/a/manifests/x");
  CHECK(empty.forward().find("Content-Length: 0\r\n") != std::string::npos);
}

TEST_CASE("response: a connection that is closed says so") {
  const Answered answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::get, "/v2/");
  CHECK(answered.forward(false, {false, ""}).find("Connection: close\r\n") != std::string::npos);
  CHECK(answered.forward().find("Connection") == std::string::npos);
}

TEST_CASE("response: a Location is relative, and an upload's is signed for who opened it") {
  const UploadToken token{UploadToken::Key{}};
  const auto signature = token.sign("alice", "team/a", "u-1", 0);
  const std::string path = "/v2/team/a/blobs/uploads/u-1";
  const auto with_state = path + "?_state=s%3D&_layergate=" + signature;
  for (const std::string base :
       {"", "http://127.0.0.1:5001", "https://registry.example.com", "//registry"}) {
    CAPTURE(base);
    CHECK(location_of(base + path + "?_state=s%3D") == with_state);
    CHECK(location_of(base + path) == path + "?_layergate=" + signature);
    CHECK(location_of(base + "/v2/team/a/blobs/" + kDigest) == "/v2/team/a/blobs/" + kDigest);
    CHECK(location_of(base + "/v2/team/a/manifests/" + kDigest) ==
          "/v2/team/a/manifests/" + kDigest);
  }
  // What the registry says of the token or the digest is not repeated.
  CHECK(location_of(path + "?_layergate=forged&digest=sha256%3A" + kHex) ==
        path + "?_layergate=" + signature);
}

TEST_CASE("response: the token of an upload tells how much of it the registry has") {
  const UploadToken token{UploadToken::Key{}};
  const std::string path = "/v2/team/a/blobs/uploads/u-1";
  const auto received = [&](Method method, const std::string& fields, const std::string& before,
                            std::uint64_t sent) {
    Answered answered("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nLocation: " + path + "\r\n" +
                          fields + "\r\n",
                      method, path);
    answered.request().route.upload_token = before;
    answered.request().record.bytes_in = sent;
    const auto location = answered.location();
    const auto signature = location.substr(location.find("_layergate=") + 11);
    CHECK(token.verify(signature, "alice", "team/a", "u-1"));
    const auto bytes = UploadToken::received_of(signature);
    return bytes ? std::to_string(*bytes) : "not known";
  };
  const auto at_ten = token.sign("alice", "team/a", "u-1", 10);
  const auto unknown = token.sign("alice", "team/a", "u-1");
  // What was there and what was sent; the registry's own figure only where that is not known.
  CHECK(received(Method::patch, "", at_ten, 5) == "15");
  CHECK(received(Method::patch, "Range: 0-99\r\n", at_ten, 0) == "10");
  CHECK(received(Method::patch, "Range: 0-99\r\n", unknown, 5) == "100");
  CHECK(received(Method::patch, "Range: bytes=0-99\r\n", unknown, 5) == "100");
  CHECK(received(Method::patch, "", unknown, 5) == "not known");
  CHECK(received(Method::get, "Range: 0-99\r\n", at_ten, 0) == "100");
  // "0-0" is one byte or, with registry 2.8, none.
  CHECK(received(Method::get, "Range: 0-0\r\n", at_ten, 0) == "not known");
  CHECK(received(Method::get, "Range: x\r\n", at_ten, 0) == "not known");
}

TEST_CASE("response: a Location that leads elsewhere is refused") {
  const std::string kBad[] = {
      "",
      "http://storage.example.com",
      "http://storage.example.com/bucket/blob",
      "/v2/",
      "/v2/_catalog",
      "/v2/team/b/blobs/uploads/u",
      "/v2/team/b/blobs/" + kDigest,
      "/v2/team/a/blobs/uploads/",
      "/v2/team/a/tags/list",
      "/v2/team/a/../b/blobs/uploads/u",
      "/v2/team%2Fa/blobs/uploads/u",
      "/v2/team/a/blobs/uploads/u?_state=%zz",
      "/v2/team/a/blobs/uploads/u?_state=a&_state=b",
      "blobs/uploads/u",
      "ftp://registry/v2/team/a/blobs/uploads/u",
      "javascript:/v2/team/a/blobs/uploads/u",
  };
  for (const auto& location : kBad) {
    CAPTURE(location);
    CHECK(location_of(location) == "(refused)");
  }
}

TEST_CASE("response: an answer of ours, with its body and without") {
  Response response;
  response.status = 201;
  response.fields.emplace_back("A", "b");
  response.body = "{}\n";
  const std::string head =
      "HTTP/1.1 201 Created\r\n"
      "Docker-Distribution-Api-Version: registry/2.0\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "X-Request-Id: t\r\n"
      "Connection: close\r\n"
      "A: b\r\n"
      "Content-Type: application/json\r\n"
      "Content-Length: 3\r\n"
      "\r\n";
  CHECK(serialize(response, false, {false, "t"}) == head + "{}\n");
  CHECK(serialize(response, true, {false, "t"}) == head);
}

TEST_CASE("response: refusals say what their status asks for") {
  const auto field = [](const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.fields) {
      if (key == name) return value;
    }
    return std::string("(none)");
  };
  const auto unauthorized =
      to_response({401, ErrorCode::unauthorized, "log in", "", 0}, "Layergate");
  CHECK(field(unauthorized, "WWW-Authenticate") == "Basic realm=\"Layergate\"");
  CHECK(unauthorized.body == "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"log in\"}]}\n");
  const auto denied = to_response({403, ErrorCode::denied, "no", "", 0}, "Layergate");
  CHECK(denied.fields.empty());
  const auto method = to_response({405, ErrorCode::unsupported, "no", "GET, PUT", 0}, "r");
  CHECK(field(method, "Allow") == "GET, PUT");
  const auto busy = to_response({503, ErrorCode::unavailable, "busy", "", 5}, "r");
  CHECK(field(busy, "Retry-After") == "5");
}

TEST_CASE("response: an error is JSON, whatever a client made up") {
  const std::string odd = "a\"b\\c\n\xff\xc3\xa4";
  CHECK(to_json({400, ErrorCode::name_invalid, odd, "", 0}) ==
        "{\"errors\":[{\"code\":\"NAME_INVALID\",\"message\":"
        "\"a\\\"b\\\\c\\n\xef\xbf\xbd\xc3\xa4\"}]}\n");
}

}  // namespace layergate::proxy

#include "proxy/manifest_answer.h"

#include <doctest/doctest.h>

namespace layergate::proxy {

TEST_CASE("manifest answer: which entity tags name a digest") {
  const std::string digest = "sha256:ab";
  for (const auto* text : {"sha256:ab", "\"sha256:ab\"", "W/\"sha256:ab\"", "*", " \"sha256:ab\" ",
                           "\"x\", \"sha256:ab\"", "\"x\",,\"sha256:ab\",\"y\""}) {
    CAPTURE(text);
    CHECK(names_digest(text, digest));
  }
  for (const auto* text : {"", ",", "\"\"", "\"sha256:a\"", "sha256:abc", "\"sha256:ab", "**"}) {
    CAPTURE(text);
    CHECK_FALSE(names_digest(text, digest));
  }
}

TEST_CASE("manifest answer: whole, or not modified") {
  const auto whole =
      serialize(manifest_answer("sha256:ab", oci::MediaType::image, "{}", ""), false, {});
  CHECK(whole.starts_with("HTTP/1.1 200 OK\r\n"));
  for (const auto* field :
       {"Docker-Content-Digest: sha256:ab\r\n", "ETag: \"sha256:ab\"\r\n", "Content-Length: 2\r\n",
        "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"}) {
    CAPTURE(field);
    CHECK(whole.find(field) != std::string::npos);
  }
  CHECK(whole.ends_with("\r\n\r\n{}"));
  const auto same = serialize(
      manifest_answer("sha256:ab", oci::MediaType::image, "{}", "\"sha256:ab\""), false, {});
  CHECK(same.starts_with("HTTP/1.1 304 "));
  CHECK(same.find("Content-Length") == std::string::npos);
  CHECK(same.find("\r\nContent-Type") == std::string::npos);
  CHECK(same.ends_with("\r\n\r\n"));
}

}  // namespace layergate::proxy

#include "oci/manifest.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "oci/digest.h"
#include "oci/reference.h"

namespace layergate::oci {
namespace {

const std::string kImage = "application/vnd.oci.image.manifest.v1+json";
const std::string kIndex = "application/vnd.oci.image.index.v1+json";
const std::string kDockerImage = "application/vnd.docker.distribution.manifest.v2+json";
const std::string kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');
const std::string kC = "sha256:" + std::string(64, 'c');
const std::string kLong = "sha512:" + std::string(128, 'd');

// {"mediaType":"x/y","digest":…,"size":1 and what else is said}
std::string descriptor(const std::string& digest, const std::string& more = "") {
  return R"({"mediaType":"x/y","size":1,"digest":")" + digest + "\"" + more + "}";
}

std::string image(const std::string& more = "") {
  return R"({"schemaVersion":2,"config":)" + descriptor(kA) + R"(,"layers":[)" + descriptor(kB) +
         "," + descriptor(kC) + "]" + more + "}";
}

std::string index(const std::string& more = "") {
  return R"({"schemaVersion":2,"manifests":[)" + descriptor(kA) + "," + descriptor(kB) + "]" +
         more + "}";
}

std::string digests(const std::vector<Descriptor>& descriptors) {
  std::string text;
  for (const auto& each : descriptors) {
    text += (text.empty() ? "" : " ") + each.digest.substr(7, 1) + (each.has_urls ? "+urls" : "");
  }
  return text;
}

Manifest must_parse(const std::string& type, const std::string& text) {
  const auto manifest = parse_manifest(type, text);
  REQUIRE_MESSAGE(manifest.has_value(), (manifest ? "" : manifest.error()) << " in " << text);
  return *manifest;
}

// The error, or "" if it parses.
std::string error_of(const std::string& type, const std::string& text) {
  const auto manifest = parse_manifest(type, text);
  return manifest ? "" : manifest.error();
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// With so many layers.
std::string long_image(std::size_t layers) {
  return R"({"schemaVersion":2,"config":{"digest":")" + kA + R"("},"layers":[)" +
         repeat("{\"digest\":\"" + kB + "\"},", layers - 1) + "{\"digest\":\"" + kB + "\"}]}";
}

}  // namespace

TEST_CASE("manifest: the four media types, each with its parameters") {
  struct Row {
    std::string text;
    MediaType type;
  };
  const Row kRows[] = {
      {kImage, MediaType::image},
      {kIndex, MediaType::index},
      {kDockerImage, MediaType::docker_image},
      {kDockerList, MediaType::docker_list},
      {kImage + "; charset=utf-8", MediaType::image},
      {kImage + " ;charset=utf-8", MediaType::image},
      {kDockerList + ";", MediaType::docker_list},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    CHECK(parse_media_type(row.text) == row.type);
    CHECK(row.text.starts_with(to_string(row.type)));
    CHECK(every_media_type().find(to_string(row.type)) != std::string_view::npos);
  }
  for (const std::string other :
       {"", "application/json", "application/vnd.oci.image.manifest.v1", "*/*", "application/*",
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.oci.artifact.manifest.v1+json", "; charset=utf-8",
        "APPLICATION/VND.OCI.IMAGE.INDEX.V1+JSON"}) {
    CAPTURE(other);
    CHECK_FALSE(parse_media_type(other).has_value());
  }
  CHECK(is_index(MediaType::index));
  CHECK(is_index(MediaType::docker_list));
  CHECK_FALSE(is_index(MediaType::image));
  CHECK_FALSE(is_index(MediaType::docker_image));
}

TEST_CASE("manifest: an image names its config and layers, an index its manifests") {
  for (const auto& type : {kImage, kDockerImage}) {
    const auto manifest = must_parse(type, image(R"(,"mediaType":")" + type + "\""));
    CHECK(to_string(manifest.type) == type);
    CHECK(digests(manifest.blobs) == "a b c");
    CHECK(manifest.manifests.empty());
  }
  for (const auto& type : {kIndex, kDockerList}) {
    const auto manifest = must_parse(type, index(R"(,"mediaType":")" + type + "\""));
    CHECK(to_string(manifest.type) == type);
    CHECK(digests(manifest.manifests) == "a b");
    CHECK(manifest.blobs.empty());
  }
}

TEST_CASE("manifest: what is taken") {
  struct Row {
    std::string type;
    std::string text;
    std::string blobs;
    std::string manifests;
  };
  const auto config = R"({"schemaVersion":2,"config":)" + descriptor(kA);
  const Row kRows[] = {
      {kImage, image(), "a b c", ""},
      {kImage + "; charset=utf-8", image(), "a b c", ""},
      {kIndex, index(), "", "a b"},
      // An artifact may have no layers.
      {kImage, config + "}", "a", ""},
      {kImage, config + R"(,"layers":[]})", "a", ""},
      {kImage, config + R"(,"layers":null})", "a", ""},
      {kIndex, R"({"schemaVersion":2,"manifests":[]})", "", ""},
      {kIndex, R"({"schemaVersion":2})", "", ""},
      // Nothing is nothing.
      {kImage, image(R"(,"manifests":null,"subject":null,"annotations":null)"), "a b c", ""},
      {kIndex, index(R"(,"config":null,"layers":null)"), "", "a b"},
      // What lies elsewhere is named all the same.
      {kImage,
       config + R"(,"layers":[)" + descriptor(kB, R"(,"urls":["https://example.com/x"])") + "]}",
       "a b+urls", ""},
      {kImage, config + R"(,"layers":[)" + descriptor(kB, R"(,"urls":[])") + "]}", "a b+urls", ""},
      {kImage, config + R"(,"layers":[)" + descriptor(kLong) + "]}", "a d", ""},
      {kImage, config + R"(,"layers":[)" + descriptor(kB) + "," + descriptor(kB) + "]}", "a b b",
       ""},
      // Of what the document says of types only its own counts: nothing is followed by the rest.
      {kImage, config + R"(,"layers":[{"mediaType":")" + kIndex + R"(","digest":")" + kB + "\"}]}",
       "a b", ""},
      // Other keys mean nothing, wherever they stand.
      {kImage, image(R"(,"manifest":[1],"x":{"digest":"y","layers":[{}]},"":0)"), "a b c", ""},
      {kIndex, index(R"(,"data":"aGVsbG8=")"), "", "a b"},
      {kIndex,
       R"({"schemaVersion":2,"manifests":[)" +
           descriptor(kA, R"(,"platform":{"architecture":"arm64","os":"linux","variant":"v8"})") +
           "]}",
       "", "a"},
      {kImage, " \n\t" + image() + "\r\n", "a b c", ""},
      {kImage, image(R"(,"annotations":{"a":"\u00e4 \ud83d\ude00"})"), "a b c", ""},
      // The same key in two objects is no key twice.
      {kImage, image(R"(,"annotations":{"x":"1","y":"2"},"z":{"x":"1"})"), "a b c", ""},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.type);
    CAPTURE(row.text);
    const auto manifest = must_parse(row.type, row.text);
    CHECK(digests(manifest.blobs) == row.blobs);
    CHECK(digests(manifest.manifests) == row.manifests);
    CHECK(manifest.subject.empty());
  }
}

TEST_CASE("manifest: what is refused, and what the client is told") {
  struct Row {
    std::string type;
    std::string text;
    std::string error;  // a part of it
  };
  const auto config = R"({"schemaVersion":2,"config":)" + descriptor(kA);
  const auto with_layer = [&](const std::string& layer) {
    return config + R"(,"layers":[)" + layer + "]}";
  };
  const auto with_digest = [&](const std::string& digest) {
    return with_layer("{\"digest\":\"" + digest + "\"}");
  };
  const std::string kind = "the Content-Type must be";
  const std::string json = "not a JSON object";
  const std::string twice = "holds the same key twice";
  const std::string letters = "holds a known key in other letters";
  const std::string same = "mediaType in the manifest and Content-Type must be the same";
  const std::string digest = "has no digest of sha256: or sha512:";
  const Row kRows[] = {
      // The Content-Type says how a document is read; what is not understood may name anything.
      {"", image(), kind},
      {"application/json", image(), kind},
      {"application/vnd.oci.artifact.manifest.v1+json", image(), kind},
      {kImage + "x", image(), kind},
      {"application/vnd.docker.distribution.manifest.v1+json", image(), "schema 1"},
      {"application/vnd.docker.distribution.manifest.v1+prettyjws", image(), "schema 1"},
      {kImage, R"({"schemaVersion":1,"name":"x","fsLayers":[]})", "schemaVersion must be 2"},
      {kImage, "{}", "schemaVersion must be 2"},
      {kImage, R"({"schemaVersion":"2"})", "schemaVersion must be 2"},
      {kImage, R"({"schemaVersion":2.0})", "schemaVersion must be 2"},
      {kImage, R"({"schemaVersion":18446744073709551618})", "schemaVersion must be 2"},
      // Two readers must not take it for two things.
      {kImage, image(R"(,"mediaType":")" + kIndex + "\""), same},
      {kImage, image(R"(,"mediaType":")" + kDockerImage + "\""), same},
      {kIndex, index(R"(,"mediaType":")" + kImage + "\""), same},
      {kImage, image(R"(,"mediaType":"x/y")"), same},
      {kImage, image(R"(,"mediaType":null)"), "mediaType must be a string"},
      {kImage, image(R"(,"mediaType":["x"])"), "mediaType must be a string"},
      // CVE-2021-41190: image and index at once.
      {kImage, image(R"(,"manifests":[])"), "an image manifest must hold config and layers"},
      {kImage, image(R"(,"manifests":[)" + descriptor(kA) + "]"), "an image manifest must hold"},
      {kImage, image(R"(,"blobs":[])"), "an image manifest must hold"},
      {kIndex, index(R"(,"layers":[])"), "an index must hold manifests"},
      {kIndex, index(R"(,"config":{})"), "an index must hold manifests"},
      {kIndex, index(R"(,"blobs":[{}])"), "an index must hold manifests"},
      // Keys of which another reader might take the other one.
      {kImage, image(R"(,"layers":[])"), twice},
      {kImage, image(R"(,"\u006cayers":[])"), twice},
      {kImage, image(R"(,"annotations":{"a":"1","a":"1"})"), twice},
      {kImage, with_layer(R"({"digest":")" + kB + R"(","digest":")" + kC + "\"}"), twice},
      {kImage, image(R"(,"x":[[{"a":0,"a":0}]])"), twice},
      {kImage, image(R"(,"Layers":[])"), letters},
      {kImage, image(R"(,"LAYERS":[])"), letters},
      {kImage, image(R"(,"\u004cayers":[])"), letters},
      {kImage, image(R"(,"Subject":{})"), letters},
      {kImage, image(R"(,"SchemaVersion":2)"), letters},
      {kImage, image(R"(,"mediatype":"x")"), letters},
      {kImage, image(R"(,"Manifests":[])"), letters},
      {kImage, image(R"(,"artifacttype":"x")"), letters},
      {kIndex, index(R"(,"Config":{})"), letters},
      {kImage, with_layer(R"({"Digest":")" + kB + R"(","digest":")" + kC + "\"}"), letters},
      {kImage, with_layer(R"({"URLs":[],"digest":")" + kC + "\"}"), letters},
      // What it names.
      {kImage, R"({"schemaVersion":2,"layers":[]})", "has no config"},
      {kImage, R"({"schemaVersion":2,"config":null,"layers":[]})", "config must hold descriptors"},
      {kImage, R"({"schemaVersion":2,"config":[]})", "config must hold descriptors"},
      {kImage, R"({"schemaVersion":2,"config":{}})", digest},
      {kImage, config + R"(,"layers":{}})", "layers must be a list"},
      {kImage, config + R"(,"layers":"x"})", "layers must be a list"},
      {kIndex, R"({"schemaVersion":2,"manifests":{}})", "manifests must be a list"},
      {kImage, with_layer("\"x\""), "layers must hold descriptors"},
      {kImage, with_layer("null"), "layers must hold descriptors"},
      {kImage, with_layer("{}"), digest},
      {kImage, with_layer(R"({"digest":5})"), digest},
      {kImage, with_layer(R"({"digest":null})"), digest},
      {kImage, with_digest(""), digest},
      {kImage, with_digest("sha256:"), digest},
      {kImage, with_digest(kA.substr(0, 70)), digest},
      {kImage, with_digest(kA + "a"), digest},
      {kImage, with_digest("sha256:" + std::string(64, 'A')), digest},
      {kImage, with_digest("sha256:" + std::string(64, 'g')), digest},
      {kImage, with_digest("sha384:" + std::string(96, 'a')), digest},
      {kImage, with_digest("md5:" + std::string(32, 'a')), digest},
      {kImage, with_digest(kA + "\\u0000"), digest},
      {kIndex, R"({"schemaVersion":2,"manifests":[{"digest":"latest"}]})", digest},
      {kImage, image(R"(,"subject":{})"), digest},
      {kImage, image(R"(,"subject":{"digest":"x"})"), digest},
      {kImage, image(R"(,"subject":[])"), "subject must hold descriptors"},
      {kImage, image(R"(,"subject":")" + kA + "\""), "subject must hold descriptors"},
      {kImage, image(R"(,"artifactType":5)"), "artifactType must be a string"},
      {kImage, image(R"(,"annotations":[])"), "annotations must be an object"},
      {kImage, image(R"(,"annotations":"x")"), "annotations must be an object"},
      // No JSON, or more than one.
      {kImage, "", json},
      {kImage, "null", json},
      {kImage, "[]", json},
      {kImage, "\"x\"", json},
      {kImage, "[" + image() + "]", json},
      {kImage, image() + image(), json},
      {kImage, image() + "x", json},
      {kImage, image() + std::string(1, '\0'), json},
      {kImage, image() + std::string(1, '\0') + index(), json},
      {kImage, image().substr(1), json},
      {kImage, image(",\"x\":NaN"), json},
      {kImage, image(",\"x\":01"), json},
      {kImage, image(",\"x\":[1,]"), json},
      {kImage, image(",\"x\":'y'"), json},
      {kImage, image(",\"x\":\"a\nb\""), json},
      {kImage, image() + "// x", json},
      // No UTF-8: the registry would read another text than stands there.
      {kImage, image(",\"x\":\"\xff\""), json},
      {kImage, image(",\"\xff\":0"), json},
      {kImage, image(",\"x\":\"\xc0\xaf\""), json},
      {kImage, image(",\"x\":\"\xed\xa0\x80\""), json},
      {kImage, image(",\"x\":\"a\xc3\""), json},
      {kImage, image(R"(,"x":"\ud800")"), json},
      {kImage, "\xff\xfe" + image(), json},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.type);
    CAPTURE(row.text);
    const auto error = error_of(row.type, row.text);
    CAPTURE(error);
    CHECK_MESSAGE(error.find(row.error) != std::string::npos, "wanted: ", row.error);
  }
}

// Go's encoding/json, the registry's parser, also takes U+017F for an s and U+212A for a k (it
// folds as Unicode does): the registry would check, and clients would pull, other layers than we
// read.
TEST_CASE("manifest: a known key with a letter that Go takes for an s or a k is refused") {
  const std::string long_s = "\xc5\xbf";
  for (const auto& text : {
           image(",\"layer" + long_s + "\":[" + descriptor(kLong) + "]"),
           image(",\"LAYER" + long_s + "\":[" + descriptor(kLong) + "]"),
           image(R"(,"layer\u017f":[)" + descriptor(kLong) + "]"),
           image(",\"manife" + long_s + "t" + long_s + "\":[]"),
           image(",\"" + long_s + "ubject\":{}"),
           image(",\"" + long_s + "chemaVersion\":1"),
           R"({"schemaVersion":2,"config":)" + descriptor(kA, ",\"dige" + long_s + "t\":\"x\"") +
               "}",
       }) {
    CAPTURE(text);
    CHECK(error_of(kImage, text).find("holds a known key in other letters") != std::string::npos);
  }
}

TEST_CASE("manifest: descriptors are capped, in each list") {
  const auto refusal = "more than " + std::to_string(kMostDescriptors) + " descriptors";
  CHECK(must_parse(kImage, long_image(kMostDescriptors)).blobs.size() == kMostDescriptors + 1);
  CHECK(error_of(kImage, long_image(kMostDescriptors + 1)).find(refusal) != std::string::npos);
  const auto list = [](std::size_t children) {
    return R"({"schemaVersion":2,"manifests":[)" +
           repeat("{\"digest\":\"" + kA + "\"},", children - 1) + "{\"digest\":\"" + kB + "\"}]}";
  };
  CHECK(must_parse(kIndex, list(kMostDescriptors)).manifests.size() == kMostDescriptors);
  CHECK(error_of(kIndex, list(kMostDescriptors + 1)).find(refusal) != std::string::npos);
}

TEST_CASE("manifest: so are all values together, of whatever kind they are") {
  for (const std::string value : {"0", "-1", "1.5", "null", "true", "\"\"", "[]", "{}"}) {
    CAPTURE(value);
    const auto with = [&](std::size_t count) {
      return image(",\"x\":[" + repeat(value + ",", count) + value + "]");
    };
    CHECK(error_of(kImage, with(90'000)).empty());
    CHECK(error_of(kImage, with(100'000)).find("holds more than 100,000 values") !=
          std::string::npos);
  }
  std::string keys;
  for (int i = 0; i < 60'000; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  CHECK(error_of(kImage, image(keys)).find("holds more than 100,000 values") != std::string::npos);
}

TEST_CASE("manifest: 4 MiB are taken, and a byte more is not") {
  const auto text = image();
  const auto blanks = std::string(kLargestManifest - text.size(), ' ');
  CHECK(error_of(kImage, text + blanks).empty());
  CHECK(error_of(kImage, text + blanks + " ").find("4 MiB at most") != std::string::npos);
}

TEST_CASE("manifest: nesting is capped, however deep it goes") {
  const auto nested = [](const std::string& open, const std::string& close, std::size_t levels) {
    return image(",\"x\":" + repeat(open, levels) + "0" + repeat(close, levels));
  };
  CHECK(error_of(kImage, nested("[", "]", 20)).empty());
  CHECK(error_of(kImage, nested("{\"a\":", "}", 20)).empty());
  for (const std::size_t levels : {100U, 10'000U, 500'000U}) {
    CAPTURE(levels);
    CHECK(error_of(kImage, nested("[", "]", levels)).find("nested too deeply") !=
          std::string::npos);
    CHECK(error_of(kImage, nested("{\"a\":", "}", levels)).find("nested too deeply") !=
          std::string::npos);
  }
  // Not even closed.
  CHECK_FALSE(error_of(kImage, std::string(kLargestManifest, '[')).empty());
  CHECK_FALSE(error_of(kImage, repeat("{\"a\":", kLargestManifest / 5)).empty());
}

// A push is read on a loop that serves others: 4 MiB of "{}," once took many minutes.
TEST_CASE("manifest: the values of one are counted") {
  const auto objects = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "{},";
    return image(",\"x\":[" + text + "{}]");
  };
  CHECK(error_of(kImage, objects(90'000)).empty());
  CHECK(error_of(kImage, objects(110'000)).find("more than 100,000 values") != std::string::npos);
}

TEST_CASE("manifest: a subject is a digest and nothing more") {
  const auto subject = R"(,"subject":)" + descriptor(kLong, R"(,"urls":["https://x"])");
  for (const auto& type : {kImage, kDockerImage}) {
    const auto manifest = must_parse(type, image(subject));
    CHECK(manifest.subject == kLong);
    CHECK(digests(manifest.blobs) == "a b c");
  }
  const auto manifest = must_parse(kIndex, index(subject));
  CHECK(manifest.subject == kLong);
  CHECK(digests(manifest.manifests) == "a b");
}

TEST_CASE("manifest: the artifactType is its own, or an image's config's media type") {
  struct Row {
    std::string type;
    std::string text;
    std::string artifact_type;
  };
  const auto with_config_type = [](const std::string& type) {
    return R"({"schemaVersion":2,"config":{"mediaType":)" + type + R"(,"digest":")" + kA + "\"}}";
  };
  const Row kRows[] = {
      {kImage, image(R"(,"artifactType":"application/x")"), "application/x"},
      {kImage, image(), "x/y"},
      {kImage, image(R"(,"artifactType":"")"), "x/y"},
      {kDockerImage, image(), "x/y"},
      {kIndex, index(), ""},
      {kIndex, index(R"(,"artifactType":"application/x")"), "application/x"},
      {kImage, R"({"schemaVersion":2,"config":{"digest":")" + kA + "\"}}", ""},
      {kImage, with_config_type("5"), ""},
      {kImage, with_config_type("\"application/vnd.oci.empty.v1+json\""),
       "application/vnd.oci.empty.v1+json"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    CHECK(must_parse(row.type, row.text).artifact_type == row.artifact_type);
  }
}

TEST_CASE("manifest: annotations are kept as JSON of their own") {
  CHECK(must_parse(kImage, image()).annotations.empty());
  CHECK(must_parse(kImage, image(R"(,"annotations":{})")).annotations == "{}");
  CHECK(must_parse(kIndex, index(R"(,"annotations": { "a" : "b\"\n\u00e4" } )")).annotations ==
        "{\"a\":\"b\\\"\\n\xc3\xa4\"}");
}

TEST_CASE("manifest: a text that is a manifest in two forms is one in that of its Content-Type") {
  // Without a mediaType of its own. The digest is the same, so the form must say what it names.
  CHECK(error_of(kImage, index()).find("an image manifest must hold") != std::string::npos);
  CHECK(error_of(kIndex, image()).find("an index must hold") != std::string::npos);
  CHECK(must_parse(kImage, image()).type == MediaType::image);
  CHECK(must_parse(kDockerImage, image()).type == MediaType::docker_image);
}

}  // namespace layergate::oci

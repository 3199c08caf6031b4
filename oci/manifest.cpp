#include "oci/manifest.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/reference.h"

namespace layergate::oci {
namespace {

using nlohmann::json;
using Wrong = tl::unexpected<std::string>;

constexpr std::array<std::string_view, 4> kMediaTypes{
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
};
constexpr std::size_t kMostValues = 100'000;  // keys too
constexpr int kDeepest = 32;  // levels of nesting; annotations and platforms need four

// The keys that mean something, in the documents and in their descriptors.
constexpr std::array<std::string_view, 12> kKeys{
    "schemaVersion", "mediaType", "artifactType", "config",      "layers", "manifests",
    "subject",       "blobs",     "digest",       "annotations", "size",   "urls"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// Whether the registry's parser, which takes keys without regard to case, would take it for one of
// kKeys. In Unicode U+017F is a small s and U+212A a large K.
bool is_variant(std::string_view key) {
  if (key.find("\xc5\xbf") != std::string_view::npos ||
      key.find("\xe2\x84\xaa") != std::string_view::npos) {
    return true;
  }
  if (std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end()) return false;
  static const auto kSmall = [] {
    std::array<std::string, kKeys.size()> all;
    std::transform(kKeys.begin(), kKeys.end(), all.begin(), lower);
    return all;
  }();
  return std::find(kSmall.begin(), kSmall.end(), lower(key)) != kSmall.end();
}

// Reads the document once to see whether it may be built: each client can send four megabytes.
class Inspector final : public nlohmann::json_sax<json> {
 public:
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  bool null() override { return count(); }
  bool boolean(bool /*value*/) override { return count(); }
  bool number_integer(number_integer_t /*value*/) override { return count(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return count(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return count(); }
  bool string(string_t& /*value*/) override { return count(); }
  bool binary(binary_t& /*value*/) override { return count(); }
  bool start_object(std::size_t /*elements*/) override {
    keys_.emplace_back();
    is_free_.push_back(std::exchange(next_is_free_, false));
    return count() && deepen();
  }
  bool end_object() override {
    keys_.pop_back();
    is_free_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t /*elements*/) override { return count() && deepen(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& key) override {
    if (!keys_.back().insert(key).second) return refuse("holds the same key twice");
    if (!is_free_.back() && is_variant(key)) return refuse("holds a known key in other letters");
    next_is_free_ = key == "annotations";
    return count();
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  bool refuse(const char* what) {
    wrong_ = what;
    return false;
  }
  bool count() { return ++values_ <= kMostValues || refuse("holds more than 100,000 values"); }
  bool deepen() { return ++depth_ <= kDeepest || refuse("is nested too deeply"); }

  std::vector<std::set<std::string>> keys_;
  std::vector<bool> is_free_;  // objects whose keys anybody may choose: annotations
  bool next_is_free_ = false;
  std::size_t values_ = 0;
  int depth_ = 0;
  std::string wrong_;
};

tl::expected<json, std::string> read_json(std::string_view text) {
  // The parser would take it for the end.
  if (text.find('\0') != std::string_view::npos) return Wrong("the manifest is not a JSON object");
  Inspector inspector;
  const bool is_json = json::sax_parse(text, &inspector);
  if (!inspector.wrong().empty()) return Wrong("the manifest " + inspector.wrong());
  auto tree = is_json ? json::parse(text, nullptr, false) : json();
  if (!tree.is_object()) return Wrong("the manifest is not a JSON object");
  return tree;
}

// A member that must be a string if it is there.
tl::expected<std::string, std::string> text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  if (!found->is_string()) return Wrong(std::string(key) + " must be a string");
  return found->get<std::string>();
}

tl::expected<Descriptor, std::string> read_descriptor(const json& value, const char* where) {
  if (!value.is_object()) return Wrong(std::string(where) + " must hold descriptors");
  const auto digest = text_of(value, "digest");
  if (!digest || !is_digest(*digest)) {
    return Wrong(std::string("a descriptor in ") + where +
                 " has no digest of sha256: or sha512: and its hexadecimal digits");
  }
  return Descriptor{*digest, value.contains("urls")};
}

tl::expected<void, std::string> read_list(const json& tree, const char* key,
                                          std::vector<Descriptor>& out) {
  const auto found = tree.find(key);
  if (found == tree.end() || found->is_null()) return {};
  if (!found->is_array()) return Wrong(std::string(key) + " must be a list");
  if (found->size() > kMostDescriptors) {
    return Wrong(std::string(key) + " holds more than " + std::to_string(kMostDescriptors) +
                 " descriptors");
  }
  for (const auto& entry : *found) {
    auto descriptor = read_descriptor(entry, key);
    if (!descriptor) return Wrong(descriptor.error());
    out.push_back(*std::move(descriptor));
  }
  return {};
}

bool holds(const json& tree, const char* key) {
  const auto found = tree.find(key);
  return found != tree.end() && !found->is_null();
}

tl::expected<void, std::string> read_contents(const json& tree, Manifest& manifest) {
  if (is_index(manifest.type)) {
    if (holds(tree, "layers") || holds(tree, "config") || holds(tree, "blobs")) {
      return Wrong("an index must hold manifests, and neither config nor layers");
    }
    return read_list(tree, "manifests", manifest.manifests);
  }
  if (holds(tree, "manifests") || holds(tree, "blobs")) {
    return Wrong("an image manifest must hold config and layers, and no manifests");
  }
  if (!tree.contains("config")) return Wrong("the manifest has no config");
  auto config = read_descriptor(tree["config"], "config");
  if (!config) return Wrong(config.error());
  manifest.blobs.push_back(*std::move(config));
  return read_list(tree, "layers", manifest.blobs);
}

}  // namespace

std::optional<MediaType> parse_media_type(std::string_view text) {
  text = text.substr(0, text.find(';'));
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto* const found = std::find(kMediaTypes.begin(), kMediaTypes.end(), text);
  if (found == kMediaTypes.end()) return std::nullopt;
  return static_cast<MediaType>(found - kMediaTypes.begin());
}

std::string_view to_string(MediaType type) { return kMediaTypes[static_cast<std::size_t>(type)]; }

std::string_view every_media_type() {
  static const std::string all = [] {
    std::string text;
    for (const auto type : kMediaTypes) text += (text.empty() ? "" : ", ") + std::string(type);
    return text;
  }();
  return all;
}

tl::expected<Manifest, std::string> parse_manifest(std::string_view content_type,
                                                   std::string_view text) {
  const auto type = parse_media_type(content_type);
  if (!type) {
    if (content_type.find("distribution.manifest.v1") != std::string_view::npos) {
      return Wrong(
          "schema 1 manifests are not taken: they are deprecated, and name no config; push with "
          "a client of 2017 or later");
    }
    return Wrong("the Content-Type must be that of an OCI or Docker manifest, index or list");
  }
  if (text.size() > kLargestManifest) return Wrong("a manifest may have 4 MiB at most");
  auto tree = read_json(text);
  if (!tree) return Wrong(tree.error());
  const auto version = tree->find("schemaVersion");
  if (version == tree->end() || !version->is_number_integer() || *version != 2) {
    return Wrong("schemaVersion must be 2");
  }
  const auto own_type = text_of(*tree, "mediaType");
  if (!own_type) return Wrong(own_type.error());
  if (!own_type->empty() && *own_type != to_string(*type)) {
    return Wrong("mediaType in the manifest and Content-Type must be the same");
  }

  Manifest manifest;
  manifest.type = *type;
  if (auto read = read_contents(*tree, manifest); !read) return Wrong(read.error());
  if (holds(*tree, "subject")) {
    auto subject = read_descriptor((*tree)["subject"], "subject");
    if (!subject) return Wrong(subject.error());
    manifest.subject = std::move(subject->digest);
  }
  auto artifact_type = text_of(*tree, "artifactType");
  if (!artifact_type) return Wrong(artifact_type.error());
  manifest.artifact_type = *std::move(artifact_type);
  // OCI distribution specification 1.1, "Listing Referrers".
  if (manifest.artifact_type.empty() && !is_index(*type)) {
    if (auto config_type = text_of((*tree)["config"], "mediaType")) {
      manifest.artifact_type = *std::move(config_type);
    }
  }
  if (holds(*tree, "annotations")) {
    if (!(*tree)["annotations"].is_object()) return Wrong("annotations must be an object");
    manifest.annotations =
        (*tree)["annotations"].dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return manifest;
}

}  // namespace layergate::oci

// The grammar of names, tags and digests (OCI distribution specification 1.1, "Pulling manifests";
// OCI image specification, "Digests").
#pragma once

#include <string>
#include <string_view>

namespace layergate::oci {

bool is_repository(std::string_view text);  // "team/telechat", at most 255 bytes
bool is_tag(std::string_view text);         // at most 128 bytes
// sha256 and sha512 with all their hexadecimal digits; no other algorithm is registered.
bool is_digest(std::string_view text);
bool is_upload_id(std::string_view text);

// Whether a part of the name is a word of the API ("manifests", "blobs", …): such a repository's
// paths can be read in two ways, so nothing is pushed there.
bool has_reserved_part(std::string_view repository);

// Whether the tag speaks of another manifest by a convention of its clients: "sha256-<64 hex>"
// (the referrers tag schema), and the same with .sig, .att or .sbom (cosign).
bool is_fallback_tag(std::string_view tag);

// The digest of the manifest that a fallback tag speaks of. Empty for sha512, which no tag is long
// enough to name whole.
std::string subject_of_tag(std::string_view tag);

}  // namespace layergate::oci

// Where a registry keeps what below its root directory (distribution 2.8 and 3,
// registry/storage/paths.go: the same in both).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace layergate::storage {

// Relative to the root. A blob belongs to a repository if its link is there; the link holds the
// digest under which the blob is kept, which for a sha512 is the sha256 of the same bytes.
// REQUIRES: oci::is_repository(repository), oci::is_digest(digest).
std::string link_path(std::string_view repository, std::string_view digest);
std::string blob_path(std::string_view digest);

// What the proxy keeps of its own below the root, where no registry looks (upstream.storage_mode:
// write): on the same filesystem, so that an upload becomes a blob by a rename.
inline constexpr const char* kOwnDirectory = "layergate";
inline constexpr const char* kUploads = "layergate/uploads";
inline constexpr const char* kLock = "layergate/lock";

// Why the directory cannot be used as a registry's root: the end of a sentence about it; or
// nothing. An empty one can: nobody has pushed yet. Blocks on the disk.
std::optional<std::string> problem_of(const std::filesystem::path& root);
// The same for who wants to write there. REQUIRES: problem_of() knows none.
std::optional<std::string> problem_of_writing(const std::filesystem::path& root);

}  // namespace layergate::storage

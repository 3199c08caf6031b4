// Writes a file so that a reader, or a crash, sees the old text or the new one and nothing between.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace layergate {

// Replaces what is at `path` by `text`: a temporary file in the same directory (its name starts
// with a dot) is written, synced and renamed over it, and the directory is synced.
//
// An existing file's mode and owner are kept; a new one gets `new_mode`, whatever the umask is,
// and, if root writes it, the owner of its directory, so that the service can read it. If `path` is
// a symbolic link, the file that it leads to is replaced and the link stays. ACLs, hard links and
// extended attributes are not kept. The error says what failed on which path; the old file is
// untouched then, unless the error is of the last step, the directory's sync. Blocks on the disk.
tl::expected<void, std::string> write_file_atomically(const std::filesystem::path& path,
                                                      std::string_view text,
                                                      mode_t new_mode = 0640);

// Keeps what stands at `path` as ".<name>.previous" beside it, in place of the one kept before: to
// be called before the file is replaced. Nothing to keep is no error.
tl::expected<void, std::string> keep_previous(const std::filesystem::path& path);

// The file that a path leads to through its symbolic links; the path itself if it is no link. The
// error: a link that leads nowhere or, for root, one that another account made to what is not its
// own: the service could have root write there.
tl::expected<std::filesystem::path, std::string> resolve_links(const std::filesystem::path& path);

}  // namespace layergate

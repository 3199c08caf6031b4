// Puts blobs and links where a registry looks for them, as it would have done.
//
// At every moment a registry sees the old state or the new one, and after a crash of the machine
// too: what a name leads to is on disk before the name. All of these wait for the disk and answer
// with 0, or the errno. `root` is the registry's root, `uploads` the directory of partial uploads.
#pragma once

#include <string>
#include <string_view>

namespace layergate::storage {

// A root in which nobody has stored anything becomes a registry's, in one step: one that has blobs
// and no repositories is none.
int make_registry(int root);

// Moves the upload's file to where its blob belongs, in place of what is there: it may be damaged.
// `file` is open on it. REQUIRES: its bytes are those of the digest, a sha256.
int place_blob(int root, int uploads, const std::string& name, int file, std::string_view digest);

// The repository has the blob under `digest` from here on; its bytes are kept under `kept`, a
// sha256. `name` is that of a file in `uploads` which nobody else uses.
int place_link(int root, int uploads, const std::string& name, std::string_view repository,
               std::string_view digest, std::string_view kept);

}  // namespace layergate::storage

// One upload, while a request works on it: the file that its bytes go to, and their hash.
//
// Nobody else has it meanwhile. Belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/fd.h"
#include "storage/hash.h"
#include "storage/upload_table.h"

namespace layergate::storage {

class Upload {
 public:
  // REQUIRES: the id was entered in the table. `file` holds `size` bytes, of which `hash`, if it is
  // there, is the sha256 so far.
  Upload(std::shared_ptr<UploadTable> table, std::string id, Fd file, std::uint64_t size,
         std::optional<Hash> hash)
      : table_(std::move(table)),
        id_(std::move(id)),
        file_(std::move(file)),
        size_(size),
        hash_(std::move(hash)) {}
  ~Upload() { leave(); }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] int file() const { return file_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }  // bytes that the file holds

  // Waits for the disk, as the next one. 0, or the errno.
  int append(std::string_view bytes);
  struct Digests {
    std::string sha256;
    std::string wanted;  // the same, or the sha512
  };
  // Of all bytes; `wanted` by the algorithm of `like`. Reads the file where the hash is not at
  // hand. Nothing may be appended afterwards. The errno.
  tl::expected<Digests, int> digests(std::string_view like);

  // It is no upload any more: its file was moved or removed.
  void end() { has_ended_ = true; }
  // Others may have it from here on; nothing else may be called.
  void leave();

 private:
  // Adds all bytes of the file to each hash that is there. 0, or the errno.
  int read(Hash* first, Hash* second) const;
  void begin_writing_out();

  std::shared_ptr<UploadTable> table_;  // null: left
  const std::string id_;
  Fd file_;
  std::uint64_t size_;
  std::uint64_t sent_out_ = 0;  // bytes that the kernel was told to write to the disk
  std::optional<Hash> hash_;
  bool has_ended_ = false;
};

}  // namespace layergate::storage

#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "base/hex.h"

namespace layergate {
namespace {

struct Search {
  std::string_view library;
  std::string ids;
  bool has_library = false;
  bool is_first = true;  // the program itself is told first (dl_iterate_phdr(3))
  bool lacks = false;
};

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// The description of the note of that kind in a segment of notes, or nothing.
std::span<const std::uint8_t> build_id_in(std::span<const std::uint8_t> notes) {
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head{};
    std::memcpy(&head, notes.data(), sizeof head);
    notes = notes.subspan(sizeof head);
    const auto name = padded(head.n_namesz);
    const auto whole = name + padded(head.n_descsz);
    if (whole > notes.size()) return {};
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(notes.data(), ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
      return notes.subspan(name, head.n_descsz);
    }
    notes = notes.subspan(whole);
  }
  return {};
}

int look_at(dl_phdr_info* object, std::size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const bool is_program = search.is_first;
  search.is_first = false;
  const bool is_library =
      !search.library.empty() && file_name(object->dlpi_name).starts_with(search.library);
  if (!is_program && !is_library) return 0;
  search.has_library = search.has_library || is_library;
  for (const auto& header : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    if (header.p_type != PT_NOTE) continue;
    const auto address = object->dlpi_addr + header.p_vaddr;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): so the loader tells where a segment lies
    const auto* const at = reinterpret_cast<const std::uint8_t*>(address);
    const auto id = build_id_in({at, header.p_memsz});
    if (id.empty()) continue;
    append_hex(search.ids, id);
    search.ids += ' ';
    return 0;
  }
  search.lacks = true;
  return 0;
}

}  // namespace

std::string build_id_with(std::string_view library) {
  Search search{library, {}};
  ::dl_iterate_phdr(look_at, &search);
  if (search.lacks || (!library.empty() && !search.has_library)) return "";
  return search.ids;
}

}  // namespace layergate

// Which build of the program this is, to the bit.
#pragma once

#include <string>
#include <string_view>

namespace layergate {

// The build id that the linker gave the program, and that of each loaded library whose file name
// begins with `library`, as hexadecimal digits. Empty if one of them has none, or if the library is
// not loaded and `library` is not empty (it may be linked in; then the program's own id would say
// it, but nobody promised that).
std::string build_id_with(std::string_view library);

}  // namespace layergate

// The password file as text: what both the reader and the writer of it need.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace layergate::auth {

// The bytes of a regular file of at most 64 MiB. The error says what is wrong with the file,
// without its name. `missing` is told apart, because a writer makes the file then.
struct ReadError {
  bool missing;
  std::string what;
};
tl::expected<std::string, ReadError> read_htpasswd_text(const std::filesystem::path& file);

// Without the byte order mark that some editors put in front.
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
std::string_view without_byte_order_mark(std::string_view text);

// One line of the text, without its end.
struct HtpasswdLine {
  std::string_view text;   // without "\n" or "\r\n"
  std::string_view whole;  // with it
  int number;              // from 1

  [[nodiscard]] bool is_entry() const { return !text.empty() && text.front() != '#'; }
  // What stands before the first colon; nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> user() const;
  [[nodiscard]] std::string_view hash() const;  // what stands after it
};

// Walks the lines of a text, which has to outlive it.
class HtpasswdLines {
 public:
  explicit HtpasswdLines(std::string_view text) : rest_(text) {}
  std::optional<HtpasswdLine> next();

 private:
  std::string_view rest_;
  int number_ = 0;
};

}  // namespace layergate::auth

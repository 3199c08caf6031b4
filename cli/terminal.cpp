#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

#include "base/utf8.h"

namespace layergate::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t size = 1;  // in bytes
};

// The first character of well-formed text.
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  return {code, size};
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

// Ends a line to some, or changes in which order the characters around it are shown.
bool is_misleading(char32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

std::string escaped(char32_t c) {
  std::array<char, 8> out{};
  std::snprintf(out.data(), out.size(), "\\u%04x", static_cast<unsigned>(c));
  return out.data();
}

// wcwidth() goes by the locale of the thread.
class Utf8Locale {
 public:
  Utf8Locale() : before_(uselocale(shared())) {}
  ~Utf8Locale() { uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  // Null, which changes nothing, where the system lacks it: then all characters count as one.
  static locale_t shared() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }

  locale_t before_;
};

// REQUIRES: a Utf8Locale lives.
std::size_t width_of(char32_t c) {
  const int width = ::wcwidth(static_cast<wchar_t>(c));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

Terminal terminal_of(int fd) {
  Terminal terminal;
  terminal.is_one = ::isatty(fd) == 1;
  if (!terminal.is_one) return terminal;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) terminal.columns = size.ws_col;
  const char* no_color = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  terminal.colours = (no_color == nullptr || *no_color == '\0') && kind != nullptr &&
                     std::string_view(kind) != "dumb";
  return terminal;
}

}  // namespace

Terminal Terminal::of_output() { return terminal_of(STDOUT_FILENO); }
Terminal Terminal::of_errors() { return terminal_of(STDERR_FILENO); }

std::string printable(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto good = text.substr(0, find_invalid_utf8(text));
    text.remove_prefix(good.size());
    while (!good.empty()) {
      const auto [code, size] = first_of(good);
      if (is_control(code) || is_misleading(code)) {
        out += escaped(code);
      } else {
        out += good.substr(0, size);
      }
      good.remove_prefix(size);
    }
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    out += "\\x";
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
    text.remove_prefix(1);
  }
  return out;
}

std::string printable_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const auto [code, size] = first_of(json);
    // Line ends between the values; in strings they are escaped already.
    if ((is_control(code) && code != '\n') || is_misleading(code)) {
      out += escaped(code);
    } else {
      out += json.substr(0, size);
    }
    json.remove_prefix(size);
  }
  return out;
}

std::size_t width_of(std::string_view text) {
  const Utf8Locale locale;
  std::size_t width = 0;
  while (!text.empty()) {
    const auto [code, size] = first_of(text);
    width += width_of(code);
    text.remove_prefix(size);
  }
  return width;
}

std::vector<std::string> folded(std::string_view text, std::size_t columns) {
  const Utf8Locale locale;
  std::vector<std::string> lines;
  do {
    std::size_t width = 0;
    std::size_t end = 0;
    std::size_t good_end = 0;  // behind the last space or comma
    while (end < text.size()) {
      const auto [code, size] = first_of(text.substr(end));
      width += width_of(code);
      // A space may hang over: it is not shown.
      if (width > columns && end > 0 && (code != ' ' || width > columns + 1)) break;
      end += size;
      if (code == ' ' || code == ',') good_end = end;
    }
    if (end < text.size() && good_end > 0) end = good_end;
    auto line = text.substr(0, end);
    text.remove_prefix(end);
    if (!text.empty()) line = line.substr(0, line.find_last_not_of(' ') + 1);
    lines.emplace_back(line);
  } while (!text.empty());
  return lines;
}

}  // namespace layergate::cli

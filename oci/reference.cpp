#include "oci/reference.h"

#include <algorithm>
#include <array>

namespace layergate::oci {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool is_lower_hex(char c) { return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9'); }

bool all_hex(std::string_view text, std::size_t count) {
  return text.size() == count && std::all_of(text.begin(), text.end(), is_lower_hex);
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_name_part(std::string_view part) {
  if (part.empty() || !is_lower_alnum(part.front()) || !is_lower_alnum(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (is_lower_alnum(part[i])) {
      ++i;
      continue;
    }
    const auto end =
        std::find_if(part.begin() + static_cast<std::ptrdiff_t>(i), part.end(), is_lower_alnum);
    const auto separator = part.substr(i, static_cast<std::size_t>(end - part.begin()) - i);
    const bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (separator != "." && separator != "_" && separator != "__" && !dashes) return false;
    i += separator.size();
  }
  return true;
}

// Calls f for each part between slashes, until it returns false.
template <typename F>
bool each_part(std::string_view name, F f) {
  while (true) {
    const auto slash = name.find('/');
    if (!f(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

bool is_repository(std::string_view text) {
  return text.size() <= 255 && each_part(text, is_name_part);
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > 128 || text.front() == '.' || text.front() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  if (text.starts_with("sha256:")) return all_hex(text.substr(7), 64);
  if (text.starts_with("sha512:")) return all_hex(text.substr(7), 128);
  return false;
}

bool is_upload_id(std::string_view text) {
  return !text.empty() && text.size() <= 256 && text != "." && text != ".." &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || c == '_' || c == '.' || c == '-' || c == '=';
         });
}

bool has_reserved_part(std::string_view repository) {
  constexpr std::array<std::string_view, 5> kReserved{"manifests", "blobs", "tags", "uploads",
                                                      "referrers"};
  return !each_part(repository, [&](std::string_view part) {
    return std::find(kReserved.begin(), kReserved.end(), part) == kReserved.end();
  });
}

bool is_fallback_tag(std::string_view tag) {
  if (tag.starts_with("sha512-")) return tag.size() >= 71;  // sha512 is cut by some clients
  if (!tag.starts_with("sha256-") || tag.size() < 71 || !all_hex(tag.substr(7, 64), 64))
    return false;
  const auto suffix = tag.substr(71);
  return suffix.empty() || suffix == ".sig" || suffix == ".att" || suffix == ".sbom";
}

std::string subject_of_tag(std::string_view tag) {
  if (!is_fallback_tag(tag) || !tag.starts_with("sha256-")) return "";
  return "sha256:" + std::string(tag.substr(7, 64));
}

}  // namespace layergate::oci

#include "acl/witnesses.h"

#include <optional>
#include <utility>

namespace layergate::acl {
std::optional<Witness> common_image(const Pattern& a, const Pattern& b, const Filler& filler) {
  auto name = common_text(a.name, b.name, filler);
  auto tag = common_text(a.tag, b.tag, filler);
  if (!name || !tag) return std::nullopt;
  // "team/*" with nothing for the star is no name.
  if (!parse_pattern(*name + ":" + *tag)) return std::nullopt;
  return Witness{*std::move(name), *std::move(tag), a.to_string(), ""};
}

Filler FreshText::filler() const {
  Filler filler;
  for (int number = 1; seen_.find(filler.word) != std::string::npos; ++number) {
    filler.word = "any" + std::to_string(number);
  }
  for (const char c : std::string_view("xyzqjkvw0123456789")) {
    if (seen_.find(c) != std::string::npos) continue;
    filler.one = c;
    break;
  }
  return filler;
}

}  // namespace layergate::acl

#include "acl/glob_keys.h"

#include <utility>

namespace layergate::acl {

std::string_view GlobKeys::text_of(GlobKey key) const {
  const auto length = static_cast<unsigned char>(texts_[key]);
  return std::string_view{texts_}.substr(key + 1, length);
}

GlobKey GlobKeys::add(std::string_view glob) {
  if (const auto known = tables_.find_glob(glob, *this); known != IdTable::kNone) return known;
  const auto text = literal_prefix(glob);
  const auto key = static_cast<GlobKey>(texts_.size());
  static_assert(kLongestGlob <= 255, "a byte holds the length");
  texts_ += static_cast<char>(text.size());
  texts_ += text;
  tables_.insert(glob, key, *this);
  return key;
}

std::optional<GlobKeys> GlobKeys::adopt(std::string texts, KeyTables::Slots literals,
                                        KeyTables::Slots prefixes) {
  GlobKeys keys;
  keys.texts_ = std::move(texts);
  auto tables = KeyTables::adopt(std::move(literals), std::move(prefixes), keys);
  if (!tables) return std::nullopt;
  keys.tables_ = *std::move(tables);
  return keys;
}

}  // namespace layergate::acl

#include "acl/glob_keys.h"

#include <algorithm>
#include <utility>

namespace layergate::acl {

std::uint64_t GlobKeys::hash_of(std::string_view text) {
  RunningHash hash;
  for (const char c : text) hash.add(c);
  return hash.value();
}

std::string_view GlobKeys::text_of(GlobKey key) const {
  const auto length = static_cast<unsigned char>(texts_[key]);
  return std::string_view{texts_}.substr(key + 1, length);
}

GlobKey GlobKeys::find_one(const IdTable& table, std::uint64_t hash, std::string_view text) const {
  return table.find(hash, [&](GlobKey key) { return text_of(key) == text; });
}

GlobKey GlobKeys::add(std::string_view glob) {
  const auto text = literal_prefix(glob);
  const bool is_prefix = text.size() < glob.size();
  IdTable& table = is_prefix ? prefixes_ : literals_;
  const auto hash = hash_of(text);
  if (const auto known = find_one(table, hash, text); known != IdTable::kNone) return known;

  const auto key = static_cast<GlobKey>(texts_.size());
  static_assert(kLongestGlob <= 255, "a byte holds the length");
  texts_ += static_cast<char>(text.size());
  texts_ += text;
  table.insert(hash, key, [this](GlobKey other) { return hash_of(text_of(other)); });
  if (is_prefix) {
    prefix_lengths_.set(text.size());
    longest_prefix_ = std::max(longest_prefix_, text.size());
  }
  return key;
}

std::optional<GlobKeys> GlobKeys::adopt(Parts parts) {
  GlobKeys keys;
  keys.texts_ = std::move(parts.texts);
  const bool literals = keys.literals_.adopt(std::move(parts.literals),
                                             [&](GlobKey key) { return keys.is_key(key); });
  const bool prefixes = keys.prefixes_.adopt(std::move(parts.prefixes), [&](GlobKey key) {
    if (!keys.is_key(key)) return false;
    const auto size = keys.text_of(key).size();
    keys.prefix_lengths_.set(size);
    keys.longest_prefix_ = std::max(keys.longest_prefix_, size);
    return true;
  });
  if (!literals || !prefixes) return std::nullopt;
  return keys;
}

void GlobKeys::find(std::string_view text, FoundKeys& keys) const {
  const auto add_prefix = [&](std::size_t length, const RunningHash& hash) {
    if (!prefix_lengths_[length]) return;
    const auto key = find_one(prefixes_, hash.value(), text.substr(0, length));
    if (key != IdTable::kNone) keys.push_back(key);
  };
  RunningHash hash;
  add_prefix(0, hash);
  for (std::size_t i = 0; i < text.size(); ++i) {
    hash.add(text[i]);
    if (i + 1 <= longest_prefix_) add_prefix(i + 1, hash);
  }
  const auto key = find_one(literals_, hash.value(), text);
  if (key != IdTable::kNone) keys.push_back(key);
}

}  // namespace layergate::acl

#include "acl/glob_keys.h"

#include <algorithm>

namespace layergate::acl {

std::uint64_t GlobKeys::hash_of(std::string_view text) {
  RunningHash hash;
  for (const char c : text) hash.add(c);
  return hash.value();
}

GlobKey GlobKeys::find_one(std::uint64_t hash, std::string_view text, bool literal) const {
  return (literal ? literals_ : prefixes_).find(hash, [&](GlobKey key) {
    return keys_[key].text == text;
  });
}

GlobKey GlobKeys::add(std::string_view glob) {
  const auto text = literal_prefix(glob);
  const bool literal = text.size() == glob.size();
  const auto hash = hash_of(text);
  if (const auto known = find_one(hash, text, literal); known != IdTable::kNone) return known;

  const auto key = static_cast<GlobKey>(keys_.size());
  keys_.push_back({arena_.keep(text), literal});
  (literal ? literals_ : prefixes_).insert(hash, key, [this](GlobKey other) {
    return hash_of(keys_[other].text);
  });
  if (!literal) {
    prefix_lengths_.set(text.size());
    longest_prefix_ = std::max(longest_prefix_, text.size());
  }
  return key;
}

void GlobKeys::find(std::string_view text, FoundKeys& keys) const {
  const auto add_prefix = [&](std::size_t length, const RunningHash& hash) {
    if (!prefix_lengths_[length]) return;
    const auto key = find_one(hash.value(), text.substr(0, length), false);
    if (key != IdTable::kNone) keys.push_back(key);
  };
  RunningHash hash;
  add_prefix(0, hash);
  for (std::size_t i = 0; i < text.size(); ++i) {
    hash.add(text[i]);
    if (i + 1 <= longest_prefix_) add_prefix(i + 1, hash);
  }
  const auto key = find_one(hash.value(), text, true);
  if (key != IdTable::kNone) keys.push_back(key);
}

}  // namespace layergate::acl

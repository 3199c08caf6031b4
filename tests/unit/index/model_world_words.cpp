// A world in words, for who looks into a difference.
#include "tests/unit/index/model_world.h"

namespace layergate::model {

void World::tell(const std::string& what) { history_.push_back(format_time(now_) + " " + what); }

std::string World::name(const std::string& digest) const {
  const auto found = names_.find(digest);
  return found == names_.end() ? "another" : found->second;
}

std::string World::tag_name(const std::string& tag) const {
  for (const auto& [digest, name] : names_) {
    const auto hex = digest.substr(7, 64);
    if (const auto at = tag.find(hex); at != std::string::npos) {
      return tag.substr(0, at) + name + tag.substr(at + hex.size());
    }
  }
  return tag;
}

std::string World::names(const std::set<Text>& digests) const {
  std::string out;
  for (const auto& digest : digests) out += " " + name(digest);
  return out;
}

std::string World::dump() const {
  std::string out = policy_text_ + "\n";
  for (const auto& line : history_) out += line + "\n";
  out += "\nnow " + format_time(now_) + "\n";
  for (const auto& manifest : manifests_) {
    out += name(manifest) + " names";
    for (const auto& child : contents_.at(manifest).manifests)
      out += " child " + name(child.digest);
    for (const auto& blob : contents_.at(manifest).blobs)
      out += " blob " + name(blob.digest) + (blob.has_urls ? " (urls)" : "");
    out += "\n";
  }
  for (const auto& [repository, its] : model_.repositories()) {
    out += "\n" + repository + "\n";
    for (const auto& [tag, at] : its.tags) {
      out += "  " + tag_name(tag) + " -> " + name(at.root) + " by " + at.account + "\n";
    }
    for (const auto& [former, grace] : its.graces) {
      out += "  " + tag_name(former.first) + " was at " + name(former.second) + " by " +
             grace.account + ", grace until " + format_time(grace.until) + "\n";
    }
    for (const auto& [digest, manifest] : its.manifests) {
      out += "  " + name(digest) + " " + std::string(to_string(manifest.type)) +
             " children:" + names(manifest.children) + " blobs:" + names(manifest.blobs);
      if (!manifest.subject.empty()) out += " subject: " + name(manifest.subject) + " put by:";
      for (const auto& [account, address] : manifest.putters) {
        out += " " + (account.empty() ? "nobody" : account + "/" + address);
      }
      out += "\n";
    }
    for (const auto& [possession, since] : its.possessions) {
      const auto& [digest, account, as] = possession;
      out += "  " + account + " possesses the " + (as == Held::blob ? "blob " : "manifest ") +
             name(digest) + " since " + format_time(since) + "\n";
    }
    out += "  uploads:" + names(its.uploads) + "\n";
  }
  return out;
}

}  // namespace layergate::model

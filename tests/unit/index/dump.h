// All that an index knows, as text: to compare it with another.
#pragma once

#include <map>
#include <string>

#include "index/index.h"

namespace layergate::index {

inline std::string dump(const Index& index) {
  std::string text = index.is_complete() ? "complete\n" : "";
  for (const auto* repository = index.next_repository(""); repository != nullptr;
       repository = index.next_repository(repository->name)) {
    text += "repository " + repository->name + (repository->known ? " known\n" : "\n");
    for (const auto& [name, tag] : repository->tags) {
      text += "  tag " + name + " " + index.digest_of(tag.root) + " " +
              (tag.account == kNone ? "-" : index.account_name(tag.account)) + " " +
              std::to_string(tag.at.time_since_epoch().count()) + "\n";
    }
    std::map<std::string, std::string> nodes;  // by digest
    for (NodeId node = 0; node < index.node_bound(); ++node) {
      if (index.repository_of(node) != repository->id) continue;
      std::string about;
      if (index.is_manifest(node)) {
        const auto record = index.record_of(node);
        about += "  manifest " + std::string(oci::to_string(record.type)) + "\n";
        for (const auto& [link, digest] : record.links) {
          about += "    " + std::to_string(static_cast<int>(link)) + " " + digest + "\n";
        }
        if (record.subject() != nullptr) {
          about += "    " + std::to_string(record.size) + " " + record.artifact_type + " " +
                   record.annotations;
          for (const auto& putter : record.putters) {
            about += " [" + putter.account + " " + putter.address + "]";
          }
          about += "\n";
        }
      }
      std::map<std::string, std::string> graces;
      for (const auto& grace : index.graces_of(node)) {
        graces[grace.tag] =
            std::to_string(grace.until.time_since_epoch().count()) + " " + grace.account + "\n";
      }
      for (const auto& [tag, grace] : graces) about += "  grace " + tag + " " + grace;
      std::map<std::string, std::string> possessions;
      for (const auto& held : index.possessions_of(node)) {
        for (const auto at : held.at) {
          possessions[held.account] += std::to_string(at.time_since_epoch().count()) + " ";
        }
      }
      for (const auto& [account, held] : possessions)
        about += "  held " + account + " " + held + "\n";
      if (!about.empty()) nodes[index.digest_of(node)] = about;
    }
    for (const auto& [digest, about] : nodes) text += digest + "\n" + about;
  }
  return text;
}

}  // namespace layergate::index

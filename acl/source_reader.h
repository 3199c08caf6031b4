// From the YAML tree of one file to a draft.
#pragma once

#include <string_view>
#include <vector>

#include "acl/draft.h"
#include "base/yaml_reader.h"

namespace layergate::acl {

class SourceReader {
 public:
  // Reads the file draft.sources[source]. draft and errors must outlive the reader. is_main: the
  // file is acl.yml, which needs a version and alone may hold `immutable` and `unregistered`.
  SourceReader(Draft& draft, std::uint32_t source, bool is_main, std::vector<Problem>& errors);

  // Adds what could be read to the draft, and every mistake to errors.
  void read(const yaml::Node& root);

 private:
  using Node = yaml::Node;

  void read_version(const Node& root);
  void read_immutable(const Node& node);
  void read_unregistered(const Node& node);
  void read_users(const Node& section);
  void read_permissions(const Node& node, AccountDraft& account);
  void read_groups(const Node& section);
  void read_rules(const Node& section);
  void read_rule(const Node& node);
  void read_effect(const Node& node, RuleDraft& rule);
  void read_tests(const Node& section);
  void read_test(const Node& node);

  std::vector<Word> read_words(const Node& node, std::string_view what);
  std::vector<Pattern> read_patterns(const Node& node, std::string_view what);
  std::optional<Pattern> read_pattern(const Node& node, std::string_view what);
  std::optional<Action> read_action(const Node& node, std::string_view what);
  std::string read_remark(const Node& node, std::string_view what);
  void read_from(const Node& node, std::vector<IpNetwork>& from);

  [[nodiscard]] Place place_of(const Node& node) const;

  Draft& draft_;
  std::uint32_t source_;
  bool is_main_;
  yaml::Reader read_;
};

}  // namespace layergate::acl

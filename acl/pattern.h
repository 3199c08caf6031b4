// "name:tag" in the files: which images a rule is about.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace layergate::acl {

// Both are globs (acl/glob.h). A tag of "*" is every tag, and stands also where none was written.
struct Pattern {
  std::string name;
  std::string tag;
  bool has_tag = true;  // one was written

  [[nodiscard]] std::string to_string() const { return name + ":" + tag; }
  [[nodiscard]] bool is_every_tag() const;
  [[nodiscard]] bool is_literal() const;  // names one image
  [[nodiscard]] bool matches(std::string_view repository, std::string_view image_tag) const;
};

// Refuses what no image could match by the OCI grammar, and a host or a digest. The error is a
// sentence that tells what to write.
tl::expected<Pattern, std::string> parse_pattern(std::string_view text);

}  // namespace layergate::acl

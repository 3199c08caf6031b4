#include "acl/pattern.h"

#include <algorithm>

#include "acl/glob.h"

namespace layergate::acl {
namespace {

// OCI distribution specification 1.1, "Pulling manifests"; 255 for the name is what clients and the
// registry keep to.
constexpr std::size_t kLongestName = kLongestGlob;
constexpr std::size_t kLongestTag = 128;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_mark(char c) { return c == '.' || c == '_' || c == '-'; }
bool is_wildcard(char c) { return c == '*' || c == '?'; }

std::string shown(char c) {
  if (c > ' ' && c < 0x7f) return std::string("\"") + c + "\"";
  if (c == ' ') return "a space";
  return "a character outside of a-z, 0-9, \".\", \"_\", \"-\" and \"/\"";
}

// What is wrong with the name part, or "".
std::string fault_of_name(std::string_view name) {
  if (name.empty()) return "the name is missing: write \"**\" for every name";
  if (name.size() > kLongestName) return "the name is longer than 255 characters";
  for (const char c : name) {
    if (is_upper(c)) return "names of repositories have no upper case: write it small";
    if (!is_lower(c) && !is_digit(c) && !is_mark(c) && !is_wildcard(c) && c != '/') {
      return "no name of a repository can hold " + shown(c) +
             " (wildcards are \"*\", \"**\" and \"?\")";
    }
  }
  std::size_t start = 0;
  while (start <= name.size()) {
    const auto part = name.substr(start, name.find('/', start) - start);
    if (part.empty()) return "a part between two \"/\", or at an end, is empty";
    if (is_mark(part.front()) || is_mark(part.back())) {
      return "no part of a name begins or ends with \".\", \"_\" or \"-\"";
    }
    start += part.size() + 1;
  }
  return "";
}

std::string fault_of_tag(std::string_view tag) {
  if (tag.empty()) return "the tag is missing: leave the \":\" out for every tag";
  if (tag.size() > kLongestTag) return "the tag is longer than 128 characters";
  for (const char c : tag) {
    if (c == ':') return "there is more than one \":\"; write name:tag";
    if (c == '/') {
      return "a tag has no \"/\" (if a registry's host and port stand before the name, leave them "
             "out)";
    }
    if (!is_lower(c) && !is_upper(c) && !is_digit(c) && !is_mark(c) && !is_wildcard(c)) {
      return "no tag can hold " + shown(c) + " (wildcards are \"*\" and \"?\")";
    }
  }
  if (tag.front() == '.' || tag.front() == '-') return "no tag begins with \".\" or \"-\"";
  return "";
}

}  // namespace

bool Pattern::is_every_tag() const {
  return std::all_of(tag.begin(), tag.end(), [](char c) { return c == '*'; });
}

bool Pattern::is_literal() const { return acl::is_literal(name) && acl::is_literal(tag); }

bool Pattern::matches(std::string_view repository, std::string_view image_tag) const {
  return glob_matches(name, repository) && (is_every_tag() || glob_matches(tag, image_tag));
}

tl::expected<Pattern, std::string> parse_pattern(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    std::string quoted{text.substr(0, 80)};
    if (text.size() > 80) quoted += "...";
    return tl::make_unexpected("the pattern \"" + quoted + "\" matches nothing: " + why);
  };
  if (text.empty()) return wrong("it is empty; \"**\" is every image");
  if (text.find('@') != std::string_view::npos) {
    return wrong("rules name tags; what a digest reaches follows from its tags");
  }
  const auto colon = text.find(':');
  Pattern pattern{std::string{text.substr(0, colon)}, "*", colon != std::string_view::npos};
  if (colon != std::string_view::npos) pattern.tag = text.substr(colon + 1);
  // The tag first: a host before the name shows there, and the name would be blamed for it.
  if (const auto fault = fault_of_tag(pattern.tag); !fault.empty()) return wrong(fault);
  if (const auto fault = fault_of_name(pattern.name); !fault.empty()) return wrong(fault);
  return pattern;
}

}  // namespace layergate::acl

// What rules say of one subject and one key of names, as it lies in memory.
//
// Both are kept on disk as they are (acl/compiled_form.h): they hold no padding.
#pragma once

#include <cstdint>
#include <type_traits>

#include "acl/action.h"
#include "acl/glob_keys.h"

namespace layergate::acl {

// An account, a group or everyone, as the compiler numbers them.
using Subject = std::uint32_t;
// Rules are numbered in the order of the files.
using RuleNumber = std::uint32_t;

// One pattern of one rule.
struct RuleEntry {
  GlobKey tag = 0;
  RuleNumber rule = 0;
  std::uint32_t globs = 0;  // in RuleIndex::Parts::globs, if one of the parts has to be compared
  ActionSet actions;
  bool deny : 1 = false;
  bool conditional : 1 = false;    // the rule has `expires` or `from`
  bool compares_name : 1 = false;  // the key alone does not decide
  bool compares_tag : 1 = false;
  bool every_tag : 1 = false;
  std::uint8_t unused : 3 = 0;
  std::uint16_t unused_too = 0;
};

// The entries of one subject and one key of names.
struct RuleNode {
  Subject subject = 0;
  std::uint32_t count = 0;  // of its entries, at least one
  ActionSet allowed;        // what at least one entry allows
  ActionSet denied;
  std::uint16_t unused = 0;
  std::uint32_t unused_too = 0;
  struct Many {
    std::uint32_t first;      // in RuleIndex::Parts::entries
    std::uint32_t every_tag;  // how many of them, from the first on, have every tag
    std::uint64_t unused;
  };
  union {
    RuleEntry only = {};  // if count is 1
    Many many;            // if it is more
  };
};

static_assert(sizeof(RuleEntry) == 16 && sizeof(RuleNode::Many) == 16 && sizeof(RuleNode) == 32);
static_assert(std::is_trivially_copyable_v<RuleNode>);

}  // namespace layergate::acl

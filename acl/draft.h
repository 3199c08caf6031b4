// What the files say, with the place of each word: read, but not yet checked against each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "acl/action.h"
#include "acl/pattern.h"
#include "acl/policy.h"
#include "acl/rule_node.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/problem.h"

namespace layergate::acl {

struct Place {
  std::uint32_t source = 0;  // in Draft::sources
  int line = 0;
  int column = 0;
};

struct Word {
  std::string text;
  Place place;
};

struct AccountDraft {
  Word name;
  ActionSet permissions;
  bool admin = false;
  bool enabled = true;
  std::string email;
  std::optional<WallTime> expires;
  std::vector<IpNetwork> from;  // empty: from anywhere
  std::optional<WallTime> since;
};

struct GroupDraft {
  Word name;
  std::vector<Word> members;
  std::vector<Subject> accounts;  // set by resolve()
};

struct RuleDraft {
  Place place;
  std::string name;
  std::string reason;
  std::vector<Word> who;
  std::vector<Subject> subjects;  // set by resolve()
  std::vector<Pattern> images;
  ActionSet actions;
  bool deny = false;
  std::optional<WallTime> expires;
  std::vector<IpNetwork> from;
};

struct TestDraft {
  Place place;
  Word user;
  Action action = Action::pull;
  Pattern image;  // a literal one
  bool allow = false;
  std::optional<IpAddress> from;
  std::optional<WallTime> at;
};

struct Draft {
  std::vector<std::string> sources;  // names of files
  std::vector<AccountDraft> accounts;
  std::vector<GroupDraft> groups;
  std::vector<RuleDraft> rules;
  std::vector<TestDraft> tests;
  std::vector<Pattern> immutable;
  std::vector<Pattern> once_covered;  // patterns of allow rules of earlier policies
  bool push_unregistered = false;

  // What decisions call the rule; lives as long as the draft.
  [[nodiscard]] RuleOrigin origin(RuleNumber number) const {
    const RuleDraft& rule = rules[number];
    return {rule.name, sources[rule.place.source], rule.place.line, rule.reason};
  }

  [[nodiscard]] Problem problem(const Place& place, std::string what,
                                std::string suggestion = "") const {
    return {sources[place.source], place.line, place.column, std::move(what),
            std::move(suggestion)};
  }
};

}  // namespace layergate::acl

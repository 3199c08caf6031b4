// Sums up what was found out about single images and users: what has one cause is told at once.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "acl/diff.h"
#include "acl/parties.h"
#include "acl/witnesses.h"

namespace layergate::acl {

class DifferenceReport {
 public:
  using Patterns = std::map<std::string, Pattern>;  // by their texts
  using Cause = std::uint32_t;
  using Users = std::uint32_t;
  using Asked = std::uint32_t;

  // The parties must outlive the report.
  explicit DifferenceReport(const Parties& parties) : parties_(parties) {}

  // What is gained or lost, from where, and what decided before and decides after.
  Cause cause(bool gained, const AddressSet& from, std::string before, std::string after);
  // All of a class but those, sorted.
  Users users(std::uint32_t of_class, std::vector<Party> without);
  Users user(Party user);
  Asked asked(const Witness& image);
  // REQUIRES: each at most once for the same users, cause and image.
  void note(Cause cause, Users users, Asked asked, ActionSet actions) {
    facts_.push_back({cause, users, asked, actions});
  }

  // Of patterns, those that the images were asked for.
  std::vector<Difference> take(const Patterns& patterns);

 private:
  // gained, from, before, after
  using CauseTexts = std::tuple<bool, std::string, std::string, std::string>;
  // patterns, known images, example
  using Summary = std::tuple<std::vector<std::string>, std::vector<std::string>, std::string>;

  struct Image {
    std::string pattern, within, text;
    // NOLINTNEXTLINE(modernize-use-nullptr): it has none
    auto operator<=>(const Image&) const = default;
  };
  struct Fact {
    Cause cause;
    Users users;
    Asked asked;
    ActionSet actions;
  };
  struct Group {  // all of a class but some, or one user
    std::uint32_t of_class = 0;
    std::vector<Party> without;
    Party only = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): it has none
    auto operator<=>(const Group&) const = default;
  };

  [[nodiscard]] std::vector<Party> members(const Group& group) const;
  void arrange();
  [[nodiscard]] Summary sum_up(const std::vector<Asked>& images, const Patterns& patterns) const;

  const Parties& parties_;
  std::vector<Fact> facts_;
  std::vector<Image> images_;
  std::map<CauseTexts, Cause> causes_;
  std::map<std::string, AddressSet> sets_;  // by their texts
  std::map<Group, Users> numbers_;
  std::vector<std::vector<Party>> users_;
};

}  // namespace layergate::acl

// What a principal may be allowed to do with an image.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace layergate::acl {

enum class Action : std::uint8_t { view, pull, push, erase };  // written "delete" in files

inline constexpr Action kActions[] = {Action::view, Action::pull, Action::push, Action::erase};

std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view text);

// A set of actions; no action implies another.
class ActionSet {
 public:
  constexpr ActionSet() = default;
  static constexpr ActionSet all() { return ActionSet{0x0f}; }

  constexpr void insert(Action action) { bits_ |= bit(action); }
  constexpr void insert(ActionSet others) { bits_ |= others.bits_; }
  [[nodiscard]] constexpr bool contains(Action action) const { return (bits_ & bit(action)) != 0; }
  [[nodiscard]] constexpr bool intersects(ActionSet others) const {
    return (bits_ & others.bits_) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const ActionSet&) const = default;

 private:
  constexpr explicit ActionSet(std::uint8_t bits) : bits_(bits) {}
  static constexpr std::uint8_t bit(Action action) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(action));
  }
  std::uint8_t bits_ = 0;
};

}  // namespace layergate::acl

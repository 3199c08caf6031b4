// Reads the body of a call, strictly: an unknown key is refused with the one that was probably
// meant, and each value has its type.
//
//     BodyReader body(call, {"name", "size"});
//     const auto name = body.required_text("name");
//     const auto size = body.count("size");
//     if (body.problem()) return *body.problem();
//
// The first problem is the one that is told; what has one reads as if it were absent. No value is
// ever told back: it may be a password.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace layergate::api {

class BodyReader {
 public:
  static constexpr std::size_t kLongestText = 4096;  // bytes
  static constexpr std::size_t kLongestList = 10'000;

  // The call must outlive this.
  BodyReader(const Call& call, std::initializer_list<std::string_view> keys);

  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] bool is_null(std::string_view key) const;

  // Nothing if it is absent; a null is refused, but for where it was asked for by is_null().
  std::optional<std::string> text(std::string_view key);
  std::string required_text(std::string_view key);
  std::optional<std::vector<std::string>> texts(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::uint64_t> count(std::string_view key);

  // Remembers a problem, unless there was one before.
  void refuse(std::string detail);
  [[nodiscard]] const std::optional<Reply>& problem() const { return problem_; }

 private:
  [[nodiscard]] const Json* find(std::string_view key) const;
  // Null if it is absent, or is not as it has to be, which is then the problem.
  const Json* find(std::string_view key, bool (*is_right)(const Json&), std::string_view wanted);

  const Json* body_ = nullptr;  // a map
  std::optional<Reply> problem_;
};

}  // namespace layergate::api

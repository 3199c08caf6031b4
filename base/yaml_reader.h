// Reads typed values out of a YAML tree and collects what is wrong with them, so that a person sees
// all mistakes of a file at once.
//
//   yaml::Reader read{"layergate.yml", problems};
//   if (read.map(root, "the file", {"listen", "auth", "workers"})) {
//     if (const auto* node = root.find("workers")) read.into(workers, read.integer(*node,
//     "workers", 0, 256));
//   }
//
// Each function answers nothing exactly if it added a problem. `what` names the value in problems:
// the key, mostly. A value that is null ("key:" and nothing behind it) is never taken for an absent
// one, because a file that was cut off behind a restriction would then open.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/problem.h"
#include "base/yaml.h"

namespace layergate::yaml {

class Reader {
 public:
  // problems must outlive the reader.
  Reader(std::string file, std::vector<Problem>& problems)
      : file_(std::move(file)), problems_(problems) {}

  // A map whose keys are all among `keys`. An unknown key is a problem, with the key that was
  // probably meant, but the map is read all the same: false only if it is no map.
  bool map(const Node& node, std::string_view what, std::initializer_list<std::string_view> keys);
  // A map or a list of anything. A null is an empty one: "users:" with all its lines commented out.
  bool section_map(const Node& node, std::string_view what);
  bool section_list(const Node& node, std::string_view what);
  bool list(const Node& node, std::string_view what);

  std::optional<std::string> text(const Node& node, std::string_view what);
  std::optional<std::vector<std::string>> texts(const Node& node, std::string_view what);
  std::optional<bool> boolean(const Node& node, std::string_view what);  // true or false only
  // From least to most, both included.
  std::optional<std::int64_t> integer(const Node& node, std::string_view what, std::int64_t least,
                                      std::int64_t most);
  // "250ms", "30s", "5m", "12h", "7d"; no other units, no fractions, and 0 without one.
  std::optional<std::chrono::milliseconds> duration(const Node& node, std::string_view what);
  // Bytes: "4096", "64KiB", "4MiB", "2GiB", "1TiB".
  std::optional<std::uint64_t> size(const Node& node, std::string_view what);
  // RFC 3339, as parse_time() takes it.
  std::optional<WallTime> time(const Node& node, std::string_view what);
  std::optional<std::vector<IpNetwork>> networks(const Node& node, std::string_view what);
  std::optional<IpAddress> address(const Node& node, std::string_view what);

  // Puts a value that could be read into target, and leaves target as it is otherwise.
  template <typename T, typename U>
  static void into(T& target, std::optional<U> value) {
    if (value) target = *std::move(value);
  }

  // Adds a problem; answers false, so that a caller can return it.
  bool refuse(const Node& node, std::string what, std::string suggestion = "");
  bool refuse(int line, int column, std::string what, std::string suggestion = "");

  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  // A scalar's text, or nullptr with the problem "what must be `wanted`".
  const std::string* scalar(const Node& node, std::string_view what, std::string_view wanted);
  bool mistyped(const Node& node, std::string_view what, std::string_view wanted);

  std::string file_;
  std::vector<Problem>& problems_;
};

}  // namespace layergate::yaml

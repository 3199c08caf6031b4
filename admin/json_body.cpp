#include "admin/json_body.h"

#include <set>
#include <vector>

namespace layergate::admin {
namespace {

constexpr int kDepth = 16;
constexpr std::size_t kMembers = 64;  // an ordered object looks for each name among all before it
constexpr std::size_t kValues = 50'000;

struct Refused {
  std::string what;
};

// Sees each step of the parser and ends it by a throw.
class Guard {
 public:
  void see(int depth, api::Json::parse_event_t event, const api::Json& parsed) {
    switch (event) {
      case api::Json::parse_event_t::object_start:
        names_.emplace_back();
        check_depth(depth);
        break;
      case api::Json::parse_event_t::array_start:
        check_depth(depth);
        break;
      case api::Json::parse_event_t::key: {
        auto& names = names_.back();
        const auto& name = parsed.get_ref<const std::string&>();
        if (!names.insert(name).second) throw Refused{"the name \"" + name + "\" stands twice"};
        if (names.size() > kMembers) throw Refused{"an object has too many members"};
        break;
      }
      case api::Json::parse_event_t::object_end:
        names_.pop_back();
        break;
      case api::Json::parse_event_t::array_end:
      case api::Json::parse_event_t::value:
        break;
    }
    if (++steps_ > 3 * kValues) throw Refused{"it has too many values"};
  }

 private:
  static void check_depth(int depth) {
    if (depth >= kDepth) throw Refused{"it is nested too deeply"};
  }

  std::vector<std::set<std::string>> names_;  // of each object that is open
  std::size_t steps_ = 0;
};

}  // namespace

tl::expected<api::Json, std::string> parse_json_body(std::string_view text) {
  Guard guard;
  try {
    return api::Json::parse(
        text, [&](int depth, api::Json::parse_event_t event, const api::Json& parsed) {
          guard.see(depth, event, parsed);
          return true;
        });
  } catch (const Refused& refused) {
    return tl::unexpected("the body cannot be taken: " + refused.what);
  } catch (const api::Json::parse_error& error) {
    return tl::unexpected("the body is no JSON from byte " + std::to_string(error.byte) + " on");
  } catch (const api::Json::exception&) {
    return tl::unexpected<std::string>("the body has a number that is too large");
  }
}

}  // namespace layergate::admin

// Policies: a text loads or says why, with places that exist; what loads keeps its promises,
// whatever is asked; and a deny added on everything leaves nothing open.
//
// An input is acl.yml and, behind a line "=====", a file of acl.d.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "acl/loader.h"

namespace {

using namespace layergate;
using namespace layergate::acl;

constexpr std::string_view kNames[] = {"telechat", "a", "a/b", "release/x/y", "team/telechat", "b"};
constexpr std::string_view kTags[] = {"7b-int4", "7b-fp16", "latest", "x", "1"};
constexpr std::string_view kAddresses[] = {"10.0.0.1", "192.0.2.1", "::", "2001:db8::1"};

void require(bool holds) {
  if (!holds) std::abort();
}

std::vector<Source> sources_of(std::string_view text) {
  constexpr std::string_view kBorder = "=====\n";
  const auto border = text.find(kBorder);
  std::vector<Source> sources{{"acl.yml", std::string{text.substr(0, border)}}};
  if (border != text.npos) {
    sources.push_back({"acl.d/x.yml", std::string{text.substr(border + kBorder.size())}});
  }
  return sources;
}

void check_problems(const std::vector<Problem>& problems, const std::vector<Source>& sources) {
  for (const auto& problem : problems) {
    const auto source = std::find_if(sources.begin(), sources.end(),
                                     [&](const Source& each) { return each.name == problem.file; });
    require(source != sources.end());
    const auto lines = std::count(source->text.begin(), source->text.end(), '\n') + 1;
    require(problem.line >= 0 && problem.line <= lines);
    require(problem.column >= 0 &&
            static_cast<std::size_t>(problem.column) <= source->text.size() + 1);
    require(!problem.what.empty());
  }
}

template <typename Visit>
void for_each_question(const Policy& policy, Visit visit) {
  auto accounts = policy.accounts();
  if (accounts.size() > 6) accounts.resize(6);
  accounts.emplace_back("stranger");
  for (const auto& account : accounts) {
    for (const auto address : kAddresses) {
      const Principal who{account, *IpAddress::parse(address), *parse_time("2027-01-31")};
      for (const Action action : kActions) {
        for (const auto name : kNames) visit(who, action, name);
      }
    }
  }
}

void check_decision(const Decision& decision) {
  require(decision.allowed ==
          (decision.reason == Reason::rule || decision.reason == Reason::admin));
  if (decision.reason == Reason::rule || decision.reason == Reason::denied) {
    require(decision.rule != nullptr && decision.rule->line > 0);
  }
  require(!decision.to_string().empty());
}

void check_policy(const Policy& policy) {
  for_each_question(policy, [&](const Principal& who, Action action, std::string_view name) {
    const auto admitted = policy.admit(who);
    const auto some = policy.decide_some_tag(who, action, name);
    const auto every = policy.decide_every_tag(who, action, name);
    check_decision(some);
    check_decision(every);
    require(!every.allowed || some.allowed);
    for (const auto tag : kTags) {
      const auto one = policy.decide(who, action, name, tag);
      check_decision(one);
      require(!one.allowed || (admitted.allowed && some.allowed));
      require(!every.allowed || one.allowed);
      if (!admitted.allowed) require(one.reason == admitted.reason);
      if (one.reason == Reason::admin) require(policy.is_admin(who.account));
    }
  });
}

// `tests:` may refuse the closed policy, and then there is nothing to ask.
void check_closed(std::vector<Source> sources, WallTime now) {
  sources.push_back(
      {"acl.d/zz.yml",
       "rules: [{who: [\"*\"], images: [\"**\"], deny: [view, pull, push, delete]}]"});
  const auto closed = parse(sources, now);
  if (!closed.policy) return;
  const Policy& policy = *closed.policy;
  for_each_question(policy, [&](const Principal& who, Action action, std::string_view name) {
    require(!policy.decide(who, action, name, "7b-int4").allowed);
    require(!policy.decide_some_tag(who, action, name).allowed);
    require(!policy.decide_every_tag(who, action, name).allowed);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sources = sources_of({reinterpret_cast<const char*>(data), size});
  const auto now = *parse_time("2026-06-01");
  const auto result = parse(sources, now);
  require((result.policy == nullptr) == !result.errors.empty());
  check_problems(result.errors, sources);
  check_problems(result.warnings, sources);
  if (!result.policy) return 0;
  check_policy(*result.policy);
  check_closed(sources, now);
  return 0;
}

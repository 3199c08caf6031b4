// What one decision costs, and what a policy weighs and takes to make, by the number of rules.
//
// The policies are of a kind that a large team would have: for N rules N/10 accounts (at least 10),
// in groups of about 20 that belong to a team each; seven rules in ten are registered images (one
// name and tag for one to three users), two are a team's (globs in the tag or below a name, for its
// group), one denies to everyone. Questions are drawn beforehand, half of them about what a rule
// allows the asker, and asked in random order.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "acl/compiled_form.h"
#include "acl/compiler.h"
#include "acl/draft.h"
#include "acl/loader.h"
#include "acl/resolve.h"

namespace {

using namespace layergate;
using namespace layergate::acl;

constexpr std::size_t kQuestions = std::size_t{1} << 16;
constexpr std::size_t kGroupSize = 20;

// In place, so that the questions stream through the cache and their own cost does not count.
class InlineText {
 public:
  explicit InlineText(std::string_view text) : size_(static_cast<std::uint8_t>(text.size())) {
    if (text.size() > text_.size()) std::abort();
    std::copy(text.begin(), text.end(), text_.begin());
  }
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 31> text_{};
  std::uint8_t size_;
};

struct Question {
  InlineText account, repository, tag;
};

class Team {
 public:
  explicit Team(std::size_t rules) : users_(std::max<std::size_t>(10, rules / 10)) {
    draft_.sources = {"acl.yml"};
    add_accounts();
    for (std::size_t i = 0; i < rules; ++i) add_rule();
    for (std::size_t i = 0; i < kQuestions; ++i) add_question();
  }

  const std::vector<Question>& questions() const { return questions_; }

  std::shared_ptr<const Policy> compile() { return compile_parts().policy; }

  Compilation compile_parts() {
    std::vector<Problem> errors;
    acl::resolve(draft_, errors);
    const auto made = acl::compile(draft_);
    for (auto& rule : draft_.rules) rule.subjects.clear();
    for (auto& group : draft_.groups) group.accounts.clear();
    return errors.empty() ? made : Compilation{};
  }

  // The same as a file.
  std::string text() const {
    std::string out = "version: 1\nusers:\n";
    for (const auto& account : draft_.accounts) {
      out += "  " + account.name.text + ": {permissions: [view, pull, push]}\n";
    }
    out += "groups:\n";
    for (const auto& group : draft_.groups) {
      out += "  " + group.name.text + ": [";
      for (const auto& member : group.members) out += member.text + ", ";
      out += "]\n";
    }
    out += "rules:\n";
    for (const auto& rule : draft_.rules) {
      out += "  - name: " + rule.name + "\n    who: [";
      for (const auto& word : rule.who) out += "\"" + word.text + "\", ";
      out += "]\n    images: [\"" + rule.images[0].name + ":" + rule.images[0].tag + "\"]\n    ";
      out += rule.deny ? "deny: [push, delete]\n" : "allow: [view, pull, push]\n";
    }
    return out;
  }

  static WallTime now() { return *parse_time("2026-06-01"); }

 private:
  std::size_t number(std::size_t below) { return random_() % below; }
  std::size_t groups() const { return (users_ + kGroupSize - 1) / kGroupSize; }
  static std::string user(std::size_t i) { return "user" + std::to_string(i); }
  static std::string group(std::size_t i) { return "group" + std::to_string(i); }
  static std::string team(std::size_t i) { return "team" + std::to_string(i); }
  std::string repository(std::size_t of_team) {
    return team(of_team) + "/telechat-" + std::to_string(number(20));
  }
  std::string tag() {
    constexpr const char* kSizes[] = {"7b", "12b", "52b"};
    constexpr const char* kTypes[] = {"fp16", "int8", "int4"};
    return std::string(kSizes[number(3)]) + "-" + kTypes[number(3)] + "-v" +
           std::to_string(number(50));
  }

  void add_accounts() {
    ActionSet permissions;
    for (const Action action : {Action::view, Action::pull, Action::push}) {
      permissions.insert(action);
    }
    draft_.groups.resize(groups());
    for (std::size_t i = 0; i < groups(); ++i) draft_.groups[i].name.text = group(i);
    for (std::size_t i = 0; i < users_; ++i) {
      AccountDraft account;
      account.name.text = user(i);
      account.permissions = permissions;
      draft_.accounts.push_back(std::move(account));
      draft_.groups[i / kGroupSize].members.push_back({user(i), {}});
      if (number(2) == 0) draft_.groups[number(groups())].members.push_back({user(i), {}});
    }
  }

  void add_rule() {
    RuleDraft rule;
    rule.place.line = static_cast<int>(draft_.rules.size()) * 4;
    rule.name = "rule number " + std::to_string(draft_.rules.size());
    const auto kind = number(10);
    const auto g = number(groups());
    rule.deny = kind == 9;
    for (const Action action : kActions) {
      const bool is_write = action == Action::push || action == Action::erase;
      if (rule.deny ? is_write : action != Action::erase) rule.actions.insert(action);
    }
    if (kind < 7) {
      for (std::size_t k = 1 + number(3); k > 0; --k) {
        rule.who.push_back({user(std::min(users_ - 1, g * kGroupSize + number(kGroupSize))), {}});
      }
      rule.images.push_back({repository(g), tag()});
    } else if (kind < 9) {
      rule.who.push_back({"@" + group(g), {}});
      rule.images.push_back(number(3) == 0 ? Pattern{team(g) + "/**", "*"}
                                           : Pattern{repository(g), number(2) == 0 ? "7b-*" : "*"});
    } else {
      rule.who.push_back({"*", {}});
      rule.images.push_back({repository(g), "*-fp16-v1"});
    }
    draft_.rules.push_back(std::move(rule));
  }

  void add_question() {
    const auto& rule = draft_.rules[number(draft_.rules.size())];
    const auto g = number(groups());
    std::string account = user(number(users_));
    std::string name = repository(g);
    std::string image_tag = tag();
    if (number(2) == 0 && rule.who[0].text[0] == 'u') {
      account = rule.who[0].text;
      name = rule.images[0].name;
      image_tag = rule.images[0].tag;
    } else if (number(2) == 0) {
      account = user(std::min(users_ - 1, g * kGroupSize + number(kGroupSize)));
    }
    questions_.push_back({InlineText{account}, InlineText{name}, InlineText{image_tag}});
  }

  std::mt19937_64 random_{42};
  std::size_t users_;
  Draft draft_;
  std::vector<Question> questions_;
};

void decide(benchmark::State& state) {
  Team team{static_cast<std::size_t>(state.range(0))};
  const auto before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const auto policy = team.compile();
  const auto after = mallinfo2().uordblks + mallinfo2().hblkhd;
  if (!policy) {
    state.SkipWithError("the policy does not compile");
    return;
  }
  const auto address = *IpAddress::parse("10.0.0.1");
  const auto now = Team::now();
  std::size_t next = 0;
  std::size_t allowed = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto& question = team.questions()[next++ % kQuestions];
    const auto decision = policy->decide({question.account.view(), address, now}, Action::pull,
                                         question.repository.view(), question.tag.view());
    allowed += decision.allowed ? 1 : 0;
    benchmark::DoNotOptimize(decision);
  }
  state.counters["allowed"] =
      static_cast<double>(allowed) / static_cast<double>(state.iterations());
  state.counters["bytes/rule"] =
      static_cast<double>(after - before) / static_cast<double>(state.range(0));
}
BENCHMARK(decide)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void decide_some_tag(benchmark::State& state) {
  Team team{static_cast<std::size_t>(state.range(0))};
  const auto policy = team.compile();
  const auto address = *IpAddress::parse("10.0.0.1");
  const auto now = Team::now();
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto& question = team.questions()[next++ % kQuestions];
    benchmark::DoNotOptimize(policy->decide_some_tag({question.account.view(), address, now},
                                                     Action::push, question.repository.view()));
  }
}
BENCHMARK(decide_some_tag)->RangeMultiplier(10)->Range(1'000, 1'000'000);

void compile_rules(benchmark::State& state) {
  Team team{static_cast<std::size_t>(state.range(0))};
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(team.compile());
}
BENCHMARK(compile_rules)
    ->RangeMultiplier(10)
    ->Range(1'000, 1'000'000)
    ->Unit(benchmark::kMillisecond);

void load_form(benchmark::State& state) {
  const std::string key(kFormKey, '0');
  Team team{static_cast<std::size_t>(state.range(0))};
  Compiled compiled;
  const auto [policy, parts] = team.compile_parts();
  compiled.policy = policy;
  compiled.parts = parts;
  compiled.warnings.files = {"acl.yml"};
  const auto form = to_form(compiled, key);
  for ([[maybe_unused]] auto _ : state) {
    const auto read = from_form(form, key);
    if (!read) {
      state.SkipWithError(read.error().c_str());
      return;
    }
  }
  state.counters["MiB"] = static_cast<double>(form.size()) / (1 << 20);
}
BENCHMARK(load_form)->RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond);

void load_text(benchmark::State& state) {
  const std::vector<Source> sources{
      {"acl.yml", Team{static_cast<std::size_t>(state.range(0))}.text()}};
  for ([[maybe_unused]] auto _ : state) {
    const auto result = parse(sources, Team::now());
    if (!result.policy) {
      state.SkipWithError(result.errors.front().to_string().c_str());
      return;
    }
  }
  state.counters["MiB"] = static_cast<double>(sources[0].text.size()) / (1 << 20);
}
BENCHMARK(load_text)->RangeMultiplier(10)->Range(1'000, 100'000)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

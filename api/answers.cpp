// Why something is allowed, and who may do it. Of a running proxy the policy in force decides; the
// reasons are read from the files, which say the same unless they are newer or broken.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "acl/account_changes.h"
#include "acl/explanation.h"
#include "acl/loader.h"
#include "acl/policy_tests.h"
#include "acl/who_can.h"
#include "api/problem.h"
#include "api/query_parameters.h"
#include "api/route.h"
#include "auth/htpasswd.h"
#include "index/rights.h"
#include "index/store.h"
#include "oci/reference.h"

namespace layergate::api {
namespace {

std::string lines_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text += (text.empty() ? "" : "\n") + problem.to_string();
  return text;
}

// What is asked, as the query says it.
struct Asked {
  std::string user;
  std::string name;
  std::optional<std::string> tag;
  acl::Action action = acl::Action::pull;
  IpAddress address;

  [[nodiscard]] acl::Question question() const {
    acl::Question question{action, name, std::nullopt};
    if (tag) question.tag = *tag;
    return question;
  }
};

tl::expected<Asked, Reply> read_asked(const QueryParameters& query) {
  if (query.problem()) return tl::unexpected(*query.problem());
  const auto text = [&](const char* key, const char* otherwise) {
    const auto* found = query.find(key);
    return found == nullptr ? std::string(otherwise) : *found;
  };
  Asked asked;
  asked.user = text("user", "");
  asked.name = text("name", "");
  if (auto tag = text("tag", ""); !tag.empty()) asked.tag = std::move(tag);
  const auto action = acl::parse_action(text("action", "pull"));
  if (!action) return tl::unexpected(usage("action takes view, pull, push or delete"));
  asked.action = *action;
  const auto address = IpAddress::parse(text("address", "127.0.0.1"));
  if (!address) return tl::unexpected(usage("address takes an IP address"));
  asked.address = *address;
  if (!oci::is_repository(asked.name) || (asked.tag && !oci::is_tag(*asked.tag))) {
    return tl::unexpected(
        usage(asked.name + (asked.tag ? ":" + *asked.tag : "") +
              " is no image: a name is lower-case letters, digits and single separators, as "
              "team/telechat, and a tag has at most 128 letters, digits and ._-"));
  }
  return asked;
}

// What answers are made from, each read when it is needed.
class Sources {
 public:
  Sources(const Site& site, const std::string& repository)
      : site_(site), facts_({site.config.index.grace, site.config.index.untagged}) {
    if (site.index != nullptr) return;
    // What is known of the repository, if a proxy ever ran here.
    const auto file = site.config.state / "index.db";
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return;
    index::Store store(file, index::Store::Mode::read);
    store.load(facts_, repository);
    covered_ = store.covered();
  }

  tl::expected<void, Reply> read_files() {
    const auto refuse = [](const std::vector<Problem>& problems) {
      return tl::unexpected(problem(422, "invalid", lines_of(problems)));
    };
    auto collected = acl::collect(site_.config.acl);
    if (!collected.errors.empty()) return refuse(collected.errors);
    open_ = acl::open_policy(collected.sources, now_, covered_);
    if (open_.policy) acl::run_tests(open_.draft, *open_.policy, now_, open_.errors);
    if (!open_.errors.empty()) return refuse(open_.errors);
    return {};
  }

  tl::expected<bool, Reply> has_password(const std::string& user) {
    if (!htpasswd_) {
      auto loaded = auth::Htpasswd::load(site_.config.htpasswd);
      if (!loaded.htpasswd) {
        return tl::unexpected(problem(422, "invalid", lines_of(loaded.errors)));
      }
      htpasswd_ = std::move(loaded.htpasswd);
    }
    return htpasswd_->find(user) != nullptr;
  }

  template <typename Reader>
  auto read_index(Reader reader) const {
    return site_.index != nullptr ? site_.index->read(reader) : reader(facts_);
  }
  // That decides.
  [[nodiscard]] std::shared_ptr<const acl::Policy> policy() const {
    return site_.policy_in_force ? site_.policy_in_force() : open_.policy;
  }
  [[nodiscard]] bool reads_files_only() const { return !site_.policy_in_force; }
  [[nodiscard]] const acl::OpenPolicy& open() const { return open_; }
  [[nodiscard]] WallTime now() const { return now_; }

 private:
  const Site& site_;
  const WallTime now_ = wall_now();
  index::Index facts_;
  std::vector<std::string> covered_;
  acl::OpenPolicy open_;
  decltype(auth::Htpasswd::load({}).htpasswd) htpasswd_;
};

Json rule_of(const acl::RuleOrigin& origin) {
  return {{"name", origin.name},
          {"place", std::string(origin.file) + ":" + std::to_string(origin.line)},
          {"reason", origin.reason}};
}

// What the proxy would say to the request by tag, whether or not the tag exists.
Json decide(const Sources& sources, const Asked& asked) {
  const auto policy = sources.policy();
  const acl::Principal who{asked.user, asked.address, sources.now()};
  return sources.read_index([&](const index::Index& facts) {
    const index::Rights rights(facts, *policy, who);
    const auto decision = rights.on_tag(asked.action, asked.name, *asked.tag);
    Json answer = {{"user", asked.user},
                   {"action", acl::to_string(asked.action)},
                   {"name", asked.name},
                   {"tag", *asked.tag},
                   {"address", asked.address.to_string()},
                   {"allowed", decision.allowed},
                   {"reason", acl::to_string(decision.reason)},
                   {"why", decision.to_string()},
                   {"rule", decision.rule == nullptr ? Json() : rule_of(*decision.rule)}};
    const bool changes = asked.action == acl::Action::push || asked.action == acl::Action::erase;
    if (decision.allowed && changes && policy->is_immutable(asked.name, *asked.tag) &&
        facts.find_tag(asked.name, *asked.tag) != nullptr) {
      answer["allowed"] = false;
      answer["reason"] = "immutable";
      answer["why"] = "the tag exists and is immutable";
      answer["rule"] = nullptr;
    }
    return answer;
  });
}

Json explained(const acl::Draft& draft, const acl::Explanation& explanation, bool all) {
  Json account = nullptr;
  if (explanation.account != nullptr) {
    const auto& it = *explanation.account;
    Json from = Json::array();
    for (const auto& network : it.from) from.push_back(network.to_string());
    account = {{"enabled", it.enabled},
               {"expires", it.expires ? Json(format_time(*it.expires)) : Json()},
               {"unexpired", explanation.unexpired},
               {"from", from},
               {"from_matches", explanation.from},
               {"permissions", acl::permissions_of(it)},
               {"permitted", explanation.permitted},
               {"groups", explanation.groups}};
  }
  Json rules = Json::array();
  for (const auto& match : explanation.rules) {
    if (!all && !match.who) continue;
    const auto& rule = draft.rules[match.number];
    const auto words = acl::conditions_of(rule, match);
    auto shown = rule_of(draft.origin(match.number));
    const auto condition = [](bool matches, const std::string& what) {
      return Json{{"matches", matches}, {"what", what}};
    };
    shown["effect"] = rule.deny ? "deny" : "allow";
    shown["who"] = condition(match.who.has_value(), words.who);
    shown["images"] = condition(match.image.has_value(), words.images);
    shown["actions"] = condition(match.action, words.actions);
    shown["from"] = condition(match.from, words.from);
    shown["expires"] = condition(match.unexpired, words.expires);
    shown["applies"] = match.applies();
    shown["decides"] = explanation.rule == match.number;
    rules.push_back(std::move(shown));
  }
  return {{"account", std::move(account)}, {"rules", std::move(rules)}};
}

Reply answer_check(const Site& site, const Call& call, bool explain) {
  const auto asked = read_asked({call, {"user", "name", "tag", "action", "address"}});
  if (!asked) return asked.error();
  if (asked->user.empty() || !asked->tag) return usage("user, name and tag are needed");
  if (!call.caller.admin && !call.caller.is(asked->user)) {
    return denied("you may ask about your own account only");
  }
  Sources sources(site, asked->name);
  if (explain || sources.reads_files_only()) {
    if (auto read = sources.read_files(); !read) return read.error();
  }
  Reply reply;
  reply.body = decide(sources, *asked);
  const auto password = sources.has_password(asked->user);
  if (!password) return password.error();
  if (reply.body["allowed"] == true && !*password) {
    reply.body["allowed"] = false;
    reply.body["reason"] = "no_password";
    reply.body["why"] = "no line in htpasswd";
    reply.body["rule"] = nullptr;
  }
  if (!explain) return reply;

  const auto& draft = sources.open().draft;
  const auto explanation =
      acl::explain(draft, {asked->user, asked->address, sources.now()}, asked->question());
  reply.body["policy_allows"] = explanation.allowed;
  reply.body.update(explained(draft, explanation, call.caller.admin));
  const auto in_force = sources.policy()->decide({asked->user, asked->address, sources.now()},
                                                 asked->action, asked->name, *asked->tag);
  reply.body["in_force"] = in_force.allowed == explanation.allowed;
  return reply;
}

Reply check(const Site& site, const Call& call, const Parameters&) {
  return answer_check(site, call, false);
}

Reply explain(const Site& site, const Call& call, const Parameters&) {
  return answer_check(site, call, true);
}

Reply who_can(const Site& site, const Call& call, const Parameters&) {
  const auto asked = read_asked({call, {"name", "tag", "action"}});
  if (!asked) return asked.error();
  Sources sources(site, asked->name);
  if (auto read = sources.read_files(); !read) return read.error();
  if (const auto password = sources.has_password(""); !password) return password.error();
  const auto& draft = sources.open().draft;
  Json items = Json::array();
  acl::who_can(
      draft, asked->question(), sources.now(),
      [&](const acl::AccountDraft& account, const acl::Standing& standing) {
        const bool known = sources.has_password(account.name.text).value_or(false);
        const bool allowed = standing.allowed() && known;
        items.push_back({{"user", account.name.text},
                         {"allowed", allowed},
                         {"from", allowed ? standing.from.to_string() : "nowhere"},
                         {"why", standing.allowed() && !known ? "no line in htpasswd"
                                                              : standing.to_string(draft)}});
      });
  Reply reply;
  reply.body = {{"name", asked->name},
                {"tag", asked->tag ? Json(*asked->tag) : Json()},
                {"action", acl::to_string(asked->action)},
                {"items", std::move(items)}};
  return reply;
}

constexpr std::array<Route, 3> kRoutes = {
    Route{"GET", "/access/check", Who::anyone, check},
    Route{"GET", "/access/explain", Who::anyone, explain},
    Route{"GET", "/access/who-can", Who::admin, who_can},
};

}  // namespace

std::span<const Route> answer_routes() { return kRoutes; }

}  // namespace layergate::api

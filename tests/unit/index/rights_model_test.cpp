// The index and the gate against a model that is slow and plainly right (model.h), in small worlds
// that are made up at random but always the same (model_world.h).
//
// LAYERGATE_MODEL_REQUESTS: how many questions. LAYERGATE_MODEL_SEED: of the first world.
#include <cstdlib>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "index/rights.h"
#include "proxy/gate.h"
#include "tests/unit/index/model_world.h"

// Sanitizers make it slow. GCC and clang tell of them in different ways.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LAYERGATE_MODEL_IS_SLOW
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LAYERGATE_MODEL_IS_SLOW
#endif

namespace layergate::model {
namespace {

using proxy::Endpoint;
using proxy::Method;

#ifdef LAYERGATE_MODEL_IS_SLOW
constexpr int kQuestions = 100'000;
#else
constexpr int kQuestions = 1'000'000;
#endif
constexpr int kChanges = 40;           // of each world
constexpr int kQuestionsBetween = 25;  // two changes

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoi(text);
}

proxy::Route some_route(World& world, const std::string& repository) {
  proxy::Route route;
  route.repository = repository;
  const auto kind = world.number(100);
  const auto some_method = [&](std::initializer_list<Method> methods) {
    return methods.begin()[world.number(methods.size())];
  };
  if (kind < 40) {
    route.endpoint = Endpoint::manifest;
    route.method = some_method({Method::get, Method::head, Method::put, Method::erase});
    route.tag = world.some_tag(repository);
  } else if (kind < 63) {
    route.endpoint = Endpoint::manifest;
    route.method =
        some_method({Method::get, Method::head, Method::put, Method::erase, Method::erase});
    route.digest = world.some_digest(repository);
  } else if (kind < 81) {
    route.endpoint = Endpoint::blob;
    route.method = some_method({Method::get, Method::head, Method::erase});
    route.digest = world.some_digest(repository);
  } else if (kind < 90) {
    route.endpoint = Endpoint::start_upload;
    route.method = Method::post;
    if (world.chance(90)) route.from = world.some_repository();
    if (world.chance(90)) route.mount = world.some_digest(route.from);
  } else if (kind < 92) {
    route.endpoint = Endpoint::upload;
    route.method = some_method({Method::get, Method::patch, Method::put, Method::erase});
    route.upload_id = "u";
  } else if (kind < 95) {
    route.endpoint = Endpoint::referrers;
    route.digest = world.some_digest(repository);
  } else if (kind < 98) {
    route.endpoint = Endpoint::tags;
  } else {
    route.endpoint = world.chance(50) ? Endpoint::catalog : Endpoint::ping;
    route.repository = "";
  }
  return route;
}

std::string to_string(const Answer& answer) {
  return std::to_string(answer.status) + " " + answer.code +
         (answer.mount_readable ? " mount_readable" : "") +
         (answer.must_be_unchanged ? " must_be_unchanged" : "") +
         (answer.must_be_own ? " must_be_own" : "") +
         (answer.stored ? " " + std::string(oci::to_string(*answer.stored)) : "");
}

Answer answer_of(const proxy::Ruling& ruling) {
  Answer answer{.mount_readable = ruling.mount_readable,
                .must_be_unchanged = ruling.must_be_unchanged,
                .must_be_own = ruling.must_be_own,
                .stored = ruling.stored};
  if (ruling.refusal) {
    answer.status = ruling.refusal->status;
    answer.code = to_string(ruling.refusal->code);
  }
  return answer;
}

std::string in_words(const World& world, const std::set<Text>& names) {
  std::string words;
  for (const auto& name : names) {
    words += name.starts_with("sha") && name.find(':') != Text::npos ? world.name(name)
                                                                     : world.tag_name(name);
    words += " ";
  }
  return words;
}

// Asks the index and the model, and counts.
class Asker {
 public:
  // Empty, or how the answers differ.
  std::string ask(World& world) {
    const auto account = world.chance(2) ? "nobody" : world.some_account();
    const acl::Principal who{
        account, *IpAddress::parse(world.chance(85) ? "10.0.0.1" : "192.0.2.1"), world.now()};
    const auto repository = world.some_repository();
    const auto kind = world.number(100);
    const auto difference = kind < 82   ? ask_route(world, who, repository)
                            : kind < 90 ? ask_contents(world, who, repository)
                            : kind < 95 ? ask_view(world, who, repository)
                                        : ask_referrers(world, who, repository);
    if (difference.empty()) return "";
    return account + " from " + who.address.to_string() + " in " + repository + ": " + difference;
  }

  // Of each kind: how many were asked, and how many got something.
  struct Count {
    int asked = 0;
    int granted = 0;
  };
  [[nodiscard]] const std::map<std::string, Count>& counts() const { return counts_; }

 private:
  void count(const std::string& kind, bool granted) {
    auto& its = counts_[kind];
    ++its.asked;
    its.granted += granted ? 1 : 0;
  }

  std::string ask_route(World& world, const acl::Principal& who, const std::string& repository) {
    const auto route = some_route(world, repository);
    const auto ruling = proxy::rule_on(route, who, world.policy(), world.index());
    const auto real = answer_of(ruling);
    const auto right = world.model().rule_on(route, who);
    const auto kind = std::string(to_string(route.method)) + " " +
                      std::string(to_string(route.endpoint)) +
                      (route.endpoint != Endpoint::manifest ? ""
                       : route.tag.empty()                  ? " by digest"
                                                            : " by tag");
    count(kind, right.status == 200);
    if (real == right) return "";
    return kind + " " + world.tag_name(route.tag) +
           (route.digest.empty() ? "" : world.name(route.digest)) +
           (route.mount.empty() ? "" : " mount " + world.name(route.mount)) + " from " +
           route.from + ": " + to_string(real) + ", should be " + to_string(right) + "; decision " +
           ruling.decision.to_string() + " tag " + world.tag_name(ruling.tag);
  }

  std::string ask_contents(World& world, const acl::Principal& who, const std::string& repository) {
    const auto& digest = world.some_manifest();
    const auto& manifest = world.content(digest);
    Answer real;
    if (const auto refusal =
            proxy::rule_on_contents(manifest, repository, who, world.policy(), world.index())) {
      real.status = refusal->status;
      real.code = to_string(refusal->code);
    }
    const auto right = world.model().rule_on_contents(manifest, repository, who);
    count("contents", right.status == 200);
    if (real == right) return "";
    return "contents of " + world.name(digest) + ": " + to_string(real) + ", should be " +
           to_string(right);
  }

  std::string ask_view(World& world, const acl::Principal& who, const std::string& repository) {
    std::set<Text> real;
    const index::Rights rights(world.index(), world.policy(), who);
    if (const auto* its = world.index().find_repository(repository)) {
      for (const auto& [tag, at] : its->tags) {
        if (rights.on_tag(acl::Action::view, repository, tag).allowed) real.insert(tag);
      }
    }
    const auto right = world.model().viewable_tags(repository, who);
    count("view", !right.empty());
    if (real == right) return "";
    return "views " + in_words(world, real) + ", should be " + in_words(world, right);
  }

  std::string ask_referrers(World& world, const acl::Principal& who,
                            const std::string& repository) {
    const auto subject = world.some_subject(repository);
    std::set<Text> real;
    const index::Rights rights(world.index(), world.policy(), who);
    for (const auto node : rights.referrers(repository, subject)) {
      real.insert(world.index().digest_of(node));
    }
    const auto right = world.model().referrers(repository, subject, who);
    count("referrers", !right.empty());
    if (real == right) return "";
    return "referrers of " + world.name(subject) + ": " + in_words(world, real) + ", should be " +
           in_words(world, right);
  }

  std::map<std::string, Count> counts_;
};

}  // namespace

TEST_CASE("index: rights and the gate never differ from the model") {
  const int questions = from_environment("LAYERGATE_MODEL_REQUESTS", kQuestions);
  auto seed = static_cast<unsigned>(from_environment("LAYERGATE_MODEL_SEED", 1));
  Asker asker;
  for (int asked = 0; asked < questions; ++seed) {
    World world(seed);
    const auto check = [&](const std::string& difference) {
      if (difference.empty()) return;
      FAIL("after " << asked << " questions: " << difference
                    << "\n\nagain: LAYERGATE_MODEL_SEED=" << seed
                    << " LAYERGATE_MODEL_REQUESTS=" << kChanges * kQuestionsBetween << "\n\n"
                    << world.dump());
    };
    for (int change = 0; change < kChanges && asked < questions; ++change) {
      check(world.change());
      for (int i = 0; i < kQuestionsBetween && asked < questions; ++i, ++asked) {
        check(asker.ask(world));
      }
    }
  }
  // A model that says no to everything would agree with an index that does.
  for (const auto& each : asker.counts()) {
    const auto& count = each.second;
    if (count.asked < 1000) continue;
    CAPTURE(each.first);
    CHECK(count.granted > count.asked / 20);
    CHECK(count.granted < count.asked * 19 / 20);
  }
}

}  // namespace layergate::model

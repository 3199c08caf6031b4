// Longer than most files here: each change's steps are easier to check beside those of the others.
#include "index/keeper.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <event2/event.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"
#include "base/file_lock.h"
#include "base/hex.h"
#include "index/catalog_page.h"
#include "oci/digest.h"

namespace layergate::index {
namespace {

using Urgency = UpstreamClient::Urgency;

constexpr std::size_t kLearnAtOnce = 4;       // repositories
constexpr int kChangesOfAccount = 64;         // that wait in one lane
constexpr std::size_t kTagsAtOnce = 500;      // written to the index under one lock
constexpr std::size_t kForgetAtOnce = 1000;   // nodes
constexpr std::chrono::seconds kFresh{2};     // how long a list counts as new when others write too
constexpr std::size_t kMostLearned = 20'000;  // names whose freshness is remembered
constexpr std::chrono::seconds kPatience{2};  // with an answer, until who came later asks anew
constexpr std::chrono::seconds kCatalogRetry{2};
constexpr std::chrono::seconds kDiskRetry{1};
constexpr std::chrono::seconds kTell{5};
// After a restart, or a broken connection, the upstream may still be at work on what it was asked:
// its state is looked at now and again, and believed the last time.
constexpr std::chrono::seconds kDoubtful[] = {std::chrono::seconds{0}, std::chrono::seconds{5},
                                              std::chrono::seconds{30}};
constexpr int kLooks = 3;
constexpr std::chrono::seconds kUnreachable{2};

// An empty index of its own, so that its delete takes nothing else along.
std::string make_stand_in() {
  unsigned char random[16];
  if (RAND_bytes(random, sizeof random) != 1) throw std::runtime_error("no random bytes");
  std::string nonce;
  append_hex(nonce, random);
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)"
         R"("manifests":[],"annotations":{"layergate.stand-in":")" +
         nonce + "\"}}";
}

Fd lock_state(const config::Config& config) {
  auto lock = lock_file(config.state / "index.lock", config.state, std::chrono::seconds{2});
  if (!lock) {
    throw std::runtime_error(lock.error() + " (is another layergate running on this state?)");
  }
  return *std::move(lock);
}

std::string manifest_target(const std::string& repository, const std::string& reference) {
  return "/v2/" + repository + "/manifests/" + reference;
}

Outcome failed(std::string problem) { return {Outcome::Kind::failed, 0, "", std::move(problem)}; }

// What a DELETE came to; nothing if the answer does not say.
std::optional<Outcome> outcome_of_delete(const UpstreamAnswer& answer) {
  if (answer.is_success()) return Outcome{Outcome::Kind::done, answer.status, "", ""};
  if (answer.status == 404) return Outcome{Outcome::Kind::absent, answer.status, "", ""};
  if (answer.status == 405) return Outcome{Outcome::Kind::unsupported, answer.status, "", ""};
  if (answer.status >= 400 && answer.status < 500) {
    return Outcome{Outcome::Kind::refused, answer.status, answer.body, ""};
  }
  return std::nullopt;
}

// Whether what was asked to go is not there now.
bool is_gone(const Outcome& outcome) {
  return outcome.kind == Outcome::Kind::done || outcome.kind == Outcome::Kind::absent;
}

}  // namespace

void Keeper::FreeBase::operator()(event_base* base) const { event_base_free(base); }
void Keeper::FreeEvent::operator()(event* e) const { event_free(e); }

Keeper::Keeper(const config::Config& config, SharedIndex& index,
               UpstreamClient::Addresses addresses)
    : config_(config),
      index_(index),
      lock_(lock_state(config)),
      store_(config.state / "index.db", Store::Mode::write),
      ledger_(index, [this](std::function<void(Store&)> change) { write(std::move(change)); }),
      base_(event_base_new()) {
  index_.write([&](Index& facts) { store_.load(facts); });
  covered_ = store_.covered();
  for (auto& intent : store_.intents()) {
    ++unresolved_[intent.repository];
    doubts_.push_back({std::move(intent), 0, Clock::now()});
  }
  status_.intents = status_.unresolved = doubts_.size();
  status_.complete = index_.read([](const Index& facts) { return facts.is_complete(); });
  wake_event_.reset(event_new(base_.get(), tasks_.fd(), EV_READ | EV_PERSIST, on_wake, this));
  event_add(wake_event_.get(), nullptr);
  tick_event_.reset(event_new(base_.get(), -1, EV_PERSIST, on_tick, this));
  const timeval often{0, 500'000};
  event_add(tick_event_.get(), &often);
  client_ = std::make_unique<UpstreamClient>(base_.get(), config.upstream, config.index.parallel,
                                             std::move(addresses));
}

Keeper::~Keeper() {
  if (thread_.joinable()) {
    post([this] { event_base_loopbreak(base_.get()); });
    thread_.join();
  }
  if (!changes_.empty()) commit();
}

void Keeper::start() {
  post([this] {
    tick();
    if (!status().complete) learn_catalog([](const std::string&) {});
  });
  thread_ = std::thread([this] { event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
}

Seconds Keeper::now() { return std::chrono::floor<std::chrono::seconds>(wall_now()); }

// --- the loop

void Keeper::on_wake(int /*fd*/, short /*what*/, void* self) {
  for (const auto& task : static_cast<Keeper*>(self)->tasks_.take()) task();
}

void Keeper::on_tick(int /*fd*/, short /*what*/, void* self) { static_cast<Keeper*>(self)->tick(); }

void Keeper::tick() {
  const auto at = Clock::now();
  if (!changes_.empty() && !commit_due_ && at >= retry_at_) commit();
  for (std::size_t i = doubts_.size(); i-- > 0;) {
    if (doubts_[i].at > at) continue;
    const auto doubt = doubts_[i];
    doubts_.erase(doubts_.begin() + static_cast<std::ptrdiff_t>(i));
    enter(doubt.intent.repository, [this, doubt] { resolve(doubt.intent, doubt.attempt); });
  }
  if (!status().complete && !catalog_runs_ && at - catalog_at_ > kCatalogRetry) {
    learn_catalog([](const std::string&) {});
  }
  ask_again();
  forget_some();
}

Keeper::Status Keeper::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Keeper::set_problem(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  if (problem != status_.problem) {
    if (problem.empty()) {
      spdlog::info("index: in order again");
    } else {
      spdlog::error("index: {}", problem);
    }
  }
  status_.problem = problem;
}

// --- the disk

void Keeper::write(std::function<void(Store&)> change, std::function<void(bool)> done) {
  changes_.push_back({std::move(change), std::move(done)});
  if (commit_due_ || (Clock::now() < retry_at_ && !changes_.back().done)) return;
  commit_due_ = true;
  // At the end of this turn, together with what else comes meanwhile.
  post([this] {
    commit_due_ = false;
    commit();
  });
}

void Keeper::commit() {
  auto changes = std::exchange(changes_, {});
  bool written = false;
  try {
    store_.begin();
    for (const auto& change : changes) change.write(store_);
    store_.commit();
    written = true;
    set_problem("");
  } catch (const std::exception& error) {
    store_.roll_back();
    set_problem(std::string("index.db cannot be written, so nothing can be pushed: ") +
                error.what());
    retry_at_ = Clock::now() + kDiskRetry;
    // Facts that the upstream made are written later; the intents in its place keep them safe. What
    // somebody waits for is refused.
    std::vector<Change> kept;
    for (auto& change : changes) {
      if (!change.done) kept.push_back(std::move(change));
    }
    kept.insert(kept.end(), std::make_move_iterator(changes_.begin()),
                std::make_move_iterator(changes_.end()));
    changes_ = std::move(kept);
  }
  for (const auto& change : changes) {
    if (change.done) change.done(written);
  }
}

// --- lanes

void Keeper::enter(const std::string& repository, std::function<void()> job) {
  auto& lane = lanes_[repository];
  lane.push_back(std::move(job));
  if (lane.size() > 1) return;
  const auto first = lane.front();
  first();
}

void Keeper::leave(const std::string& repository) {
  const auto found = lanes_.find(repository);
  found->second.pop_front();
  if (found->second.empty()) {
    lanes_.erase(found);
    return;
  }
  post([next = found->second.front()] { next(); });
}

// --- learning

void Keeper::ask(const std::string& method, const std::string& target, UpstreamClient::Done done,
                 const std::string& content_type, const std::string& body) {
  UpstreamRequest request;
  request.method = method;
  request.target = target;
  request.accept = oci::every_media_type();
  request.content_type = content_type;
  request.body = body;
  client_->ask(std::move(request), Urgency::someone_waits, std::move(done));
}

bool Keeper::holds_manifest(const std::string& repository, const std::string& digest) const {
  return index_.read(
      [&](const Index& facts) { return facts.find_manifest(repository, digest) != kNone; });
}

bool Keeper::knows_all_of(const std::string& repository) const {
  return index_.read([&](const Index& facts) {
    const auto* in = facts.find_repository(repository);
    return in != nullptr && in->known;
  });
}

std::string Keeper::root_of(const std::string& repository, const std::string& tag) const {
  return index_.read([&](const Index& facts) {
    const auto* found = facts.find_tag(repository, tag);
    return found == nullptr ? std::string() : facts.digest_of(found->root);
  });
}

void Keeper::survey(Survey::Question question, Survey::Done done) {
  question.is_known = [this, repository = question.repository](const std::string& digest) {
    return holds_manifest(repository, digest);
  };
  survey_all(std::move(question), std::move(done));
}

void Keeper::survey_all(Survey::Question question, Survey::Done done) {
  const auto id = next_survey_++;
  auto end = [this, id, done = std::move(done)](Surveyed surveyed) {
    post([this, id] { surveys_.erase(id); });
    done(std::move(surveyed));
  };
  const auto [at, is_new] =
      surveys_.emplace(id, std::make_unique<Survey>(*client_, std::move(question), std::move(end)));
  at->second->start();
}

void Keeper::learn(std::string repository, Known known) {
  post([this, repository = std::move(repository), known = std::move(known)]() mutable {
    const bool is_known =
        index_.read([&](const Index& facts) { return facts.is_known(repository); });
    const auto last = learned_.find(repository);
    const bool is_fresh = config_.upstream.exclusive ||
                          (last != learned_.end() && Clock::now() - last->second < kFresh);
    if (is_known && is_fresh) return known("");
    auto& waiters = learning_[repository];
    waiters.push_back(std::move(known));
    if (waiters.size() == 1) survey_repository(repository, Urgency::someone_waits);
  });
}

void Keeper::survey_repository(const std::string& repository, Urgency urgency) {
  enter(repository, [this, repository, urgency] {
    Survey::Question question;
    question.repository = repository;
    question.urgency = urgency;
    index_.read([&](const Index& facts) {
      const auto* in = facts.find_repository(repository);
      if (in == nullptr || !in->known) return;
      for (const auto& [name, tag] : in->tags) {
        question.known_tags.emplace(name, facts.digest_of(tag.root));
      }
    });
    survey(std::move(question), [this, repository](const Surveyed& surveyed) {
      if (surveyed.problem.empty()) take_survey(repository, surveyed, true);
      end_learning(repository, surveyed.problem);
      leave(repository);
    });
  });
}

// Writes down what was found. `all_tags`: what is not among its tags is gone.
void Keeper::take_survey(const std::string& repository, const Surveyed& surveyed, bool all_tags) {
  for (const auto& what : surveyed.skipped) spdlog::warn("index: passed over: {}", what);
  const bool was_there =
      index_.read([&](const Index& facts) { return facts.find_repository(repository) != nullptr; });
  if (!surveyed.exists && !was_there) return;
  for (const auto& each : surveyed.manifests) {
    ledger_.change([&](Index& facts) { facts.add_manifest(repository, each.second, now()); });
  }
  std::vector<TagRecord> moved;
  std::vector<std::string> gone;
  index_.read([&](const Index& facts) {
    const auto* in = facts.find_repository(repository);
    for (const auto& [name, digest] : surveyed.tags) {
      const auto* tag = in == nullptr ? nullptr : facts.find_tag(*in, name);
      if (tag == nullptr || facts.digest_of(tag->root) != digest) {
        moved.push_back({name, digest, "", now()});
      }
    }
    if (in == nullptr || !all_tags) return;
    for (const auto& [name, tag] : in->tags) {
      if (!surveyed.tags.contains(name)) gone.push_back(name);
    }
  });
  for (const auto& name : gone) record_untag(repository, name);
  for (std::size_t i = 0; i < moved.size(); i += kTagsAtOnce) {
    const auto end = std::min(moved.size(), i + kTagsAtOnce);
    ledger_.change([&](Index& facts) {
      for (auto at = i; at < end; ++at) facts.set_tag(repository, moved[at], now());
    });
  }
  if (all_tags) ledger_.change([&](Index& facts) { facts.set_known(repository, true); });
}

void Keeper::end_learning(const std::string& repository, const std::string& problem) {
  if (problem.empty()) {
    if (learned_.size() > kMostLearned) learned_.clear();
    if (!config_.upstream.exclusive) learned_[repository] = Clock::now();
  } else {
    spdlog::warn("index: {}", problem);
  }
  const auto found = learning_.find(repository);
  if (found == learning_.end()) return;
  const auto waiters = std::move(found->second);
  learning_.erase(found);
  for (const auto& known : waiters) known(problem);
}

void Keeper::learn_catalog(Known known) {
  post([this, known = std::move(known)]() mutable {
    if (status().complete && (config_.upstream.exclusive || Clock::now() - catalog_at_ < kFresh)) {
      return known("");
    }
    catalog_waiters_.push_back(std::move(known));
    if (catalog_runs_) return;
    catalog_runs_ = true;
    catalog_problem_.clear();
    to_learn_in_all_ = 0;
    list_catalog("");
  });
}

void Keeper::list_catalog(const std::string& last) {
  ask("GET", catalog_target(last),
      [this, last](const UpstreamAnswer& answer) { on_catalog(answer, last); });
}

void Keeper::on_catalog(const UpstreamAnswer& answer, const std::string& last) {
  std::string problem;
  const auto page = read_catalog_page(answer, last, problem);
  if (!page) return end_catalog(problem);
  for (const auto& name : page->repositories) {
    if (knows_all_of(name)) continue;
    to_learn_.push_back(name);
    ++to_learn_in_all_;
  }
  if (!page->next.empty()) return list_catalog(page->next);
  if (to_learn_in_all_ > 0) {
    spdlog::info("index: {} repositories of the registry are to be learned", to_learn_in_all_);
  }
  told_at_ = Clock::now();
  learn_next();
}

void Keeper::learn_next() {
  {
    const std::lock_guard lock(mutex_);
    status_.repositories_to_learn = to_learn_.size() + learning_in_background_;
  }
  if (Clock::now() - told_at_ > kTell) {
    told_at_ = Clock::now();
    spdlog::info("index: {} of {} repositories learned",
                 to_learn_in_all_ - to_learn_.size() - learning_in_background_, to_learn_in_all_);
  }
  while (!to_learn_.empty() && learning_in_background_ < kLearnAtOnce) {
    const auto repository = std::move(to_learn_.front());
    to_learn_.pop_front();
    ++learning_in_background_;
    const bool runs = learning_.contains(repository);
    learning_[repository].push_back([this](const std::string& problem) {
      --learning_in_background_;
      if (!problem.empty()) {
        to_learn_.clear();
        catalog_problem_ = problem;
      }
      learn_next();
    });
    if (!runs) survey_repository(repository, Urgency::background);
  }
  if (to_learn_.empty() && learning_in_background_ == 0 && catalog_runs_) {
    end_catalog(catalog_problem_);
  }
}

void Keeper::end_catalog(const std::string& problem) {
  catalog_runs_ = false;
  catalog_at_ = Clock::now();
  to_learn_.clear();
  if (!problem.empty()) {
    spdlog::warn("index: {}", problem);
  } else {
    const bool was_complete = status().complete;
    if (!was_complete) ledger_.change([](Index& facts) { facts.set_complete(true); });
    {
      const std::lock_guard lock(mutex_);
      status_.complete = true;
      status_.repositories_to_learn = 0;
    }
    if (!was_complete) spdlog::info("index: complete");
  }
  const auto waiters = std::exchange(catalog_waiters_, {});
  for (const auto& known : waiters) known(problem);
}

void Keeper::revalidate(std::string repository, std::string tag, Known known) {
  post([this, repository = std::move(repository), tag = std::move(tag),
        known = std::move(known)]() mutable {
    const auto [at, is_new] = revalidations_.try_emplace({std::move(repository), std::move(tag)});
    // The answer that is on its way may be older than this question.
    at->second.next.push_back(std::move(known));
    if (is_new) ask_for_tag(at->first);
  });
}

void Keeper::ask_for_tag(const Tag& tag) {
  auto& found = revalidations_[tag];
  found.asked_at = Clock::now();
  const auto question = std::make_shared<Question>(
      Question{tag.first, tag.second, ++questions_, std::exchange(found.next, {})});
  found.question = question->number;
  ask("HEAD", manifest_target(question->repository, question->tag),
      [this, question](const UpstreamAnswer& answer) {
        const auto at = root_of(question->repository, question->tag);
        if (answer.status == 404 ? at.empty() : answer.status == 200 && answer.digest == at) {
          return end_question(*question, "");
        }
        if (answer.status != 200 && answer.status != 404) {
          return end_question(*question, answer.why_not());
        }
        enter(question->repository, [this, question] { survey_tag(question); });
      });
}

void Keeper::survey_tag(const std::shared_ptr<Question>& question) {
  Survey::Question asked;
  asked.repository = question->repository;
  asked.only_tag = question->tag;
  asked.urgency = Urgency::someone_waits;
  survey(std::move(asked), [this, question](const Surveyed& surveyed) {
    if (surveyed.problem.empty()) {
      take_survey(question->repository, surveyed, false);
      if (surveyed.tags.empty()) record_untag(question->repository, question->tag);
    }
    end_question(*question, surveyed.problem);
    leave(question->repository);
  });
}

void Keeper::end_question(const Question& question, const std::string& problem) {
  for (const auto& known : question.waiting) known(problem);
  const auto found = revalidations_.find({question.repository, question.tag});
  if (found == revalidations_.end() || found->second.question != question.number) return;
  if (found->second.next.empty()) {
    revalidations_.erase(found);
  } else {
    ask_for_tag(found->first);
  }
}

// An answer that takes long holds up only who waits for it.
void Keeper::ask_again() {
  const auto late = Clock::now() - kPatience;
  for (const auto& [tag, revalidation] : revalidations_) {
    if (!revalidation.next.empty() && revalidation.asked_at < late) ask_for_tag(tag);
  }
}

void Keeper::fetch_manifest(std::string repository, std::string digest,
                            std::function<void(Fetched)> done) {
  post([this, repository = std::move(repository), digest = std::move(digest),
        done = std::move(done)] {
    ask("GET", manifest_target(repository, digest), [repository, digest, done](auto answer) {
      if (answer.status != 200) return done({});
      if (!oci::is_digest_of(digest, answer.body)) {
        return done({nullptr, repository + ": the registry gives other bytes for " + digest});
      }
      done({std::make_shared<const std::string>(std::move(answer.body)), ""});
    });
  });
}

// --- changes

void Keeper::possess(std::string repository, std::string digest, std::string account) {
  auto touched = ledger_.remember(
      [&](Index& facts) { facts.possess(repository, digest, account, Held::blob, now()); });
  post([this, touched = std::move(touched)]() mutable { ledger_.write_down(std::move(touched)); });
}

void Keeper::set_accounts(const std::vector<AccountRecord>& accounts) {
  if (index_.read([&](const Index& facts) { return facts.has_accounts(accounts); })) return;
  auto touched = ledger_.remember([&](Index& facts) { facts.set_accounts(accounts); });
  post([this, touched = std::move(touched)]() mutable { ledger_.write_down(std::move(touched)); });
}

void Keeper::change(const std::string& repository, const std::string& account, const Done& done,
                    std::function<void(Done)> job) {
  // One who sends many must not keep the others from theirs.
  const auto key = repository + '\n' + account;
  if (changes_of_[key] >= kChangesOfAccount) {
    done({Outcome::Kind::busy, 0, "", ""});
    return;
  }
  ++changes_of_[key];
  const Done told = [this, key, done](Outcome outcome) {
    if (--changes_of_[key] == 0) changes_of_.erase(key);
    done(std::move(outcome));
  };
  enter(repository, [this, repository, told, job = std::move(job)] {
    if (unresolved_.contains(repository)) {
      told(failed("it is not known yet what became of an earlier change; try again"));
      return leave(repository);
    }
    if (knows_all_of(repository)) return job(told);
    // A new name, or one that the catalogue did not show when it was asked.
    Survey::Question question;
    question.repository = repository;
    question.urgency = Urgency::someone_waits;
    survey(std::move(question), [this, repository, told, job](const Surveyed& surveyed) {
      if (!surveyed.problem.empty()) {
        told(failed(surveyed.problem));
        return leave(repository);
      }
      take_survey(repository, surveyed, true);
      job(told);
    });
  });
}

void Keeper::push(Push push, Done done) {
  auto shared = std::make_shared<Push>(std::move(push));
  post([this, shared, done = std::move(done)] {
    change(shared->repository, shared->account, done,
           [this, shared](const Done& told) { decide_push(shared, told); });
  });
}

void Keeper::decide_push(const std::shared_ptr<Push>& push, const Done& done) {
  const auto refusal = index_.read([&](const Index& facts) -> std::optional<Outcome::Kind> {
    const auto* tag = push->tag.empty() ? nullptr : facts.find_tag(push->repository, push->tag);
    if (tag != nullptr) {
      const bool is_own =
          tag->account != kNone && facts.account_name(tag->account) == push->account;
      const bool is_same = facts.digest_of(tag->root) == push->digest;
      if (push->condition == Push::Condition::unchanged && !is_same) {
        return Outcome::Kind::condition;
      }
      if (push->condition == Push::Condition::own && !is_own) return Outcome::Kind::condition;
    }
    if (push->still && !push->still(facts)) return Outcome::Kind::changed;
    return std::nullopt;
  });
  if (refusal) {
    done({*refusal, 0, "", ""});
    return leave(push->repository);
  }
  begin({0, push->repository, push->tag, push->digest, "", push->account, push->address}, done,
        [this, push, done](const Intent& intent) { put(push, done, intent); });
}

void Keeper::begin(Intent intent, const Done& done, std::function<void(const Intent&)> next) {
  auto shared = std::make_shared<Intent>(std::move(intent));
  write([shared](Store& store) { shared->id = store.add_intent(*shared); },
        [this, shared, done, next = std::move(next)](bool written) {
          if (written) return next(*shared);
          done(failed("the index cannot be written"));
          leave(shared->repository);
        });
}

void Keeper::put(const std::shared_ptr<Push>& push, const Done& done, const Intent& intent) {
  const auto reference = push->tag.empty() ? push->digest : push->tag;
  ask(
      "PUT", manifest_target(push->repository, reference),
      [this, push, done, intent](const UpstreamAnswer& answer) {
        if (answer.is_success()) {
          record_push(*push);
          return end_change(intent, done, {Outcome::Kind::done, answer.status, "", ""});
        }
        if (answer.status >= 400 && answer.status < 500) {
          return end_change(intent, done, {Outcome::Kind::refused, answer.status, answer.body, ""});
        }
        doubt(intent, done, answer.why_not());
      },
      push->content_type, push->body);
}

void Keeper::record_push(const Push& push) {
  auto record = record_of(push.manifest, push.digest, push.body.size());
  if (record.subject() != nullptr) record.putters = {{push.account, push.address}};
  const TagRecord tag{push.tag, push.digest, push.account, now()};
  ledger_.change([&](Index& facts) {
    facts.add_manifest(push.repository, record, tag.at);
    facts.possess(push.repository, push.digest, push.account, Held::manifest, tag.at);
    facts.set_known(push.repository, true);  // it was surveyed before, and exists now
    if (!tag.name.empty()) facts.set_tag(push.repository, tag, tag.at);
  });
}

void Keeper::record_untag(const std::string& repository, const std::string& tag) {
  ledger_.change([&](Index& facts) { facts.remove_tag(repository, tag, now()); });
}

void Keeper::record_removal(const std::string& repository, const std::string& digest) {
  ledger_.change([&](Index& facts) { facts.remove_manifest(repository, digest, now()); });
}

// The outcome is known. Told when it and the end of the intent are on disk.
void Keeper::end_change(const Intent& intent, const Done& done, Outcome outcome) {
  write([id = intent.id](Store& store) { store.drop_intent(id); });
  // By a change of its own, so that the facts before it are kept if this commit fails: then the
  // intent is still there, and the answer is true all the same.
  write(
      [](Store&) {},
      [this, repository = intent.repository, done, outcome = std::move(outcome)](bool /*written*/) {
        done(outcome);
        leave(repository);
      });
}

void Keeper::doubt(const Intent& intent, const Done& done, const std::string& problem) {
  spdlog::warn("index: {}: the registry did not say whether it was done: {}", intent.repository,
               problem);
  done(failed("the registry did not say whether it was done"));
  ++unresolved_[intent.repository];
  {
    const std::lock_guard lock(mutex_);
    ++status_.intents;
    ++status_.unresolved;
  }
  // Still in the lane: nothing is decided on facts that may be wrong.
  resolve(intent, 0);
}

// In the intent's lane: makes the index what the upstream is.
void Keeper::resolve(const Intent& intent, int attempt) {
  Survey::Question question;
  question.repository = intent.repository;
  question.only_tag = intent.tag;
  question.no_tags = true;
  question.urgency = Urgency::someone_waits;
  if (!intent.digest.empty()) question.also = {intent.digest};
  // All of it is asked for, whatever is known: the question is what is there.
  survey_all(std::move(question), [this, intent, attempt](const Surveyed& surveyed) {
    if (!surveyed.problem.empty()) return resolved(intent, attempt, false);
    const auto tag = surveyed.tags.find(intent.tag);
    if (tag != surveyed.tags.end() && tag->second == intent.stand_in) {
      ask("DELETE", manifest_target(intent.repository, intent.stand_in),
          [this, intent, attempt](const UpstreamAnswer& answer) {
            const bool gone = answer.status == 202 || answer.status == 404;
            if (gone) record_untag(intent.repository, intent.tag);
            resolved(intent, attempt, gone);
          });
      return;
    }
    if (!intent.digest.empty()) resolve_manifest(intent, surveyed);
    if (!intent.tag.empty()) resolve_tag(intent, surveyed);
    resolved(intent, attempt, true);
  });
}

void Keeper::resolve_manifest(const Intent& intent, const Surveyed& surveyed) {
  const auto found = surveyed.manifests.find(intent.digest);
  if (found == surveyed.manifests.end()) {
    return record_removal(intent.repository, intent.digest);
  }
  const bool was_pushed =
      !intent.account.empty() && (intent.tag.empty() || surveyed.tags.contains(intent.tag));
  if (!was_pushed) return;
  auto record = found->second;
  if (record.subject() != nullptr) record.putters = {{intent.account, intent.address}};
  ledger_.change([&](Index& facts) {
    facts.add_manifest(intent.repository, record, now());
    facts.possess(intent.repository, intent.digest, intent.account, Held::manifest, now());
  });
}

void Keeper::resolve_tag(const Intent& intent, const Surveyed& surveyed) {
  const auto ours = root_of(intent.repository, intent.tag);
  const auto tag = surveyed.tags.find(intent.tag);
  const auto theirs = tag == surveyed.tags.end() ? std::string() : tag->second;
  if (ours == theirs) return;
  if (theirs.empty()) return record_untag(intent.repository, intent.tag);
  const TagRecord moved{intent.tag, theirs, theirs == intent.digest ? intent.account : "", now()};
  ledger_.change([&](Index& facts) {
    for (const auto& [digest, record] : surveyed.manifests) {
      if (digest != intent.digest && facts.find_manifest(intent.repository, digest) == kNone) {
        facts.add_manifest(intent.repository, record, moved.at);
      }
    }
    facts.set_tag(intent.repository, moved, moved.at);
  });
}

void Keeper::resolved(const Intent& intent, int attempt, bool known) {
  const auto next = known ? attempt + 1 : attempt;
  if (known && attempt == 0) {
    if (--unresolved_[intent.repository] == 0) unresolved_.erase(intent.repository);
    const std::lock_guard lock(mutex_);
    --status_.unresolved;
  }
  if (next < kLooks) {
    const auto pause = known ? kDoubtful[next] : kUnreachable;
    doubts_.push_back({intent, next, Clock::now() + pause});
  } else {
    write([id = intent.id](Store& store) { store.drop_intent(id); });
    const std::lock_guard lock(mutex_);
    --status_.intents;
  }
  leave(intent.repository);
}

void Keeper::remove_digest(Delete request, Done done,
                           std::function<void(const Delete&, const Done&)> job) {
  auto shared = std::make_shared<Delete>(std::move(request));
  post([this, shared, done = std::move(done), job = std::move(job)] {
    change(shared->repository, shared->account, done, [this, shared, job](const Done& told) {
      if (index_.read(shared->still)) return job(*shared, told);
      told({Outcome::Kind::changed, 0, "", ""});
      leave(shared->repository);
    });
  });
}

void Keeper::remove_manifest(Delete request, Done done) {
  remove_digest(std::move(request), std::move(done), [this](const Delete& it, const Done& told) {
    begin({0, it.repository, "", it.reference, "", "", ""}, told,
          [this, told](const Intent& intent) { delete_manifest(intent, told); });
  });
}

void Keeper::delete_manifest(const Intent& intent, const Done& done) {
  ask("DELETE", manifest_target(intent.repository, intent.digest),
      [this, intent, done](const UpstreamAnswer& answer) {
        const auto outcome = outcome_of_delete(answer);
        if (!outcome) return doubt(intent, done, answer.why_not());
        if (is_gone(*outcome)) record_removal(intent.repository, intent.digest);
        end_change(intent, done, *outcome);
      });
}

void Keeper::remove_blob(Delete request, Done done) {
  remove_digest(std::move(request), std::move(done), [this](const Delete& it, const Done& told) {
    ask("DELETE", "/v2/" + it.repository + "/blobs/" + it.reference,
        [this, repository = it.repository, digest = it.reference,
         told](const UpstreamAnswer& answer) {
          const auto outcome = outcome_of_delete(answer).value_or(
              failed("the registry did not say whether it was done: " + answer.why_not()));
          if (is_gone(outcome)) {
            ledger_.change([&](Index& facts) { facts.remove_blob(repository, digest); });
          }
          told(outcome);
          leave(repository);
        });
  });
}

void Keeper::remove_tag(Delete request, Done done) {
  auto shared = std::make_shared<Delete>(std::move(request));
  post([this, shared, done = std::move(done)] {
    change(shared->repository, shared->account, done, [this, shared](const Done& told) {
      const auto refusal = index_.read([&](const Index& facts) -> std::optional<Outcome::Kind> {
        if (facts.find_tag(shared->repository, shared->reference) == nullptr) {
          return Outcome::Kind::absent;
        }
        return shared->still(facts) ? std::nullopt : std::optional(Outcome::Kind::changed);
      });
      if (refusal) {
        told({*refusal, 0, "", ""});
        return leave(shared->repository);
      }
      auto body = std::make_shared<std::string>(make_stand_in());
      begin({0, shared->repository, shared->reference, "", oci::sha256_of(*body), "", ""}, told,
            [this, body, told](const Intent& intent) { take_tag_away(intent, body, told); });
    });
  });
}

// A registry that knows how does it at once (3.x). 2.8 does not: there a manifest of our own is put
// over the tag and deleted by its digest, which takes the tag along and leaves what it was at.
void Keeper::take_tag_away(const Intent& intent, const std::shared_ptr<std::string>& stand_in,
                           const Done& done) {
  ask("DELETE", manifest_target(intent.repository, intent.tag),
      [=, this](const UpstreamAnswer& native) {
        if (native.is_success() || native.status == 404) {
          record_untag(intent.repository, intent.tag);
          return end_change(intent, done, {Outcome::Kind::done, 202, "", ""});
        }
        if (native.status != 400 && native.status != 405) {
          return doubt(intent, done, native.why_not());
        }
        // A registry that does not delete would keep the stand-in for ever.
        ask("DELETE", manifest_target(intent.repository, intent.stand_in),
            [=, this](const UpstreamAnswer& probe) {
              if (probe.status != 404) {
                return end_change(intent, done, {Outcome::Kind::unsupported, 405, "", ""});
              }
              put_stand_in(intent, stand_in, done);
            });
      });
}

void Keeper::put_stand_in(const Intent& intent, const std::shared_ptr<std::string>& stand_in,
                          const Done& done) {
  ask(
      "PUT", manifest_target(intent.repository, intent.tag),
      [=, this](const UpstreamAnswer& put) {
        if (put.status >= 400 && put.status < 500) {
          return end_change(intent, done, {Outcome::Kind::refused, put.status, put.body, ""});
        }
        if (!put.is_success()) return doubt(intent, done, put.why_not());
        ask("DELETE", manifest_target(intent.repository, intent.stand_in),
            [=, this](const UpstreamAnswer& removed) {
              if (!removed.is_success() && removed.status != 404) {
                return doubt(intent, done, removed.why_not());
              }
              record_untag(intent.repository, intent.tag);
              end_change(intent, done, {Outcome::Kind::done, 202, "", ""});
            });
      },
      std::string(oci::to_string(oci::MediaType::index)), *stand_in);
}

// --- what is left over

void Keeper::forget_some() {
  ledger_.change(
      [&](Index& facts) { forget_from_ = facts.forget(forget_from_, kForgetAtOnce, now()); });
  if (forget_from_ == kNone) forget_from_ = 0;
}

std::vector<std::string> Keeper::covered() const {
  const std::lock_guard lock(mutex_);
  return covered_;
}

void Keeper::remember_covered(std::vector<std::string> patterns) {
  std::vector<std::string> added;
  {
    const std::lock_guard lock(mutex_);
    std::set_difference(patterns.begin(), patterns.end(), covered_.begin(), covered_.end(),
                        std::back_inserter(added));
    if (added.empty()) return;
    const auto middle = static_cast<std::ptrdiff_t>(covered_.size());
    covered_.insert(covered_.end(), added.begin(), added.end());
    std::inplace_merge(covered_.begin(), covered_.begin() + middle, covered_.end());
  }
  post([this, added = std::move(added)] {
    write([added](Store& store) {
      for (const auto& pattern : added) store.add_covered(pattern);
    });
  });
}

}  // namespace layergate::index

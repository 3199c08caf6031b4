// Keeps the index, its copy on disk and the upstream in step: the one place where any of them
// changes.
//
// All that changes manifests and tags of one repository is done one after the other (a lane), so
// that what is decided about a tag still holds when it is carried out. Before something is asked of
// the upstream it is written down as an intent; after its answer, the outcome and the end of the
// intent are written in one step. docs/decisions/0006-intents.md says why that is enough.
//
// Thread safety: all public members may be called from any thread. `done` functions are called on
// the keeper's thread and must only hand on.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/task_queue.h"
#include "config/config.h"
#include "index/ledger.h"
#include "index/shared_index.h"
#include "index/store.h"
#include "index/survey.h"
#include "index/upstream_client.h"

struct event;
struct event_base;

namespace layergate::index {

// Whether a change is still allowed. Asked when its turn comes, under the index' lock: what it was
// decided on may have changed while it waited.
using Still = std::function<bool(const Index&)>;

// A manifest to be put.
struct Push {
  // What must hold of the tag at the moment of the push.
  enum class Condition : std::uint8_t {
    none,
    unchanged,  // it does not exist, or is at this very manifest: it is immutable
    own,        // it does not exist, or was last pushed by this account
  };

  std::string repository;
  std::string tag;  // empty: by its digest
  std::string digest;
  std::string content_type;
  std::string body;
  oci::Manifest manifest;  // what the body says
  std::string account;
  std::string address;
  Condition condition = Condition::none;
  Still still;
};

// A tag, a manifest or a blob to be deleted.
struct Delete {
  std::string repository;
  std::string reference;  // tag or digest
  std::string account;
  Still still;
};

// What became of a change.
struct Outcome {
  enum class Kind : std::uint8_t {
    done,
    condition,    // Push::condition does not hold
    changed,      // Still says no
    busy,         // the account has too many changes of the repository waiting
    absent,       // there is no such tag or manifest
    unsupported,  // the registry does not delete
    refused,      // by the registry: `status` and `body` are its own
    failed,       // the registry did not answer, or the disk is full: `problem` says which
  };
  Kind kind = Kind::done;
  int status = 0;
  std::string body;
  std::string problem;
};

class Keeper {
 public:
  using Done = std::function<void(Outcome)>;
  // The argument: empty, or why it cannot be known now.
  using Known = std::function<void(std::string problem)>;

  // Opens state/index.db and loads it. Throws std::runtime_error: in use by another process, or
  // what Store says.
  Keeper(const config::Config& config, SharedIndex& index,
         UpstreamClient::Addresses addresses = {});
  // Writes out what waits. No `done` is called any more.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void start();

  // Brings a repository that is_known() says no to from the upstream; or, when others write there
  // too, makes its list of tags new.
  void learn(std::string repository, Known known);
  // The same for the catalogue.
  void learn_catalog(Known known);
  // When others write to the upstream too: asks it where the tag is. Who asks while an answer is on
  // its way shares the next one, which is never older than the question.
  void revalidate(std::string repository, std::string tag, Known known);

  void push(Push push, Done done);
  void remove_tag(Delete request, Done done);
  void remove_manifest(Delete request, Done done);
  void remove_blob(Delete request, Done done);
  // The account uploaded or mounted it. In force when this returns; on disk soon.
  void possess(std::string repository, std::string digest, std::string account);

  // All accounts of the policy that is about to come into force (Index::set_accounts). In force
  // when this returns; on disk soon, together with what it changed.
  void set_accounts(const std::vector<AccountRecord>& accounts);

  // A manifest out of the registry, for who may read it. Only bytes that have the digest.
  struct Fetched {
    std::shared_ptr<const std::string> body;  // or nullptr, if the registry did not give it
    std::string problem;                      // it gave other bytes
  };
  void fetch_manifest(std::string repository, std::string digest,
                      std::function<void(Fetched)> done);

  // Patterns of allow rules of the policies up to now (acl/loader.h).
  [[nodiscard]] std::vector<std::string> covered() const;
  void remember_covered(std::vector<std::string> patterns);

  struct Status {
    bool complete = false;  // the whole upstream is known
    std::size_t repositories_to_learn = 0;
    std::size_t intents = 0;     // changes that the upstream is asked about again
    std::size_t unresolved = 0;  // of those, the ones whose outcome is not known
    std::string problem;         // of the disk or the upstream, or empty
  };
  [[nodiscard]] Status status() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Change {
    std::function<void(Store&)> write;
    std::function<void(bool written)> done;  // or none: then it is tried until it is written
  };

  // Runs `task` on the keeper's thread, never from here.
  void post(std::function<void()> task) { tasks_.post(std::move(task)); }
  static void on_wake(int fd, short what, void* self);
  static void on_tick(int fd, short what, void* self);
  void tick();

  // --- the disk
  void write(std::function<void(Store&)> change, std::function<void(bool)> done = {});
  void commit();

  // --- lanes
  void enter(const std::string& repository, std::function<void()> job);
  void leave(const std::string& repository);

  // --- learning
  // What the index says now.
  [[nodiscard]] bool holds_manifest(const std::string& repository, const std::string& digest) const;
  [[nodiscard]] bool knows_all_of(const std::string& repository) const;
  [[nodiscard]] std::string root_of(const std::string& repository, const std::string& tag) const;
  // Without what the index knows already; or all of it.
  void survey(Survey::Question question, Survey::Done done);
  void survey_all(Survey::Question question, Survey::Done done);
  void survey_repository(const std::string& repository, UpstreamClient::Urgency urgency);
  void take_survey(const std::string& repository, const Surveyed& surveyed, bool all_tags);
  void end_learning(const std::string& repository, const std::string& problem);
  // Where a tag is: who has to wait for the answer to this question.
  struct Question {
    std::string repository;
    std::string tag;
    std::uint64_t number = 0;
    std::vector<Known> waiting;
  };
  using Tag = std::pair<std::string, std::string>;  // repository and tag
  void ask_for_tag(const Tag& tag);
  void survey_tag(const std::shared_ptr<Question>& question);
  void end_question(const Question& question, const std::string& problem);
  void ask_again();
  void list_catalog(const std::string& last);
  void on_catalog(const UpstreamAnswer& answer, const std::string& last);
  void learn_next();
  void end_catalog(const std::string& problem);

  // --- changes
  // `job` in the repository's lane, if the account has not too many there, nothing of the
  // repository is in doubt, and all of it is known.
  void change(const std::string& repository, const std::string& account, const Done& done,
              std::function<void(Done)> job);
  void decide_push(const std::shared_ptr<Push>& push, const Done& done);
  // Writes the intent down; then `next`, or, if it cannot be written, `done` and out of the lane.
  void begin(Intent intent, const Done& done, std::function<void(const Intent&)> next);
  void put(const std::shared_ptr<Push>& push, const Done& done, const Intent& intent);
  void record_push(const Push& push);
  void remove_digest(Delete request, Done done,
                     std::function<void(const Delete&, const Done&)> job);
  void delete_manifest(const Intent& intent, const Done& done);
  void take_tag_away(const Intent& intent, const std::shared_ptr<std::string>& stand_in,
                     const Done& done);
  void put_stand_in(const Intent& intent, const std::shared_ptr<std::string>& stand_in,
                    const Done& done);
  // The tag leaves its manifest.
  void record_untag(const std::string& repository, const std::string& tag);
  void record_removal(const std::string& repository, const std::string& digest);
  void end_change(const Intent& intent, const Done& done, Outcome outcome);
  // The upstream may or may not have carried it out.
  void doubt(const Intent& intent, const Done& done, const std::string& problem);
  void resolve(const Intent& intent, int attempt);
  void resolve_manifest(const Intent& intent, const Surveyed& surveyed);
  void resolve_tag(const Intent& intent, const Surveyed& surveyed);
  void resolved(const Intent& intent, int attempt, bool known);
  void forget_some();
  void set_problem(const std::string& problem);

  void ask(const std::string& method, const std::string& target, UpstreamClient::Done done,
           const std::string& content_type = "", const std::string& body = "");
  [[nodiscard]] static Seconds now();

  struct FreeBase {
    void operator()(event_base* base) const;
  };
  struct FreeEvent {
    void operator()(event* e) const;
  };

  const config::Config& config_;
  SharedIndex& index_;
  Fd lock_;
  Store store_;
  Ledger ledger_;
  std::unique_ptr<event_base, FreeBase> base_;
  TaskQueue tasks_;
  std::unique_ptr<event, FreeEvent> wake_event_;
  std::unique_ptr<event, FreeEvent> tick_event_;

  mutable std::mutex mutex_;
  Status status_;  // guarded by mutex_, as is the next one
  std::vector<std::string> covered_;

  // Of the keeper's thread only:
  std::vector<Change> changes_;  // waiting for the next commit
  bool commit_due_ = false;
  Clock::time_point retry_at_{};
  std::map<std::string, std::deque<std::function<void()>>> lanes_;  // the first one runs
  std::map<std::uint64_t, std::unique_ptr<Survey>> surveys_;
  std::uint64_t next_survey_ = 0;
  std::map<std::string, std::vector<Known>> learning_;  // who waits for each
  std::map<std::string, Clock::time_point> learned_;    // when, if others write too
  struct Revalidation {
    std::uint64_t question = 0;  // whose answer is on its way; the latest
    Clock::time_point asked_at;
    std::vector<Known> next;  // came since
  };
  std::map<Tag, Revalidation> revalidations_;
  std::uint64_t questions_ = 0;
  std::vector<Known> catalog_waiters_;
  bool catalog_runs_ = false;
  Clock::time_point catalog_at_{};
  std::deque<std::string> to_learn_;
  std::size_t learning_in_background_ = 0;
  std::string catalog_problem_;
  std::size_t to_learn_in_all_ = 0;
  Clock::time_point told_at_{};
  struct Doubt {
    Intent intent;
    int attempt = 0;
    Clock::time_point at;
  };
  std::vector<Doubt> doubts_;
  std::map<std::string, int> unresolved_;  // by repository: changes whose outcome is not known
  std::map<std::string, int> changes_of_;  // by repository and account: how many wait
  NodeId forget_from_ = 0;
  std::unique_ptr<UpstreamClient> client_;
  std::thread thread_;
};

}  // namespace layergate::index

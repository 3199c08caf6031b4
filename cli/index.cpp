#include <chrono>
#include <exception>
#include <iostream>
#include <set>
#include <thread>

#include "base/file_lock.h"
#include "cli/load_config.h"
#include "index/inspection.h"
#include "index/ledger.h"

namespace layergate::cli {
namespace {

using index::Index;
using index::Inspection;
using index::Store;

constexpr int kLooks = 3;  // at what differs, while the proxy runs and things change

Index::Options options_of(const config::Config& config) {
  return {config.index.grace, config.index.untagged};
}

std::filesystem::path file_of(const config::Config& config) { return config.state / "index.db"; }

bool exists(const config::Config& config) {
  std::error_code ignored;
  if (std::filesystem::exists(file_of(config), ignored)) return true;
  std::cerr << "error: there is no index yet: " << file_of(config).string()
            << " is made by `layergate serve` or `layergate index rebuild`\n";
  return false;
}

std::set<std::string> known_repositories(const Index& index) {
  std::set<std::string> names;
  for (const auto* at = index.next_repository(""); at != nullptr;
       at = index.next_repository(at->name)) {
    names.insert(at->name);
  }
  return names;
}

// Says how far it is, now and then.
class Progress {
 public:
  explicit Progress(std::size_t all) : all_(all) {}
  void step() {
    ++done_;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(2) && done_ != all_) return;
    told_ = now;
    std::cerr << done_ << " of " << all_ << " repositories\n";
  }

 private:
  const std::size_t all_;
  std::size_t done_ = 0;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

int stats(const config::Config& config) {
  if (!exists(config)) return 1;
  Store store(file_of(config), Store::Mode::read);
  Index index(options_of(config));
  const auto start = std::chrono::steady_clock::now();
  store.load(index);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const auto found = index.stats();
  std::cout << "complete      " << (index.is_complete() ? "yes" : "no, still being learned") << '\n'
            << "repositories  " << found.repositories << '\n'
            << "tags          " << found.tags << '\n'
            << "manifests     " << found.manifests << '\n'
            << "referrers     " << found.referrers << '\n'
            << "digests       " << found.nodes << '\n'
            << "links         " << found.links << '\n'
            << "possessions   " << found.possessions << '\n'
            << "accounts      " << found.accounts << '\n'
            << "open intents  " << store.intents().size() << '\n'
            << "memory        " << found.bytes / (1U << 20U) << " MiB, about\n"
            << "loaded in     " << static_cast<int>(taken.count() * 1000) << " ms\n";
  return 0;
}

int verify(const config::Config& config) {
  if (!exists(config)) return 1;
  Inspection inspection(config);
  auto names = inspection.repositories();
  std::size_t tags = 0;
  std::size_t manifests = 0;
  std::vector<std::string> wrong;
  std::set<std::string> suspects;
  {
    Store store(file_of(config), Store::Mode::read);
    Index index(options_of(config));
    store.load(index);
    if (!index.is_complete()) {
      std::cerr << "warning: the index is still being learned\n";
    }
    names.merge(known_repositories(index));
    Progress progress(names.size());
    for (const auto& name : names) {
      const auto surveyed = inspection.survey(index, name);
      tags += surveyed.tags.size();
      manifests += surveyed.manifests.size();
      for (const auto& what : surveyed.skipped) std::cerr << "passed over: " << what << '\n';
      if (!index::differences(index, name, surveyed).empty()) suspects.insert(name);
      progress.step();
    }
  }
  // What changed between the two looks is no difference.
  for (const auto& name : suspects) {
    std::vector<std::string> left;
    for (int look = 0; look < kLooks; ++look) {
      Store store(file_of(config), Store::Mode::read);
      Index index(options_of(config));
      store.load(index, name);
      left = index::differences(index, name, inspection.survey(index, name));
      if (left.empty()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    wrong.insert(wrong.end(), left.begin(), left.end());
  }
  for (const auto& what : wrong) std::cout << what << '\n';
  std::cout << names.size() << " repositories, " << tags << " tags, " << manifests << " manifests: "
            << (wrong.empty() ? "equal"
                              : std::to_string(wrong.size()) +
                                    " differences; `layergate index "
                                    "rebuild` makes them equal")
            << '\n';
  return wrong.empty() ? 0 : 1;
}

int rebuild(const config::Config& config) {
  std::filesystem::create_directories(config.state);
  const auto lock = lock_file(config.state / "index.lock", config.state, std::chrono::seconds(2));
  if (!lock) {
    std::cerr << "error: " << lock.error()
              << "\nA running proxy keeps the index itself; stop it before a rebuild.\n";
    return 4;
  }
  Inspection inspection(config);
  auto names = inspection.repositories();
  Store store(file_of(config), Store::Mode::write);
  index::SharedIndex index(options_of(config));
  index.write([&](Index& facts) { store.load(facts); });
  index::Ledger ledger(index, [&](const std::function<void(Store&)>& change) {
    store.begin();
    try {
      change(store);
      store.commit();
    } catch (...) {
      store.roll_back();
      throw;
    }
  });
  names.merge(index.read([](const Index& facts) { return known_repositories(facts); }));
  // From here on, if this is cut off, what is missing is learned by the proxy.
  ledger.change([&](Index& facts) {
    facts.set_complete(false);
    for (const auto& name : names) facts.set_known(name, false);
  });
  Progress progress(names.size());
  for (const auto& name : names) {
    const auto surveyed =
        index.read([&](const Index& facts) { return inspection.survey(facts, name); });
    for (const auto& what : surveyed.skipped) std::cerr << "passed over: " << what << '\n';
    index::rebuild(ledger, name, surveyed);
    progress.step();
  }
  ledger.change([](Index& facts) { facts.set_complete(true); });
  std::cout << "rebuilt from the registry: " << names.size() << " repositories\n";
  return 0;
}

}  // namespace

void add_index(CLI::App& app, const Globals& globals, int& exit_code) {
  auto* verb = app.add_subcommand("index", "What the proxy knows of tags and digests")
                   ->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*run)(const config::Config&)) {
    verb->add_subcommand(name, help)->callback([&globals, &exit_code, run] {
      const auto config = load_config(globals);
      if (!config) {
        exit_code = 3;
        return;
      }
      try {
        exit_code = run(*config);
      } catch (const std::exception& error) {
        std::cerr << "error: " << error.what() << '\n';
        exit_code = 4;
      }
    });
  };
  add("stats", "How much it holds", stats);
  add("verify", "Compare it with the registry, and change nothing; 1 if they differ", verify);
  add("rebuild", "Make it anew from the registry, while the proxy is stopped", rebuild);
}

}  // namespace layergate::cli

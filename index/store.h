// The index on disk: state/index.db, SQLite in WAL mode.
//
// docs/decisions/0006-intents.md says how it and the upstream agree after a crash: what is about to
// change in the upstream is written down as an intent before, and asked for at the next start.
//
// Thread safety: belongs to one thread. Errors of the disk are thrown as std::runtime_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"
#include "index/index.h"
#include "index/record.h"

namespace layergate::index {

// What was about to happen in the upstream when it was written.
struct Intent {
  std::int64_t id = 0;
  std::string repository;
  std::string tag;     // whose digest may change, or empty
  std::string digest;  // of a manifest that may come or go
  // The digest of the stand-in that takes a tag away (Keeper::remove_tag), to be deleted if it is
  // there; or empty.
  std::string stand_in;
  // Who pushes, so that what is found afterwards is this account's. Empty for a delete.
  std::string account;
  std::string address;
};

class Store {
 public:
  using Mode = sqlite::Mode;

  // Opens the file, makes it (in mode write) and brings it to the present form. Throws
  // std::runtime_error with the file and what to do: not a database, made by a newer program, no
  // permission.
  Store(const std::filesystem::path& file, Mode mode);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Everything that was committed, or one repository of it, into an index that is empty. REQUIRES:
  // no transaction.
  void load(Index& index, const std::string& only_repository = "");
  std::vector<Intent> intents();
  std::vector<std::string> covered();

  // Changes between begin() and commit() are there whole or not at all, and after commit() they
  // outlive a power cut.
  void begin();
  void commit();
  void roll_back() noexcept;
  [[nodiscard]] bool in_transaction() const { return in_transaction_; }

  void set_complete(bool complete);
  void set_known(std::string_view repository, bool known);
  void put_account(const AccountRecord& account);
  void put_manifest(std::string_view repository, const ManifestRecord& manifest);
  void drop_manifest(std::string_view repository, std::string_view digest);
  void put_tag(std::string_view repository, const TagRecord& tag);
  void drop_tag(std::string_view repository, std::string_view tag);
  // All that the digest has, instead of what it had.
  void put_graces(std::string_view repository, std::string_view digest,
                  std::span<const Grace> graces);
  void put_possessions(std::string_view repository, std::string_view digest,
                       std::span<const PossessionRecord> possessions);
  std::int64_t add_intent(const Intent& intent);
  void drop_intent(std::int64_t id);
  void add_covered(const std::string& pattern);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  bool in_transaction_ = false;
};

}  // namespace layergate::index

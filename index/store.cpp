// Longer than most files here: each statement stands beside the others on its table.
#include "index/store.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "base/sqlite.h"
#include "index/possession_reader.h"
#include "oci/digest.h"

namespace layergate::index {
namespace {

constexpr int kApplicationId = 0x4c476978;  // "LGix"

constexpr std::array<const char*, 3> kMigrations{
    R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE repositories(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
                          known INTEGER NOT NULL DEFAULT 0);
CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- Digests: 32 bytes are a sha256, 64 a sha512. links: for each a byte of Link, with 0x10 added for
-- sha512, and the digest. size, artifact_type, annotations and putters: of referrers only.
CREATE TABLE manifests(repository INTEGER NOT NULL, digest BLOB NOT NULL,
                       media_type INTEGER NOT NULL, links BLOB NOT NULL, size INTEGER,
                       artifact_type TEXT, annotations TEXT, putters TEXT,
                       PRIMARY KEY(repository, digest)) WITHOUT ROWID;
-- account: 0 if it was found in the upstream. Times are seconds since 1970.
CREATE TABLE tags(repository INTEGER NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,
                  account INTEGER NOT NULL, at INTEGER NOT NULL,
                  PRIMARY KEY(repository, name)) WITHOUT ROWID;
CREATE TABLE graces(repository INTEGER NOT NULL, digest BLOB NOT NULL, tag TEXT NOT NULL,
                    until INTEGER NOT NULL, account TEXT NOT NULL,
                    PRIMARY KEY(repository, digest, tag)) WITHOUT ROWID;
CREATE TABLE possessions(repository INTEGER NOT NULL, digest BLOB NOT NULL,
                         account INTEGER NOT NULL, kinds INTEGER NOT NULL, at INTEGER NOT NULL,
                         PRIMARY KEY(repository, digest, account)) WITHOUT ROWID;
CREATE TABLE intents(id INTEGER PRIMARY KEY, repository TEXT NOT NULL, tag TEXT NOT NULL,
                     digest TEXT NOT NULL, stand_in TEXT NOT NULL, account TEXT NOT NULL,
                     address TEXT NOT NULL);
CREATE TABLE covered(pattern TEXT PRIMARY KEY) WITHOUT ROWID;
)",
    R"(
-- A time for each kind of possession (PossessionRecord::at); there was one for both.
ALTER TABLE possessions RENAME TO possessions_of_both;
CREATE TABLE possessions(repository INTEGER NOT NULL, digest BLOB NOT NULL,
                         account INTEGER NOT NULL, blob_at INTEGER NOT NULL,
                         manifest_at INTEGER NOT NULL,
                         PRIMARY KEY(repository, digest, account)) WITHOUT ROWID;
INSERT INTO possessions SELECT repository, digest, account,
  CASE WHEN kinds & 1 THEN at ELSE 0 END, CASE WHEN kinds & 2 THEN at ELSE 0 END
  FROM possessions_of_both;
DROP TABLE possessions_of_both;
)",
    R"(
-- AccountRecord::since, in ms since 1970.
ALTER TABLE accounts ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
)"};

using Bytes = std::string;

constexpr unsigned kSha512 = 0x10;

Bytes pack_links(const std::vector<NamedDigest>& links) {
  Bytes bytes;
  for (const auto& [link, digest] : links) {
    const auto digest_bytes = oci::pack(digest);
    bytes +=
        static_cast<char>(static_cast<unsigned>(link) | (digest_bytes.size() == 64 ? kSha512 : 0));
    bytes += digest_bytes;
  }
  return bytes;
}

std::vector<Index::Linked> unpack_links(std::string_view bytes) {
  std::vector<Index::Linked> links;
  links.reserve(bytes.size() / 33);
  while (!bytes.empty()) {
    const auto kind = static_cast<unsigned char>(bytes.front());
    const std::size_t size = (kind & kSha512) != 0 ? 64 : 32;
    if (bytes.size() < 1 + size) throw std::runtime_error("a list of links is cut off");
    links.push_back(
        {static_cast<Link>(kind & 3U), oci::Digest::from_packed(bytes.substr(1, size))});
    bytes.remove_prefix(1 + size);
  }
  return links;
}

std::string pack_putters(const std::vector<Putter>& putters) {
  auto json = nlohmann::json::array();
  for (const auto& putter : putters) json.push_back({putter.account, putter.address});
  return json.dump();
}

std::vector<Putter> unpack_putters(const std::string& text) {
  std::vector<Putter> putters;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return putters;
  for (const auto& entry : json) {
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      putters.push_back({entry[0].get<std::string>(), entry[1].get<std::string>()});
    }
  }
  return putters;
}

std::int64_t number(Seconds time) { return time.time_since_epoch().count(); }

constexpr sqlite::Form kForm{
    kApplicationId, kMigrations,
    "is no index of Layergate; move it away to have a new one made from the registry",
    "was made by a newer version of Layergate; use that one, or move the file away to have a new "
    "one made from the registry (possessions and referrers are then lost)",
    "; move it away to have a new one made from the registry"};

}  // namespace

struct Store::Impl : sqlite::Connection {
  using Connection::Connection;

  std::unordered_map<std::string, std::int64_t> repositories;
  std::unordered_map<std::string, std::int64_t> accounts;

  using Blob = sqlite::Blob;
  static Blob digest(std::string_view text) { return {oci::pack(text)}; }

  std::int64_t repository(std::string_view name) {
    return id(repositories, name, "INSERT OR IGNORE INTO repositories(name) VALUES(?)",
              "SELECT id FROM repositories WHERE name = ?");
  }
  std::int64_t account(std::string_view name) {
    if (name.empty()) return 0;
    return id(accounts, name, "INSERT OR IGNORE INTO accounts(name) VALUES(?)",
              "SELECT id FROM accounts WHERE name = ?");
  }
  std::int64_t id(std::unordered_map<std::string, std::int64_t>& ids, std::string_view name,
                  const char* insert, const char* select) {
    const auto known = ids.find(std::string(name));
    if (known != ids.end()) return known->second;
    run(insert, name);
    auto& query = bind(select, name);
    if (!query.executeStep()) throw std::runtime_error("a name that was just written is not there");
    const std::int64_t found = query.getColumn(0).getInt64();
    query.reset();
    ids.emplace(name, found);
    return found;
  }
};

Store::Store(const std::filesystem::path& file, Mode mode)
    : impl_(std::make_unique<Impl>(sqlite::open(file, mode, kForm))) {}

Store::~Store() = default;

void Store::load(Index& index, const std::string& only_repository) {
  auto& db = impl_->database();
  // The numbers of the tables, as the index numbers them.
  std::unordered_map<std::int64_t, RepositoryId> repositories;
  std::unordered_map<std::int64_t, AccountId> accounts;
  AccountId nobody = kNone;
  // Everything of one moment, and possessions, which another connection reads, of this or a later
  // one: facts that a running gate writes meanwhile never make less reach of more possession.
  SQLite::Transaction moment(db);
  {
    SQLite::Statement query(db, "SELECT value FROM meta WHERE key = 'complete'");
    if (query.executeStep()) index.set_complete(query.getColumn(0).getInt() != 0);
  }
  {
    SQLite::Statement query(db, "SELECT id, name, since FROM accounts");
    while (query.executeStep()) {
      const WallTime since(std::chrono::milliseconds(query.getColumn(2).getInt64()));
      const auto name = query.getColumn(1).getString();
      const auto id = index.add_account({name, since});
      accounts[query.getColumn(0).getInt64()] = id;
      if (name.empty()) nobody = id;
    }
  }
  {
    SQLite::Statement query(db, "SELECT id, name, known FROM repositories");
    while (query.executeStep()) {
      const auto name = query.getColumn(1).getString();
      if (!only_repository.empty() && name != only_repository) continue;
      index.set_known(name, query.getColumn(2).getInt() != 0);
      repositories[query.getColumn(0).getInt64()] = index.find_repository(name)->id;
    }
  }
  std::optional<std::int64_t> only;
  if (!only_repository.empty()) only = repositories.empty() ? -1 : repositories.begin()->first;
  PossessionReader possessions(sqlite::open(db.getFilename(), Mode::read, kForm), only);
  if (only_repository.empty()) {
    // Each link is 33 bytes; that of a sha512 is 65.
    const auto links = db.execAndGet("SELECT total(length(links)) / 33 FROM manifests").getDouble();
    index.reserve(static_cast<std::size_t>(links) + 1000);
  }
  // kNone: not asked for, or not there.
  const auto repository_of = [&](std::int64_t number) {
    const auto found = repositories.find(number);
    return found == repositories.end() ? kNone : found->second;
  };
  const auto each = [&](const char* sql, auto take) {
    SQLite::Statement query(db, sql);
    while (query.executeStep()) {
      const auto repository = repository_of(query.getColumn(0).getInt64());
      if (repository != kNone) take(repository, query);
    }
  };
  each(
      "SELECT repository, digest, media_type, links, size, artifact_type, annotations, putters "
      "FROM manifests",
      [&](RepositoryId repository, SQLite::Statement& row) {
        const auto type = row.getColumn(2).getInt();
        if (type < 0 || type > static_cast<int>(oci::MediaType::docker_list)) {
          throw std::runtime_error("index.db holds an unknown media type");
        }
        const auto media_type = static_cast<oci::MediaType>(type);
        const auto links = unpack_links(sqlite::bytes_of(row.getColumn(3)));
        const auto digest = sqlite::bytes_of(row.getColumn(1));
        const bool is_referrer = std::any_of(links.begin(), links.end(), [](const auto& linked) {
          return linked.link == Link::subject;
        });
        if (!is_referrer) {
          index.add_manifest(repository, oci::Digest::from_packed(digest), media_type, links);
          return;
        }
        ManifestRecord record;
        record.digest = oci::unpack(digest);
        record.type = media_type;
        for (const auto& linked : links)
          record.links.push_back({linked.link, linked.digest.text()});
        record.size = static_cast<std::uint64_t>(row.getColumn(4).getInt64());
        record.artifact_type = row.getColumn(5).getString();
        record.annotations = row.getColumn(6).getString();
        record.putters = unpack_putters(row.getColumn(7).getString());
        index.add_manifest(index.repository(repository).name, record, Seconds{});
      });
  each("SELECT repository, name, digest, account, at FROM tags",
       [&](RepositoryId repository, SQLite::Statement& row) {
         const auto at = time_of(row.getColumn(4).getInt64());
         const auto account = accounts.find(row.getColumn(3).getInt64());
         index.set_tag(
             index.repository(repository).name,
             {row.getColumn(1).getString(), oci::unpack(sqlite::bytes_of(row.getColumn(2))),
              account == accounts.end() ? std::string() : index.account_name(account->second), at},
             at);
       });
  each("SELECT repository, digest, tag, until, account FROM graces",
       [&](RepositoryId repository, SQLite::Statement& row) {
         index.add_grace(index.repository(repository).name,
                         oci::unpack(sqlite::bytes_of(row.getColumn(1))),
                         {row.getColumn(2).getString(), time_of(row.getColumn(3).getInt64()),
                          row.getColumn(4).getString()});
       });
  // The last: facts that tell of more reach ask for the possessions that it might revive.
  std::vector<Index::Possessed> some;
  for (auto rows = possessions.next(); !rows.empty(); rows = possessions.next()) {
    some.clear();
    for (auto& row : rows) {
      const auto repository = repository_of(row.repository);
      if (repository == kNone) continue;
      const auto account = accounts.find(row.account);
      if (account == accounts.end() && nobody == kNone) nobody = index.add_account({});
      const auto whose = account == accounts.end() ? nobody : account->second;
      some.push_back({repository, std::move(row.digest), whose, row.at});
    }
    index.possess(some);
  }
  moment.commit();
}

std::vector<Intent> Store::intents() {
  std::vector<Intent> all;
  SQLite::Statement query(impl_->database(),
                          "SELECT id, repository, tag, digest, stand_in, account, address "
                          "FROM intents ORDER BY id");
  while (query.executeStep()) {
    all.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getString(),
                   query.getColumn(2).getString(), query.getColumn(3).getString(),
                   query.getColumn(4).getString(), query.getColumn(5).getString(),
                   query.getColumn(6).getString()});
  }
  return all;
}

std::vector<std::string> Store::covered() {
  std::vector<std::string> all;
  SQLite::Statement query(impl_->database(), "SELECT pattern FROM covered ORDER BY pattern");
  while (query.executeStep()) all.push_back(query.getColumn(0).getString());
  return all;
}

void Store::begin() {
  impl_->begin();
  in_transaction_ = true;
}

void Store::commit() {
  impl_->commit();
  in_transaction_ = false;
}

void Store::roll_back() noexcept {
  in_transaction_ = false;
  // What was looked up in the transaction may be gone with it.
  impl_->repositories.clear();
  impl_->accounts.clear();
  impl_->roll_back();
}

void Store::set_complete(bool complete) {
  impl_->run("INSERT OR REPLACE INTO meta(key, value) VALUES('complete', ?)",
             std::int64_t{complete ? 1 : 0});
}

void Store::set_known(std::string_view repository, bool known) {
  impl_->run("UPDATE repositories SET known = ? WHERE id = ?", std::int64_t{known ? 1 : 0},
             impl_->repository(repository));
}

void Store::put_account(const AccountRecord& account) {
  impl_->run(
      "INSERT INTO accounts(name, since) VALUES(?, ?) "
      "ON CONFLICT(name) DO UPDATE SET since = excluded.since",
      std::string_view(account.name),
      static_cast<std::int64_t>(account.since.time_since_epoch().count()));
}

void Store::put_manifest(std::string_view repository, const ManifestRecord& manifest) {
  const auto in = impl_->repository(repository);
  const auto digest = Impl::digest(manifest.digest);
  const Impl::Blob links{pack_links(manifest.links)};
  const auto type = static_cast<std::int64_t>(manifest.type);
  if (manifest.subject() == nullptr) {
    impl_->run(
        "INSERT OR REPLACE INTO manifests(repository, digest, media_type, links) VALUES(?,?,?,?)",
        in, digest, type, links);
    return;
  }
  impl_->run("INSERT OR REPLACE INTO manifests VALUES(?,?,?,?,?,?,?,?)", in, digest, type, links,
             static_cast<std::int64_t>(manifest.size), std::string_view(manifest.artifact_type),
             std::string_view(manifest.annotations),
             std::string_view(pack_putters(manifest.putters)));
}

void Store::drop_manifest(std::string_view repository, std::string_view digest) {
  const auto in = impl_->repository(repository);
  impl_->run("DELETE FROM manifests WHERE repository = ? AND digest = ?", in, Impl::digest(digest));
}

void Store::put_tag(std::string_view repository, const TagRecord& tag) {
  impl_->run("INSERT OR REPLACE INTO tags VALUES(?,?,?,?,?)", impl_->repository(repository),
             std::string_view(tag.name), Impl::digest(tag.digest), impl_->account(tag.account),
             number(tag.at));
}

void Store::drop_tag(std::string_view repository, std::string_view tag) {
  impl_->run("DELETE FROM tags WHERE repository = ? AND name = ?", impl_->repository(repository),
             tag);
}

void Store::put_graces(std::string_view repository, std::string_view digest,
                       std::span<const Grace> graces) {
  const auto in = impl_->repository(repository);
  const auto bytes = Impl::digest(digest);
  impl_->run("DELETE FROM graces WHERE repository = ? AND digest = ?", in, bytes);
  for (const auto& grace : graces) {
    impl_->run("INSERT OR REPLACE INTO graces VALUES(?,?,?,?,?)", in, bytes,
               std::string_view(grace.tag), number(grace.until), std::string_view(grace.account));
  }
}

void Store::put_possessions(std::string_view repository, std::string_view digest,
                            std::span<const PossessionRecord> possessions) {
  const auto in = impl_->repository(repository);
  const auto bytes = Impl::digest(digest);
  impl_->run("DELETE FROM possessions WHERE repository = ? AND digest = ?", in, bytes);
  for (const auto& held : possessions) {
    impl_->run("INSERT OR REPLACE INTO possessions VALUES(?,?,?,?,?)", in, bytes,
               impl_->account(held.account), number(held.when(Held::blob)),
               number(held.when(Held::manifest)));
  }
}

std::int64_t Store::add_intent(const Intent& intent) {
  impl_->run(
      "INSERT INTO intents(repository, tag, digest, stand_in, account, address) "
      "VALUES(?,?,?,?,?,?)",
      std::string_view(intent.repository), std::string_view(intent.tag),
      std::string_view(intent.digest), std::string_view(intent.stand_in),
      std::string_view(intent.account), std::string_view(intent.address));
  return impl_->database().getLastInsertRowid();
}

void Store::drop_intent(std::int64_t id) { impl_->run("DELETE FROM intents WHERE id = ?", id); }

void Store::add_covered(const std::string& pattern) {
  impl_->run("INSERT OR IGNORE INTO covered VALUES(?)", std::string_view(pattern));
}

}  // namespace layergate::index

#include "catalog/catalog.h"

#include <system_error>

namespace layergate::catalog {
namespace {

constexpr SmallDatabaseForm kForm{
    0x4c476374,  // "LGct"
    "CREATE TABLE given(name TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,"
    " created TEXT NOT NULL, size INTEGER, PRIMARY KEY(name, tag)) WITHOUT ROWID;"
    "CREATE TABLE found(digest TEXT PRIMARY KEY, created TEXT NOT NULL, size INTEGER)"
    " WITHOUT ROWID"};

std::filesystem::path file_in(const std::filesystem::path& state) { return state / "catalog.db"; }

void bind_size(SQLite::Statement& statement, int at, const std::optional<std::uint64_t>& size) {
  if (size) {
    statement.bind(at, static_cast<std::int64_t>(*size));
  } else {
    statement.bind(at);
  }
}

std::optional<std::uint64_t> size_of(const SQLite::Column& column) {
  if (column.isNull()) return std::nullopt;
  return static_cast<std::uint64_t>(column.getInt64());
}

}  // namespace

Catalog::Catalog(const std::filesystem::path& state)
    : db_(open_small_database(file_in(state), kForm)) {}

std::optional<Catalog> Catalog::open_existing(const std::filesystem::path& state) {
  std::error_code ignored;
  if (!std::filesystem::exists(file_in(state), ignored)) return std::nullopt;
  return Catalog(state);
}

Given Catalog::given(const ImageName& image) {
  SQLite::Statement find(db_, "SELECT digest, created, size FROM given WHERE name = ? AND tag = ?");
  find.bind(1, image.first);
  find.bind(2, image.second);
  if (!find.executeStep()) return {};
  return {find.getColumn(0).getString(), find.getColumn(1).getString(), size_of(find.getColumn(2))};
}

void Catalog::put_given(const std::map<ImageName, Given>& images) {
  SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement put(db_, "INSERT OR REPLACE INTO given VALUES(?, ?, ?, ?, ?)");
  SQLite::Statement drop(db_, "DELETE FROM given WHERE name = ? AND tag = ?");
  for (const auto& [image, given] : images) {
    auto& statement = given.empty() ? drop : put;
    statement.reset();
    statement.bind(1, image.first);
    statement.bind(2, image.second);
    if (!given.empty()) {
      statement.bind(3, given.digest);
      statement.bind(4, given.created);
      bind_size(statement, 5, given.size);
    }
    statement.exec();
  }
  transaction.commit();
}

std::optional<Found> Catalog::found(const std::string& digest) {
  SQLite::Statement find(db_, "SELECT created, size FROM found WHERE digest = ?");
  find.bind(1, digest);
  if (!find.executeStep()) return std::nullopt;
  return Found{find.getColumn(0).getString(), size_of(find.getColumn(1))};
}

void Catalog::put_found(const std::map<std::string, Found>& found) {
  SQLite::Transaction transaction(db_, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement put(db_, "INSERT OR REPLACE INTO found VALUES(?, ?, ?)");
  for (const auto& [digest, facts] : found) {
    put.reset();
    put.bind(1, digest);
    put.bind(2, facts.created);
    bind_size(put, 3, facts.size);
    put.exec();
  }
  transaction.commit();
}

}  // namespace layergate::catalog

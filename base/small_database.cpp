#include "base/small_database.h"

#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace layergate {
namespace {

namespace fs = std::filesystem;

constexpr int kPatienceMs = 10'000;

// REQUIRES: it was just made.
void take_owner_of_parent(const fs::path& path) {
  struct stat parent {};
  if (::geteuid() != 0 || ::stat(path.parent_path().c_str(), &parent) != 0) return;
  if (::chown(path.c_str(), parent.st_uid, parent.st_gid) != 0) {
    throw std::runtime_error(path.string() + ": cannot be given the owner of its directory");
  }
}

void make_schema(SQLite::Database& db, const fs::path& file, const SmallDatabaseForm& form) {
  SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
  const int application = db.execAndGet("PRAGMA application_id").getInt();
  if (application == form.application) return;
  if (application != 0 || db.execAndGet("SELECT count(*) FROM sqlite_master").getInt() != 0) {
    throw std::runtime_error(file.string() + ": is another program's file; move it away");
  }
  db.exec(form.schema);
  db.exec("PRAGMA application_id = " + std::to_string(form.application));
  transaction.commit();
}

}  // namespace

SQLite::Database open_small_database(const fs::path& file, const SmallDatabaseForm& form) {
  std::error_code error;
  if (fs::create_directories(file.parent_path(), error)) take_owner_of_parent(file.parent_path());
  if (error) {
    throw std::runtime_error(file.parent_path().string() + ": cannot be made: " + error.message());
  }
  const bool is_new = !fs::exists(file, error);
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kPatienceMs);
    if (is_new) take_owner_of_parent(file);
    make_schema(db, file, form);
    return db;
  } catch (const SQLite::Exception& failure) {
    throw std::runtime_error(file.string() + ": " + failure.what());
  }
}

}  // namespace layergate

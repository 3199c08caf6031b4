#include "base/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "base/fd.h"

namespace layergate::sqlite {
namespace {

constexpr int kPatience = 5000;  // ms that one writer waits for another

// SQLite gives its -wal and -shm the owner and mode of the file itself.
void make(const std::filesystem::path& file) {
  const Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  struct stat directory {};
  if (!fd || ::geteuid() != 0 || ::stat(file.parent_path().c_str(), &directory) != 0) return;
  // Without it, the file's owner stays root, and the service says that it cannot open it.
  [[maybe_unused]] const auto given = ::fchown(fd.get(), directory.st_uid, directory.st_gid);
}

int version_of(SQLite::Database& database) {
  return database.execAndGet("PRAGMA user_version").getInt();
}

void migrate(SQLite::Database& database, const Form& form) {
  while (version_of(database) < static_cast<int>(form.migrations.size())) {
    SQLite::Transaction step(database, SQLite::TransactionBehavior::IMMEDIATE);
    const int version = version_of(database);  // another process may have been first
    if (version < static_cast<int>(form.migrations.size())) {
      database.exec(form.migrations[static_cast<std::size_t>(version)]);
      database.exec("PRAGMA application_id = " + std::to_string(form.application_id));
      database.exec("PRAGMA user_version = " + std::to_string(version + 1));
    }
    step.commit();
  }
}

}  // namespace

SQLite::Database open(const std::filesystem::path& file, Mode mode, const Form& form) {
  const auto fail = [&](const std::string& what) {
    throw std::runtime_error(file.string() + ": " + what);
  };
  try {
    if (mode == Mode::write) make(file);
    const int flags =
        mode == Mode::write ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE : SQLite::OPEN_READONLY;
    SQLite::Database database(file.string(), flags | SQLite::OPEN_NOMUTEX, kPatience);
    const int version = version_of(database);
    const int application = database.execAndGet("PRAGMA application_id").getInt();
    const bool is_empty = database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
    if (application != form.application_id && (application != 0 || version != 0 || !is_empty)) {
      fail(form.not_ours);
    }
    if (version > static_cast<int>(form.migrations.size())) fail(form.newer);
    if (mode == Mode::read) {
      if (version < static_cast<int>(form.migrations.size())) {
        fail("is of an older form; `layergate serve` brings it to the present one");
      }
      return database;
    }
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA wal_autocheckpoint = 4000");
    migrate(database, form);
    return database;
  } catch (const SQLite::Exception& error) {
    const bool is_broken =
        error.getErrorCode() == SQLITE_NOTADB || error.getErrorCode() == SQLITE_CORRUPT;
    throw std::runtime_error(file.string() + ": " + error.what() + (is_broken ? form.broken : ""));
  }
}

std::string_view bytes_of(const SQLite::Column& column) {
  const auto* data = static_cast<const char*>(column.getBlob());
  return {data == nullptr ? "" : data, static_cast<std::size_t>(column.getBytes())};
}

void Connection::roll_back() noexcept {
  for (const auto& [sql, statement] : prepared_) {
    if (statement) statement->tryReset();
  }
  if (sqlite3_get_autocommit(database_.getHandle()) == 0) database_.tryExec("ROLLBACK");
}

}  // namespace layergate::sqlite

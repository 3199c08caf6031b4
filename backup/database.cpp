#include "backup/database.h"

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <string_view>
#include <thread>

namespace layergate::backup {
namespace {

constexpr int kPatience = 10'000;  // milliseconds, for a lock of another program

constexpr std::string_view kHead{"SQLite format 3\0", 16};

}  // namespace

bool is_database(int fd) {
  std::string head(kHead.size(), '\0');
  return ::pread(fd, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size()) &&
         head == kHead;
}

tl::expected<void, std::string> copy_database(const std::filesystem::path& from,
                                              const std::filesystem::path& copy) {
  try {
    SQLite::Database source(from.string(), SQLite::OPEN_READONLY, kPatience);
    SQLite::Database target(copy.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    // It is read once more and goes: no need to wait for the disk.
    target.exec("PRAGMA synchronous = OFF");
    {
      SQLite::Backup backup(target, source);
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience);
      // All pages in one step, so that no writer comes in between.
      while (backup.executeStep(-1) != SQLITE_DONE) {
        if (std::chrono::steady_clock::now() >= until) {
          return tl::unexpected(std::string("is locked by another program; try again"));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    // The copy says that it keeps a log beside it, as the original does.
    target.exec("PRAGMA journal_mode = DELETE");
    return {};
  } catch (const SQLite::Exception& error) {
    return tl::unexpected("cannot be copied: " + std::string(error.what()));
  }
}

tl::expected<void, std::string> check_database(const std::filesystem::path& file) {
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READONLY, kPatience);
    // Who made it is not known: what its schema calls must not run.
    db.exec("PRAGMA trusted_schema = OFF");
    SQLite::Statement check(db, "PRAGMA integrity_check(5)");
    std::string found;
    while (check.executeStep()) {
      const auto line = check.getColumn(0).getString();
      if (line != "ok") found += (found.empty() ? "" : "; ") + line;
    }
    if (!found.empty()) return tl::unexpected("is damaged: " + found);
    return {};
  } catch (const SQLite::Exception& error) {
    return tl::unexpected("is damaged: " + std::string(error.what()));
  }
}

}  // namespace layergate::backup

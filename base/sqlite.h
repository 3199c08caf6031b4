// Databases of ours: opened, known to be ours, brought to their present form.
//
// Thread safety: a database and its statements belong to one thread.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace layergate::sqlite {

enum class Mode : std::uint8_t { write, read };

struct Form {
  int application_id;  // in the file's head, so that no other program's is taken for ours
  // Each brings the file from the version that is its place here to the next one.
  std::span<const char* const> migrations;
  // What follows the file's name when it is not ours, of a newer form, or broken.
  const char* not_ours;
  const char* newer;
  const char* broken;
};

// In mode write the file is made with mode 0640 (by root, with its directory's owner) and brought
// to the present form; it is in WAL mode, and a commit outlives a power cut. Throws
// std::runtime_error with the file and what to do.
SQLite::Database open(const std::filesystem::path& file, Mode mode, const Form& form);

struct Blob {
  std::string bytes;
};

std::string_view bytes_of(const SQLite::Column& column);

// A database with its statements, which are prepared once.
class Connection {
 public:
  explicit Connection(SQLite::Database database) : database_(std::move(database)) {}

  [[nodiscard]] SQLite::Database& database() { return database_; }

  // `sql` must be a literal. Values are bound from 1 on.
  template <typename... Values>
  SQLite::Statement& bind(const char* sql, const Values&... values) {
    auto& statement = prepared_[sql];
    if (!statement) statement = std::make_unique<SQLite::Statement>(database_, sql);
    statement->reset();
    statement->clearBindings();
    int at = 0;
    (bind_one(*statement, ++at, values), ...);
    return *statement;
  }
  template <typename... Values>
  void run(const char* sql, const Values&... values) {
    auto& statement = bind(sql, values...);
    statement.exec();
    statement.reset();
  }

  void begin() { database_.exec("BEGIN IMMEDIATE"); }
  void commit() { database_.exec("COMMIT"); }
  // Also when the disk has ended the transaction itself.
  void roll_back() noexcept;

 private:
  static void bind_one(SQLite::Statement& statement, int at, const Blob& value) {
    statement.bind(at, value.bytes.data(), static_cast<int>(value.bytes.size()));
  }
  static void bind_one(SQLite::Statement& statement, int at, std::string_view value) {
    statement.bind(at, std::string(value));
  }
  static void bind_one(SQLite::Statement& statement, int at, std::int64_t value) {
    statement.bind(at, value);
  }

  SQLite::Database database_;
  std::unordered_map<const char*, std::unique_ptr<SQLite::Statement>> prepared_;
};

}  // namespace layergate::sqlite

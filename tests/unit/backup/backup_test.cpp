// A backup is made, verified and restored; what is done to it in between is noticed.
#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "backup/archive_writer.h"
#include "backup/create.h"
#include "backup/restore.h"
#include "base/file_lock.h"
#include "tests/unit/temp_dir.h"

namespace layergate::backup {
namespace {

namespace fs = std::filesystem;
using manage::Failure;

const char* const kPolicy =
    "version: 1\n"
    "users: {root: {permissions: [admin]}, guest: {permissions: [pull], expires: 2999-01-01}}\n"
    "tests: [{user: root, action: pull, image: \"a:b\", expect: allow}]\n";
const char* const kPassword = "root:$2y$10$abcdefghijklmnopqrstuuTPTSmgZ3WgPBuXbEGgDXyFdwLrRwn2G\n";

// A config dir and a state dir, in a directory that also takes the backups.
class House {
 public:
  House() {
    fs::create_directories(dir_ / "conf/acl.d");
    fs::create_directories(dir_ / "conf/tls");
    fs::create_directories(dir_ / "state");
    settings("");
    write_text(dir_ / "conf/acl.yml", kPolicy);
    write_text(dir_ / "conf/acl.d/managed.yml", "users: {alice: {permissions: [pull]}}\n");
    write_text(dir_ / "conf/tls/server.key", "secret");
    write_text(dir_ / "conf/htpasswd", kPassword);
    write_text(dir_ / "state/upload.key", std::string("\0key", 4));
    ::chmod((dir_ / "state/upload.key").c_str(), 0600);
    SQLite::Database db(at("state/index.db").string(),
                        SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER, b INTEGER)");
  }

  [[nodiscard]] fs::path at(const std::string& name) const { return dir_ / name; }
  void settings(const std::string& more) const {
    write_text(dir_ / "conf/layergate.yml", "upstream: {url: \"http://127.0.0.1:5001\"}\n" + more);
  }
  [[nodiscard]] config::Config config() const {
    auto loaded = config::load(at("conf"));
    REQUIRE(loaded.config.has_value());
    return *loaded.config;
  }
  [[nodiscard]] tl::expected<Made, Failure> make(const std::string& name = "backup") const {
    return create(config(), at(name));
  }
  // All that stands in a directory, with dots and without.
  [[nodiscard]] std::vector<std::string> names(const std::string& dir) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(at(dir))) {
      if (!entry.is_directory()) found.push_back(entry.path().lexically_relative(at(dir)).string());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  [[nodiscard]] std::vector<std::string> top() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(dir_.path()))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  TempDir dir_;
};

using Names = std::vector<std::string>;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

void refused(const tl::expected<Made, Failure>& made, Failure::Kind kind, const std::string& what) {
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().kind == kind);
  CAPTURE(made.error().what);
  CHECK(made.error().what.find(what) != std::string::npos);
}

// An archive of these members, in their order.
struct Piece {
  std::string path;
  std::string text;
};
std::string forge(const House& house, const std::vector<Piece>& pieces) {
  const Fd out(::open(house.at("forged").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  auto archive = ArchiveWriter::open(out.get());
  REQUIRE(archive.has_value());
  for (const auto& piece : pieces) REQUIRE(archive->add(piece.path, 0644, piece.text).has_value());
  REQUIRE(archive->finish().has_value());
  const auto found = restore(house.at("forged"), house.at("new"));
  CHECK_FALSE(fs::exists(house.at("new")));
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().kind == Failure::Kind::invalid);
  return found.error().what;
}

// What forge() takes for a whole backup of the smallest gate.
std::vector<Piece> whole(const House& house, const std::string& policy = kPolicy,
                         const std::string& state = "k") {
  std::vector<Piece> pieces{
      {"conf/layergate.yml", "upstream: {url: \"http://127.0.0.1:5001\"}\n"},
      {"conf/acl.yml", policy},
      {"conf/htpasswd", kPassword},
      {"state/x.db", state},
  };
  const Fd out(::open(house.at("scrap").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  auto archive = ArchiveWriter::open(out.get());
  Manifest manifest{wall_now(), "conf/acl.yml", "conf/htpasswd", {}};
  for (const auto& piece : pieces) {
    manifest.members.push_back(*archive->add(piece.path, 0644, piece.text));
  }
  pieces.push_back({std::string(kManifestName), to_json(manifest)});
  return pieces;
}

}  // namespace

TEST_CASE("backup: what was backed up comes back, and nothing else") {
  const House house;
  write_text(house.at("conf/htpasswd.lock"), "");
  write_text(house.at("conf/.hidden"), "");
  const std::string long_name = "conf/tls/" + std::string(150, 'n') + "/" + std::string(200, 'n');
  fs::create_directories(house.at(long_name).parent_path());
  write_text(house.at(long_name), "long");
  write_text(house.at("conf/tls/ä"), "two bytes");
  ::chmod(house.at("conf/htpasswd").c_str(), 0644);
  const auto made = house.make();
  REQUIRE(made.has_value());
  CHECK(made->passed_over.empty());
  CHECK(mode_of(house.at("backup")) == 0600);
  const auto verified = verify(house.at("backup"));
  REQUIRE(verified.has_value());
  CHECK(verified->archive.sha256 == made->sha256);
  CHECK(verified->accounts == 3);
  CHECK(verified->passwords == 1);
  CHECK(verified->databases == Names{"state/index.db"});

  const auto restored = restore(house.at("backup"), house.at("new"));
  REQUIRE(restored.has_value());
  CHECK(restored->layergate_yml.changed.empty());
  CHECK(house.names("new") == Names{"conf/acl.d/managed.yml", "conf/acl.yml", "conf/htpasswd",
                                    "conf/layergate.yml", long_name, "conf/tls/server.key",
                                    "conf/tls/ä", "state/index.db", "state/upload.key"});
  CHECK(read_text(house.at("new/conf/tls/ä")) == "two bytes");
  for (const char* name :
       {"acl.d/managed.yml", "acl.yml", "htpasswd", "layergate.yml", "tls/server.key"}) {
    CHECK(read_text(house.at("new/conf") / name) == read_text(house.at("conf") / name));
  }
  CHECK(read_text(house.at("new/state/upload.key")) == std::string("\0key", 4));
  CHECK(mode_of(house.at("new/state/upload.key")) == 0600);
  CHECK(mode_of(house.at("new/conf/htpasswd")) == 0640);  // others never
  CHECK(mode_of(house.at("new/conf/acl.d")) == 0750);
  CHECK(house.top() == Names{"backup", "conf", "new", "state"});
}

TEST_CASE("backup: a database is as it was at one moment, while another writes to it") {
  const House house;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    SQLite::Database db(house.at("state/index.db").string(), SQLite::OPEN_READWRITE, 10'000);
    for (int i = 0; !done; ++i) {
      SQLite::Transaction transaction(db);
      // Both or none.
      db.exec("INSERT INTO t VALUES(" + std::to_string(i) + ", 0)");
      db.exec("UPDATE t SET b = (SELECT count(*) FROM t)");
      if (i % 100 == 99) db.exec("DELETE FROM t");
      transaction.commit();
    }
  });
  for (int i = 0; i < 5; ++i) {
    const auto name = "b" + std::to_string(i);
    CHECK(house.make(name).has_value());
    const auto restored = restore(house.at(name), house.at("new" + name));
    REQUIRE(restored.has_value());
    CHECK(house.names("new" + name + "/state") == Names{"index.db", "upload.key"});
    SQLite::Database db(house.at("new" + name + "/state/index.db").string());
    CHECK(db.execAndGet("SELECT count(*) FROM t WHERE b <> (SELECT count(*) FROM t)").getInt() ==
          0);
  }
  done = true;
  writer.join();
}

TEST_CASE("backup: what layergate.yml means elsewhere is in it, and is meant after a restore") {
  const House house;
  fs::create_directories(house.at("other/acl.d"));
  fs::rename(house.at("conf/acl.yml"), house.at("other/policy.yml"));
  fs::rename(house.at("conf/acl.d/managed.yml"), house.at("other/acl.d/managed.yml"));
  fs::rename(house.at("conf/htpasswd"), house.at("other/pw"));
  fs::create_symlink(house.at("other/pw"), house.at("conf/link"));
  fs::rename(house.at("state"), house.at("conf/state"));
  house.settings("acl: ../other/policy.yml\nauth: {htpasswd: " + house.at("other/pw").string() +
                 "}\nstate: state\n");
  REQUIRE(house.make().has_value());
  const auto restored = restore(house.at("backup"), house.at("new"));
  REQUIRE(restored.has_value());
  CHECK(restored->layergate_yml.changed ==
        Names{"state: ../state", "acl: ../acl/policy.yml", "auth.htpasswd: ../auth/pw"});
  CHECK(house.names("new") == Names{"acl/acl.d/managed.yml", "acl/policy.yml", "auth/pw",
                                    "conf/layergate.yml", "conf/link", "conf/tls/server.key",
                                    "state/index.db", "state/upload.key"});
  CHECK(read_text(house.at("new/conf/link")) == kPassword);
  const auto loaded = config::load(house.at("new/conf"));
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->state == house.at("new/state"));
  CHECK(loaded.config->acl == house.at("new/acl/policy.yml"));
  CHECK(loaded.config->htpasswd == house.at("new/auth/pw"));
}

TEST_CASE("backup: what cannot be in it is said") {
  const House house;
  fs::create_directories(house.at("state/sub"));
  REQUIRE(::mkfifo(house.at("conf/pipe").c_str(), 0600) == 0);
  fs::create_directory_symlink(house.at("conf/tls"), house.at("conf/linked"));
  house.settings("records: {webhook: {url: \"https://a.example/\", secret_file: ../secret}}\n");
  const auto made = house.make();
  REQUIRE(made.has_value());
  auto passed = made->passed_over;
  std::sort(passed.begin(), passed.end());
  REQUIRE(passed.size() == 4);
  CHECK(passed[0].find("conf/linked: a link to a directory") != std::string::npos);
  CHECK(passed[1].find("conf/pipe: no regular file") != std::string::npos);
  CHECK(passed[2].find("secret: outside of the config dir") != std::string::npos);
  CHECK(passed[3].find("state/sub: no regular file") != std::string::npos);
}

TEST_CASE("backup: is not made where it would do harm or be of no use") {
  const House house;
  SUBCASE("over a file") {
    write_text(house.at("backup"), "precious");
    refused(house.make(), Failure::Kind::usage, "exists; a backup replaces nothing");
    CHECK(read_text(house.at("backup")) == "precious");
  }
  SUBCASE("over a link that leads nowhere") {
    fs::create_symlink(house.at("conf/new"), house.at("backup"));
    refused(house.make(), Failure::Kind::usage, "exists");
  }
  SUBCASE("in what is backed up") {
    refused(house.make("conf/backup"), Failure::Kind::usage, "is inside");
    refused(house.make("conf/tls/backup"), Failure::Kind::usage, "is inside");
    refused(house.make("state/backup"), Failure::Kind::usage, "is inside");
  }
  SUBCASE("in a directory that is not there") {
    refused(house.make("none/backup"), Failure::Kind::io, "cannot make a directory in");
  }
  SUBCASE("of a policy that does not load") {
    write_text(house.at("conf/acl.yml"), "version: 1\nuser: {}\n");
    refused(house.make(), Failure::Kind::invalid, "acl.yml:2:1: unknown key \"user\"");
  }
  SUBCASE("of a password file that does not load") {
    write_text(house.at("conf/htpasswd"), "root:plain\n");
    refused(house.make(), Failure::Kind::invalid, "htpasswd:1");
  }
  SUBCASE("of a database that is broken") {
    write_text(house.at("state/index.db"), "SQLite format 3" + std::string(5000, '\0'));
    refused(house.make(), Failure::Kind::io, "state/index.db cannot be copied");
  }
  SUBCASE("where state and configuration are one directory") {
    house.settings("state: .\n");
    refused(house.make(), Failure::Kind::invalid, "`state` is the config dir itself");
  }
  CHECK((!fs::exists(house.at("backup")) || read_text(house.at("backup")) == "precious"));
  const auto top = house.top();
  CHECK(
      std::none_of(top.begin(), top.end(), [](const auto& name) { return name.starts_with('.'); }));
}

TEST_CASE("backup: waits for who changes the password file or the managed policy") {
  for (const char* lock : {"conf/htpasswd.lock", "conf/acl.d/.managed.lock"}) {
    CAPTURE(lock);
    const House house;
    auto held = lock_file(house.at(lock), house.at("conf"));
    REQUIRE(held.has_value());
    std::atomic<bool> released{false};
    std::thread holder([&] {
      // Not for the order of the two, which the lock itself decides: so that it is contended.
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      released = true;
      held->reset();
    });
    CHECK(house.make().has_value());
    CHECK(released);
    holder.join();
  }
}

TEST_CASE("backup: one that is cut off anywhere is refused") {
  const House house;
  REQUIRE(house.make().has_value());
  const auto whole_text = read_text(house.at("backup"));
  for (std::size_t size = 0; size < whole_text.size(); size += 1 + whole_text.size() / 50) {
    CAPTURE(size);
    write_text(house.at("cut"), whole_text.substr(0, size));
    const auto found = restore(house.at("cut"), house.at("new"));
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().kind == Failure::Kind::invalid);
    CHECK_FALSE(fs::exists(house.at("new")));
  }
}

TEST_CASE("backup: a byte that changed anywhere is noticed, or changes nothing") {
  const House house;
  REQUIRE(house.make().has_value());
  const auto good = read_text(house.at("backup"));
  const auto good_hash = verify(house.at("backup"))->archive.sha256;
  int refusals = 0;
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 80) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    write_text(house.at("bad"), bad);
    const auto found = verify(house.at("bad"));
    if (!found) {
      CHECK(found.error().kind == Failure::Kind::invalid);
      ++refusals;
    } else {
      // In a time stamp or in padding.
      CHECK(found->archive.sha256 != good_hash);
    }
  }
  CHECK(refusals > 60);
}

TEST_CASE("backup: forged archives are refused with what is wrong") {
  const House house;
  const auto good = whole(house);
  auto with = [&](const Piece& more) {
    auto pieces = good;
    pieces.insert(pieces.begin(), more);
    return forge(house, pieces);
  };
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(with({"conf/more", ""}), "holds conf/more, which was not backed up");
  has(with({"../evil", ""}), "\"../evil\", which is no path of a backup");
  has(with({"/etc/evil", ""}), "which is no path of a backup");
  has(with({"conf/../../evil", ""}), "which is no path of a backup");
  has(with({"evil\x1b[2J", ""}), "\"evil?[2J\"");
  has(with({"conf/acl.yml", kPolicy}), "holds conf/acl.yml twice");
  has(with({"conf/acl.yml/x", ""}), "holds conf/acl.yml, which is a directory");
  has(with({"manifest.json", ""}), "empty manifest");
  auto pieces = good;
  pieces[1].text += "# one more line\n";
  has(forge(house, pieces), "conf/acl.yml is not what was backed up");
  pieces = good;
  pieces.erase(pieces.begin() + 3);
  has(forge(house, pieces), "lacks state/x.db");
  pieces = good;
  pieces.pop_back();
  has(forge(house, pieces), "has no manifest");
  pieces.push_back({"manifest.json", "[]"});
  has(forge(house, pieces), "has a manifest that is no JSON object");
  pieces = good;
  pieces.push_back({"state/late", ""});
  has(forge(house, pieces), "holds something behind its manifest");
  has(forge(house, whole(house, "version: 1\nrulez: []\n")), "acl.yml:2:1: unknown key");
  has(forge(house, whole(house, kPolicy, "SQLite format 3" + std::string(5000, '\0'))),
      "holds state/x.db, which is damaged");
}

TEST_CASE("backup: a policy whose test has gone out of date comes back, with a warning") {
  const House house;
  const std::string policy =
      "version: 1\nusers: {guest: {permissions: [pull], expires: 2020-01-01}}\n"
      "rules: [{who: [guest], images: [a], allow: [pull]}]\n"
      "tests: [{user: guest, action: pull, image: \"a:b\", expect: allow}]\n";
  auto pieces = whole(house, policy);
  auto manifest = *parse_manifest(pieces.back().text);
  manifest.made = *parse_time("2019-01-01");
  pieces.back().text = to_json(manifest);
  {
    const Fd out(::open(house.at("old").c_str(), O_WRONLY | O_CREAT, 0600));
    auto archive = ArchiveWriter::open(out.get());
    for (const auto& piece : pieces)
      REQUIRE(archive->add(piece.path, 0600, piece.text).has_value());
    REQUIRE(archive->finish().has_value());
  }
  const auto found = restore(house.at("old"), house.at("new"));
  REQUIRE(found.has_value());
  REQUIRE(found->warnings.size() == 1);
  CHECK(found->warnings[0].file == "acl.yml");
}

TEST_CASE("backup: is restored into nothing that is in use") {
  const House house;
  REQUIRE(house.make().has_value());
  fs::create_directories(house.at("full"));
  write_text(house.at("full/.x"), "mine");
  const auto full = restore(house.at("backup"), house.at("full"));
  REQUIRE_FALSE(full.has_value());
  CHECK(full.error().kind == Failure::Kind::usage);
  CHECK(full.error().what.find("is not empty") != std::string::npos);
  CHECK(house.names("full") == Names{".x"});
  CHECK(restore(house.at("backup"), house.at("full/.x")).error().kind == Failure::Kind::usage);
  CHECK(restore(house.at("none"), house.at("new")).error().kind == Failure::Kind::io);
  CHECK(restore(house.at("backup"), house.at("none/new")).error().kind == Failure::Kind::io);
  fs::create_directories(house.at("empty"));
  CHECK(restore(house.at("backup"), house.at("empty/")).has_value());
  CHECK(restore(house.at("full"), house.at("new")).error().kind == Failure::Kind::invalid);
}

}  // namespace layergate::backup

#include "index/store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <functional>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/index/dump.h"
#include "tests/unit/index/facts.h"
#include "tests/unit/temp_dir.h"

namespace layergate::index {
namespace {

using std::chrono::days;
using std::chrono::hours;
using Mode = Store::Mode;

std::string dump(Store& store, const std::string& only = "") {
  Index index{Index::Options{}};
  store.load(index, only);
  return dump(index);
}

void change(Store& store, const std::function<void(Store&)>& write) {
  store.begin();
  CHECK(store.in_transaction());
  write(store);
  store.commit();
  CHECK_FALSE(store.in_transaction());
}

// The same facts for an index and a store.
class Told {
 public:
  explicit Told(Store& store) : store_(store) {}

  void manifest(std::string_view repository, const ManifestRecord& manifest) {
    index.add_manifest(repository, manifest, kNow);
    store_.put_manifest(repository, manifest);
  }
  void tag(std::string_view repository, const TagRecord& tag) {
    index.set_tag(repository, tag, kNow);
    store_.put_tag(repository, tag);
  }
  void grace(std::string_view repository, std::string_view digest, const Grace& grace) {
    index.add_grace(repository, digest, grace);
    store_.put_graces(repository, digest, index.graces_of(node_of(index, repository, digest)));
  }
  void possess(std::string_view repository, std::string_view digest, std::string_view account,
               Held as, Seconds at) {
    index.possess(repository, digest, account, as, at);
    store_.put_possessions(repository, digest,
                           index.possessions_of(node_of(index, repository, digest)));
  }
  void known(std::string_view repository, bool known) {
    index.set_known(repository, known);
    store_.set_known(repository, known);
  }

  Index index{Index::Options{}};

 private:
  Store& store_;
};

// Some of everything.
void tell(Told& told) {
  told.known("r", true);
  told.known("a/b", false);
  told.known("empty", true);
  told.manifest("r", image("app", {"config", "layer"}));
  told.manifest("a/b", image("app", {"layer"}));
  told.manifest("r", image_index("multi", {"app", "arm"}));
  auto docker = image("docker", {"layer"});
  docker.type = oci::MediaType::docker_image;
  told.manifest("r", docker);
  auto list = image_index("list", {"docker"});
  list.type = oci::MediaType::docker_list;
  told.manifest("r", list);
  told.manifest("r", image("nothing", {}));
  auto sig = referrer("sig", "app", "alice", {"sig-layer"});
  sig.size = 5'000'000'000;
  sig.artifact_type = "application/x \"quoted\" \xc3\xa4";
  sig.annotations = R"({"a":"b\"c"})";
  sig.putters.push_back({"b\"o[b", "2001:db8::1"});
  sig.putters.push_back({"", ""});
  told.manifest("r", sig);
  // Digests of both lengths, in every place.
  ManifestRecord longer;
  longer.digest = long_digest_of("longer");
  longer.type = oci::MediaType::index;
  longer.links = {{Link::child, digest_of("app")},
                  {Link::child, long_digest_of("child")},
                  {Link::blob, long_digest_of("blob")},
                  {Link::subject, long_digest_of("subject")}};
  std::sort(longer.links.begin(), longer.links.end());
  told.manifest("r", longer);
  told.tag("r", {"latest", digest_of("multi"), "alice", kNow});
  told.tag("r", {"7b", digest_of("multi"), "", kNow - hours(1)});
  told.tag("r", {"longer", long_digest_of("longer"), "bob", kNow});
  told.tag("a/b", {"latest", digest_of("app"), "alice", kNow});
  told.grace("r", digest_of("app"), {"old", kNow + hours(1), "alice"});
  told.grace("r", digest_of("app"), {"older", kNow, ""});
  told.grace("r", long_digest_of("longer"), {"old", kNow + hours(2), "bob"});
  told.possess("r", digest_of("layer"), "alice", Held::blob, kNow);
  told.possess("r", digest_of("app"), "alice", Held::manifest, kNow);
  told.possess("r", digest_of("app"), "alice", Held::blob, kNow - hours(1));
  told.possess("r", digest_of("app"), "bob", Held::manifest, kNow - days(1));
  told.possess("r", long_digest_of("longer"), "bob", Held::manifest, kNow);
  told.possess("a/b", digest_of("upload"), "carol", Held::blob, kNow);
}

std::string why_not(const std::filesystem::path& file, Mode mode) {
  try {
    Store store(file, mode);
    Index index{Index::Options{}};
    store.load(index);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool speaks_of(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("store: a new file holds nothing") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  CHECK(dump(store).empty());
  CHECK(store.intents().empty());
  CHECK(store.covered().empty());
  CHECK_FALSE(store.in_transaction());
}

TEST_CASE("store: everything that was written comes back, also to another process") {
  const TempDir dir;
  std::string wanted;
  {
    Store store(dir / "index.db", Mode::write);
    store.begin();
    Told told(store);
    tell(told);
    told.index.set_complete(true);
    store.set_complete(true);
    store.commit();
    wanted = dump(told.index);
    CHECK(dump(store) == wanted);
    Store reader(dir / "index.db", Mode::read);
    CHECK(dump(reader) == wanted);
  }
  CHECK(speaks_of(wanted, "5000000000 application/x"));
  Store again(dir / "index.db", Mode::write);
  CHECK(dump(again) == wanted);
  Store read(dir / "index.db", Mode::read);
  CHECK(dump(read) == wanted);
}

TEST_CASE("store: only one repository is loaded if only one is wanted") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  store.begin();
  Told told(store);
  tell(told);
  store.commit();
  Index index{Index::Options{}};
  store.load(index, "a/b");
  REQUIRE(index.next_repository("") != nullptr);
  CHECK(index.next_repository("")->name == "a/b");
  CHECK(index.next_repository("a/b") == nullptr);
  CHECK(index.stats().tags == 1);
  CHECK(index.stats().manifests == 1);
  CHECK(index.stats().possessions == 1);
  CHECK(dump(store, "no/such").empty());
}

TEST_CASE("store: facts may be written again, and the last one counts") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  Told told(store);
  change(store, [&](Store&) {
    tell(told);
    tell(told);
  });
  CHECK(dump(store) == dump(told.index));

  change(store, [&](Store&) {
    store.put_tag("r", {"7b", digest_of("app"), "carol", kNow + hours(1)});
    store.put_manifest("r", image("app", {"config", "layer", "more"}));
    store.put_graces("r", digest_of("app"),
                     std::vector<Grace>{{"old", kNow + hours(3), "carol"}, {"new", kNow, ""}});
    store.set_known("r", false);
    store.set_known("a/b", true);
    store.set_complete(true);
    store.put_manifest("r", referrer("sig", "app", "dora"));
  });
  Index index{Index::Options{}};
  store.load(index);
  const auto* in = index.find_repository("r");
  REQUIRE(in != nullptr);
  CHECK_FALSE(in->known);
  CHECK(index.find_repository("a/b")->known);
  CHECK(index.is_complete());
  const auto* tag = index.find_tag(*in, "7b");
  REQUIRE(tag != nullptr);
  CHECK(index.digest_of(tag->root) == digest_of("app"));
  CHECK(index.account_name(tag->account) == "carol");
  CHECK(tag->at == kNow + hours(1));
  const auto app = node_of(index, "r", digest_of("app"));
  CHECK(index.record_of(app).links == image("app", {"config", "layer", "more"}).links);
  // The tag's new place gave no grace, and of those before nothing is left.
  REQUIRE(index.graces_of(app).size() == 2);
  for (const auto& grace : index.graces_of(app)) {
    CHECK((grace.tag == "old" ? grace.account == "carol" : grace.tag == "new"));
  }
  const auto sig = index.record_of(node_of(index, "r", digest_of("sig")));
  CHECK(sig.putters == std::vector<Putter>{{"dora", "10.0.0.1"}});
  CHECK(sig.annotations.empty());
  change(store, [&](Store&) { store.set_complete(false); });
  CHECK_FALSE(speaks_of(dump(store), "complete"));
}

TEST_CASE("store: what is dropped does not come back, and nothing else goes") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  change(store, [&](Store&) {
    Told told(store);
    tell(told);
  });
  const std::vector<PossessionRecord> alice_as_blob{{"alice", {kNow, PossessionRecord::kNever}}};
  change(store, [&](Store&) {
    store.drop_tag("r", "latest");
    store.drop_tag("r", "no-such");
    store.drop_tag("no-such", "latest");
    store.drop_manifest("r", digest_of("app"));
    store.drop_manifest("r", digest_of("no-such"));
    store.put_graces("r", digest_of("app"), {});
    store.put_possessions("r", digest_of("app"), alice_as_blob);
  });
  Index index{Index::Options{}};
  store.load(index);
  const auto* in = index.find_repository("r");
  CHECK(index.find_tag(*in, "latest") == nullptr);
  CHECK(index.find_tag(*in, "7b") != nullptr);
  CHECK(index.find_tag(*index.find_repository("a/b"), "latest") != nullptr);
  const auto app = index.find(*in, digest_of("app"));
  REQUIRE(app != kNone);
  CHECK_FALSE(index.is_manifest(app));
  CHECK(index.graces_of(app).empty());
  CHECK(index.possesses("alice", app, Held::blob, kNow));
  CHECK_FALSE(index.possesses("alice", app, Held::manifest, kNow));
  CHECK_FALSE(index.possesses("bob", app, Held::manifest, kNow));
  CHECK(index.is_manifest(node_of(index, "a/b", digest_of("app"))));
  CHECK(index.stats().possessions == 4);

  change(store, [&](Store&) {
    for (const auto* word : {"app", "layer"}) {
      store.put_possessions("r", digest_of(word), {});
    }
  });
  Index later{Index::Options{}};
  store.load(later);
  CHECK(later.stats().possessions == 2);
}

TEST_CASE("store: possessions of an account are as of each kind, and instead of what was") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  const auto x = digest_of("x");
  const auto earlier = kNow - days(1);
  const auto held = [&](std::string_view repository) {
    std::map<std::string, std::pair<Seconds, Seconds>> all;
    Index index{Index::Options{}};
    store.load(index);
    const auto node = node_of(index, repository, x);
    if (node == kNone) return all;
    for (const auto& each : index.possessions_of(node)) {
      all[each.account] = {each.when(Held::blob), each.when(Held::manifest)};
    }
    return all;
  };
  const auto put = [&](std::string_view repository, const std::vector<PossessionRecord>& all) {
    change(store, [&](Store&) { store.put_possessions(repository, x, all); });
  };
  using All = std::map<std::string, std::pair<Seconds, Seconds>>;
  const auto never = PossessionRecord::kNever;
  const auto ended = PossessionRecord::kEnded;
  put("r", {{"alice", {kNow, earlier}}, {"bob", {earlier, never}}, {"carol", {ended, kNow}}});
  put("s", {{"bob", {never, kNow}}});
  CHECK(held("r") ==
        All{{"alice", {kNow, earlier}}, {"bob", {earlier, never}}, {"carol", {ended, kNow}}});
  CHECK(held("s") == All{{"bob", {never, kNow}}});
  put("r", {{"bob", {never, ended}}});
  CHECK(held("r") == All{{"bob", {never, ended}}});
  put("r", {});
  CHECK(held("r").empty());
  CHECK(held("s").size() == 1);
}

// The first form, as version 0.1 made it.
constexpr const char* kFirstForm = R"(
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE repositories(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
                          known INTEGER NOT NULL DEFAULT 0);
CREATE TABLE accounts(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE manifests(repository INTEGER NOT NULL, digest BLOB NOT NULL,
                       media_type INTEGER NOT NULL, links BLOB NOT NULL, size INTEGER,
                       artifact_type TEXT, annotations TEXT, putters TEXT,
                       PRIMARY KEY(repository, digest)) WITHOUT ROWID;
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
PRAGMA application_id = 0x4c476978;
PRAGMA user_version = 1;
INSERT INTO repositories VALUES(1, 'r', 1);
INSERT INTO accounts VALUES(1, 'alice'), (2, 'bob'), (3, 'carol');
)";

TEST_CASE("store: a file of the first form: its one time is that of each kind that was") {
  const TempDir dir;
  const auto x = digest_of("x");
  const auto when = std::to_string(kNow.time_since_epoch().count());
  {
    SQLite::Database first((dir / "index.db").string(),
                           SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    first.exec(kFirstForm);
    const auto blob = "x'" + x.substr(7) + "'";
    first.exec("INSERT INTO possessions VALUES(1, " + blob + ", 1, 1, " + when + "), (1, " + blob +
               ", 2, 2, " + when + "), (1, " + blob + ", 3, 3, " + when + ")");
    first.exec("INSERT INTO tags VALUES(1, 't', " + blob + ", 1, " + when + ")");
    first.exec("INSERT INTO intents VALUES(7, 'r', 't', '', '', 'alice', '10.0.0.1')");
  }
  CHECK(speaks_of(why_not(dir / "index.db", Mode::read), "older form"));
  const auto never = PossessionRecord::kNever;
  const std::map<std::string, std::pair<Seconds, Seconds>> wanted{
      {"alice", {kNow, never}}, {"bob", {never, kNow}}, {"carol", {kNow, kNow}}};
  // Once brought over it stays so.
  for (int time = 0; time < 2; ++time) {
    Store store(dir / "index.db", Mode::write);
    Index index{Index::Options{}};
    store.load(index);
    std::map<std::string, std::pair<Seconds, Seconds>> found;
    for (const auto& held : index.possessions_of(node_of(index, "r", x))) {
      found[held.account] = {held.when(Held::blob), held.when(Held::manifest)};
    }
    CHECK(found == wanted);
    CHECK(index.find_tag("r", "t") != nullptr);
    REQUIRE(store.intents().size() == 1);
    CHECK(store.intents()[0].id == 7);
  }
}

TEST_CASE("store: intents are kept in their order until they are dropped") {
  const TempDir dir;
  std::int64_t first = 0;
  std::int64_t second = 0;
  {
    Store store(dir / "index.db", Mode::write);
    change(store, [&](Store&) {
      first = store.add_intent({0, "r", "t", digest_of("x"), "", "alice", "10.0.0.1"});
      second = store.add_intent({0, "a/b", "", "", digest_of("stand-in"), "", ""});
    });
    CHECK(first != second);
  }
  Store store(dir / "index.db", Mode::write);
  auto intents = store.intents();
  REQUIRE(intents.size() == 2);
  CHECK(intents[0].id == first);
  CHECK(intents[0].repository == "r");
  CHECK(intents[0].tag == "t");
  CHECK(intents[0].digest == digest_of("x"));
  CHECK(intents[0].stand_in.empty());
  CHECK(intents[0].account == "alice");
  CHECK(intents[0].address == "10.0.0.1");
  CHECK(intents[1].id == second);
  CHECK(intents[1].repository == "a/b");
  CHECK(intents[1].stand_in == digest_of("stand-in"));
  change(store, [&](Store&) { store.drop_intent(first); });
  intents = store.intents();
  REQUIRE(intents.size() == 1);
  CHECK(intents[0].id == second);
}

TEST_CASE("store: patterns that were once covered, sorted and each once") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  change(store, [&](Store&) {
    for (const auto* pattern : {"z:*", "a:x", "z:*", "b/**:*"}) store.add_covered(pattern);
  });
  CHECK(store.covered() == std::vector<std::string>{"a:x", "b/**:*", "z:*"});
}

TEST_CASE("store: what was rolled back was never there, and its names are looked up anew") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  change(store, [&](Store&) { store.put_tag("first", {"t", digest_of("x"), "alice", kNow}); });
  const auto before = dump(store);
  store.begin();
  {
    Told told(store);
    tell(told);
  }
  store.put_tag("first", {"t", digest_of("y"), "bob", kNow});
  store.drop_tag("first", "t");
  store.add_intent({0, "r", "t", "", "", "", ""});
  store.add_covered("m:*");
  store.set_complete(true);
  store.roll_back();
  CHECK_FALSE(store.in_transaction());
  CHECK(dump(store) == before);
  CHECK(store.intents().empty());
  CHECK(store.covered().empty());
  // Other names take the numbers that were given back.
  change(store, [&](Store&) {
    store.put_tag("second", {"t", digest_of("x"), "zoe", kNow});
    store.put_tag("r", {"t", digest_of("x"), "bob", kNow});
  });
  Index index{Index::Options{}};
  store.load(index);
  for (const auto& [repository, account] :
       {std::pair{"first", "alice"}, {"second", "zoe"}, {"r", "bob"}}) {
    const auto* in = index.find_repository(repository);
    REQUIRE(in != nullptr);
    REQUIRE(in->tags.size() == 1);
    CHECK(index.account_name(index.find_tag(*in, "t")->account) == account);
  }
  CHECK(index.find_repository("a/b") == nullptr);
  // Without anything under way it does no harm.
  store.roll_back();
  change(store, [&](Store&) { store.set_known("third", true); });
}

TEST_CASE("store: what was not committed is not there the next time") {
  const TempDir dir;
  {
    Store store(dir / "index.db", Mode::write);
    change(store, [&](Store&) { store.set_known("r", true); });
    store.begin();
    store.set_known("s", true);
  }
  Store store(dir / "index.db", Mode::write);
  CHECK(dump(store) == "repository r known\n");
}

TEST_CASE("store: a reader sees what was committed, beside who writes, and cannot write") {
  const TempDir dir;
  Store store(dir / "index.db", Mode::write);
  change(store, [&](Store&) { store.set_known("r", true); });
  Store reader(dir / "index.db", Mode::read);
  CHECK(dump(reader) == "repository r known\n");
  store.begin();
  store.set_known("s", true);
  CHECK(dump(reader) == "repository r known\n");
  store.commit();
  CHECK(dump(reader) == "repository r known\nrepository s known\n");
  CHECK_THROWS_AS(reader.set_known("t", true), std::runtime_error);
}

TEST_CASE("store: reading makes no file, and a directory that is not there is told") {
  const TempDir dir;
  CHECK(speaks_of(why_not(dir / "index.db", Mode::read), (dir / "index.db").string()));
  CHECK_FALSE(std::filesystem::exists(dir / "index.db"));
  CHECK(speaks_of(why_not(dir / "no/index.db", Mode::read), (dir / "no/index.db").string()));
  CHECK_FALSE(std::filesystem::exists(dir / "no"));
  CHECK_FALSE(why_not(dir.path(), Mode::write).empty());
}

TEST_CASE("store: a file that is no database is left alone") {
  const TempDir dir;
  const std::string text = "version: 1\n" + std::string(5000, 'x');
  write_text(dir / "index.db", text);
  for (const auto mode : {Mode::write, Mode::read}) {
    const auto why = why_not(dir / "index.db", mode);
    CHECK(speaks_of(why, (dir / "index.db").string()));
    CHECK(speaks_of(why, "move it away"));
    CHECK(read_text(dir / "index.db") == text);
  }
}

TEST_CASE("store: another program's database is left alone") {
  const TempDir dir;
  const auto refused = [&](const std::string& sql) {
    std::filesystem::remove(dir / "index.db");
    {
      SQLite::Database other((dir / "index.db").string(),
                             SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
      other.exec("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1);" + sql);
    }
    for (const auto mode : {Mode::read, Mode::write}) {
      CHECK(speaks_of(why_not(dir / "index.db", mode), (dir / "index.db").string()));
    }
    SQLite::Database other((dir / "index.db").string(), SQLite::OPEN_READONLY);
    CHECK_FALSE(other.tableExists("manifests"));
    return !why_not(dir / "index.db", Mode::write).empty();
  };
  SUBCASE("that says whose it is") { CHECK(refused("PRAGMA application_id = 77")); }
  SUBCASE("that says whose it is, with a version") {
    CHECK(refused("PRAGMA application_id = 77; PRAGMA user_version = 1"));
  }
  SUBCASE("that has a version only") { CHECK(refused("PRAGMA user_version = 1")); }
  SUBCASE("that says nothing, as most do") { CHECK(refused("")); }
}

TEST_CASE("store: a file of a newer version is left alone, and says so") {
  const TempDir dir;
  {
    Store store(dir / "index.db", Mode::write);
    change(store, [&](Store&) { store.set_known("r", true); });
  }
  int present = 0;
  {
    SQLite::Database newer((dir / "index.db").string(), SQLite::OPEN_READWRITE);
    present = newer.execAndGet("PRAGMA user_version").getInt();
    newer.exec("PRAGMA user_version = 1000");
  }
  for (const auto mode : {Mode::write, Mode::read}) {
    CHECK(speaks_of(why_not(dir / "index.db", mode), "newer version of Layergate"));
  }
  {
    SQLite::Database newer((dir / "index.db").string(), SQLite::OPEN_READWRITE);
    CHECK(newer.execAndGet("PRAGMA user_version").getInt() == 1000);
    newer.exec("PRAGMA user_version = " + std::to_string(present));
  }
  Store store(dir / "index.db", Mode::write);
  CHECK(dump(store) == "repository r known\n");
}

TEST_CASE(
    "store: a file of an older version is brought up by who writes, and refused to who reads") {
  const TempDir dir;
  {
    SQLite::Database empty((dir / "index.db").string(),
                           SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  }
  CHECK(speaks_of(why_not(dir / "index.db", Mode::read), "of an older form"));
  CHECK(why_not(dir / "index.db", Mode::write).empty());
  CHECK(why_not(dir / "index.db", Mode::read).empty());
}

TEST_CASE("store: a broken row is an error that is told, and no wrong fact") {
  const TempDir dir;
  {
    Store store(dir / "index.db", Mode::write);
    change(store, [&](Store&) {
      Told told(store);
      tell(told);
    });
  }
  const std::string good = read_text(dir / "index.db");
  for (const std::string sql : {
           "UPDATE manifests SET links = x'0001' WHERE length(links) > 0",
           "UPDATE manifests SET links = x'10' || zeroblob(32) WHERE length(links) > 0",
           "UPDATE manifests SET media_type = 9",
           "UPDATE manifests SET media_type = -1",
       }) {
    CAPTURE(sql);
    write_text(dir / "index.db", good);
    {
      SQLite::Database broken((dir / "index.db").string(), SQLite::OPEN_READWRITE);
      broken.exec(sql);
    }
    CHECK_FALSE(why_not(dir / "index.db", Mode::write).empty());
  }
}

TEST_CASE("store: a file that was cut off or overwritten is an error that is told") {
  const TempDir dir;
  {
    Store store(dir / "index.db", Mode::write);
    change(store, [&](Store&) {
      for (int i = 0; i < 2000; ++i) {
        store.put_manifest("r", image("app" + std::to_string(i), {"layer"}));
      }
    });
  }
  auto text = read_text(dir / "index.db");
  REQUIRE(text.size() > 100'000);
  write_text(dir / "index.db", text.substr(0, text.size() / 2));
  CHECK(speaks_of(why_not(dir / "index.db", Mode::write), "index.db"));
  for (std::size_t i = 8192; i < text.size(); ++i) text[i] = 'x';
  write_text(dir / "index.db", text);
  CHECK_FALSE(why_not(dir / "index.db", Mode::write).empty());
}

}  // namespace layergate::index

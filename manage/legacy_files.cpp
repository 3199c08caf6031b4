#include "manage/legacy_files.h"

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>

#include <nlohmann/json.hpp>

#include "acl/names.h"
#include "auth/credential.h"
#include "auth/hash_form.h"
#include "auth/htpasswd_text.h"
#include "base/read_file.h"
#include "base/utf8.h"
#include "manage/images.h"

namespace layergate::manage {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;  // the ordered one takes quadratic time on large maps

constexpr std::size_t kLargestFile = std::size_t{256} << 20U;
constexpr const char* kUsers = "users.json";
constexpr const char* kImages = "images.json";
constexpr const char* kPasswords = "auth/htpasswd";
constexpr const char* kInFile = "htpasswd";  // a password_hash that means: see there

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

// Text of somebody else's file in a message: short, and without what moves a cursor.
std::string shown(const std::string& text) {
  return Json(text.size() > 80 ? text.substr(0, 80) + "…" : text)
      .dump(-1, ' ', true, Json::error_handler_t::replace);
}

class FileReader {
 public:
  FileReader(const fs::path& dir, bool lenient, LegacyFiles& files)
      : dir_(dir), lenient_(lenient), files_(files) {}

  void run() {
    read_passwords();
    read_map(kUsers, [this](const std::string& key, const Json& entry) { read_user(key, entry); });
    read_map(kImages,
             [this](const std::string& key, const Json& entry) { read_image(key, entry); });
    for (const auto& [user, hash] : hashes_) {
      if (files_.users.contains(user)) continue;
      files_.notes.push_back(std::string(kPasswords) + ": " + shown(user) +
                             " is not in users.json: left out");
    }
  }

 private:
  void refuse(const std::string& where, const std::string& what) {
    files_.problems.push_back(where + ": " + what);
  }

  void read_passwords() {
    if (!is_there(dir_ / kPasswords)) return;
    const auto text = auth::read_htpasswd_text(dir_ / kPasswords);
    if (!text) return refuse(kPasswords, text.error().what);
    auth::HtpasswdLines lines(auth::without_byte_order_mark(*text));
    while (const auto line = lines.next()) {
      if (!line->is_entry()) continue;
      const auto where = std::string(kPasswords) + ":" + std::to_string(line->number);
      const auto user = line->user();
      if (!user) {
        refuse(where, "no colon: a line is \"user:hash\"");
      } else if (!hashes_.emplace(*user, line->hash()).second) {
        refuse(where, shown(std::string(*user)) + " has a line already");
      }
    }
  }

  template <typename Read>
  void read_map(const char* name, Read read) {
    if (!is_there(dir_ / name)) return;
    const auto text = read_file(dir_ / name, kLargestFile);
    if (!text) return refuse(name, text.error());
    // The parser takes the last of two equal keys.
    std::vector<std::set<std::string>> keys;
    std::string twice;
    const auto notice = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && twice.empty() &&
          !keys.back().insert(value.get<std::string>()).second) {
        twice = value.get<std::string>();
      }
      return true;
    };
    Json root;
    try {
      root = Json::parse(*text, notice);
    } catch (const Json::exception& error) {
      // "[json.exception.parse_error.101] parse error at line 1, column 2: …"
      const std::string_view what = error.what();
      return refuse(name, "is no JSON: " + std::string(what.substr(what.find(' ') + 1)));
    }
    if (!twice.empty()) return refuse(name, "the key " + shown(twice) + " stands twice in one map");
    if (!root.is_object()) return refuse(name, "must be one map");
    for (const auto& [key, entry] : root.items()) {
      if (entry.is_object()) {
        read(key, entry);
      } else {
        refuse(std::string(name) + ": " + shown(key), "must be a map");
      }
    }
  }

  void only(const std::string& where, const Json& entry, const std::set<std::string>& known) {
    for (const auto& [key, value] : entry.items()) {
      if (known.contains(key)) continue;
      if (lenient_) {
        files_.notes.push_back(where + ": the unknown field " + shown(key) + " is left out");
      } else {
        refuse(where, "unknown field " + shown(key) +
                          ": take it out, or leave such fields aside with --lenient");
      }
    }
  }

  // Empty if it is absent or null.
  std::string text(const std::string& where, const Json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || found->is_null()) return "";
    if (found->is_string()) return found->get<std::string>();
    refuse(where, std::string(key) + " must be text");
    return "";
  }

  std::vector<std::string> texts(const std::string& where, const Json& entry, const char* key) {
    std::vector<std::string> list;
    const auto found = entry.find(key);
    if (found == entry.end()) {
      refuse(where, std::string(key) + " is missing");
      return list;
    }
    if (!found->is_array()) {
      refuse(where, std::string(key) + " must be a list");
      return list;
    }
    for (const auto& item : *found) {
      if (!item.is_string()) {
        refuse(where, "each item of " + std::string(key) + " must be text");
        return {};
      }
      auto word = item.get<std::string>();
      if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(std::move(word));
    }
    return list;
  }

  void read_user(const std::string& name, const Json& entry) {
    const auto where = std::string(kUsers) + ": " + shown(name);
    only(where, entry, {"username", "password_hash", "permissions", "email"});
    if (const auto other = text(where, entry, "username"); !other.empty() && other != name) {
      refuse(where, "its username is " + shown(other));
    }
    if (const auto fault = auth::user_name_problem(name); !fault.empty()) {
      refuse(where, fault);
    } else if (const auto bad = acl::fault_of_account_name(name); !bad.empty()) {
      refuse(where, "the name " + bad);
    }
    LegacyUser user;
    user.email = text(where, entry, "email");
    if (const auto fault = acl::fault_of_remark(user.email); !fault.empty()) {
      refuse(where, "email " + fault);
    }
    user.permissions = texts(where, entry, "permissions");
    for (const auto& permission : user.permissions) {
      if (permission != "admin" && !acl::parse_action(permission)) {
        refuse(where, "unknown permission " + shown(permission));
      }
    }
    user.hash = hash_of(where, name, text(where, entry, "password_hash"));
    files_.users.emplace(name, std::move(user));
  }

  std::string hash_of(const std::string& where, const std::string& name, std::string hash) {
    if (hash.empty() || hash == kInFile) {
      const auto line = hashes_.find(name);
      if (line == hashes_.end()) {
        refuse(where, std::string("has no line in ") + kPasswords);
        return "";
      }
      hash = line->second;
    }
    if (const auto form = auth::recognise_hash(hash); !form) {
      refuse(where, "its password hash is " + form.error() + "; set a new password there first");
    }
    return hash;
  }

  void read_image(const std::string& key, const Json& entry) {
    const auto where = std::string(kImages) + ": " + shown(key);
    only(where, entry, {"name", "tag", "digest", "created", "size", "allowed_users"});
    const auto colon = key.rfind(':');
    ImageName name{key.substr(0, colon), colon == std::string::npos ? "" : key.substr(colon + 1)};
    const auto given_name = text(where, entry, "name");
    const auto given_tag = text(where, entry, "tag");
    if ((!given_name.empty() && given_name != name.first) ||
        (!given_tag.empty() && given_tag != name.second)) {
      refuse(where, "its name and tag are " + shown(given_name + ":" + given_tag));
    }
    if (const auto good = check_image(name); !good) return refuse(where, good.error().what);
    LegacyImage image;
    image.given.digest = text(where, entry, "digest");
    image.given.created = time_of(text(where, entry, "created"));
    if (const auto size = entry.find("size"); size != entry.end() && !size->is_null()) {
      if (!size->is_number_unsigned()) {
        refuse(where, "size must be a number of bytes");
      } else if (size->get<std::uint64_t>() != 0) {  // 0: it was not known
        image.given.size = size->get<std::uint64_t>();
      }
    }
    if (const auto good = check_given(image.given); !good) refuse(where, good.error().what);
    image.allowed_users = texts(where, entry, "allowed_users");
    files_.images.emplace(std::move(name), std::move(image));
  }

  // Python's isoformat() writes no zone; it is taken for UTC, and microseconds stay.
  static std::string time_of(const std::string& text) {
    if (!parse_time(text) && parse_time(text + "Z")) return text + "Z";
    return text;
  }

  const fs::path& dir_;
  const bool lenient_;
  LegacyFiles& files_;
  std::map<std::string, std::string> hashes_;  // by user
};

}  // namespace

LegacyFiles read_legacy_files(const fs::path& dir, bool lenient) {
  LegacyFiles files;
  if (!is_there(dir / kUsers) && !is_there(dir / kImages)) {
    files.problems.push_back(dir.string() + " holds neither users.json nor images.json");
    return files;
  }
  FileReader(dir, lenient, files).run();
  return files;
}

}  // namespace layergate::manage

#include "manage/images.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "manage/accounts.h"
#include "oci/reference.h"

namespace layergate::manage {
namespace {

using Kind = Failure::Kind;

constexpr std::size_t kLongestTime = 64;

std::string text_of(const ImageName& image) { return image.first + ":" + image.second; }

// What is to stand under `who`; each once.
std::vector<std::string> who_of(const std::vector<std::string>& users) {
  if (users.empty()) return {"*"};
  std::vector<std::string> once;
  for (const auto& user : users) {
    if (std::find(once.begin(), once.end(), user) == once.end()) once.push_back(user);
  }
  return once;
}

Done check_users(const PolicyFiles& present, const std::vector<std::string>& users) {
  for (const auto& user : users) {
    if (find_account(present, user) == nullptr) return tl::unexpected(no_account(present, user));
  }
  return {};
}

bool is_same_set(std::vector<std::string> a, std::vector<std::string> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

std::string list_of(const std::vector<std::string>& who) {
  if (who.empty()) return "nobody";
  std::string text;
  for (const auto& word : who)
    text += (text.empty() ? "" : ", ") + (word == "*" ? "everybody" : word);
  return text;
}

Done write_given(const config::Config& config, const ImageName& image,
                 const catalog::Given& given) {
  try {
    if (given.empty()) return {};
    catalog::Catalog catalog(config.state);
    auto all = catalog.given(image);
    if (!given.digest.empty()) all.digest = given.digest;
    if (!given.created.empty()) all.created = given.created;
    if (given.size) all.size = given.size;
    catalog.put_given({{image, all}});
    return {};
  } catch (const std::exception& error) {
    return failed(Kind::io, error.what());
  }
}

Done drop_given(const config::Config& config, const ImageName& image) {
  try {
    if (auto catalog = catalog::Catalog::open_existing(config.state)) {
      catalog->put_given({{image, {}}});
    }
    return {};
  } catch (const std::exception& error) {
    return failed(Kind::io, error.what());
  }
}

}  // namespace

Done check_image(const ImageName& image) {
  if (!oci::is_repository(image.first)) {
    return failed(Kind::usage,
                  "\"" + image.first +
                      "\" is no image: a name is lower-case letters, digits and single "
                      "separators, as team/telechat");
  }
  if (!oci::is_tag(image.second)) {
    return failed(Kind::usage, "\"" + text_of(image) +
                                   "\" is no image: a tag has at most 128 letters, digits and ._-, "
                                   "and begins with none of .-");
  }
  return {};
}

Done check_given(const catalog::Given& given) {
  if (!given.digest.empty() && !oci::is_digest(given.digest)) {
    return failed(Kind::usage, "the digest \"" + given.digest.substr(0, 80) +
                                   "\" is none: write sha256: and 64 hexadecimal digits");
  }
  if (!given.created.empty() &&
      (given.created.size() > kLongestTime || !parse_time(given.created))) {
    return failed(Kind::usage, "created \"" + given.created.substr(0, 80) +
                                   "\" is no time: write 2024-01-31T18:00:00Z or 2024-01-31");
  }
  if (given.size && *given.size > (std::uint64_t{1} << 62U)) {
    return failed(Kind::usage, "the size is larger than any image");
  }
  return {};
}

Failure not_registered(const ImageName& image) {
  return {Kind::not_found, "the image " + text_of(image) +
                               " is not registered: layergate image register " + image.first + " " +
                               image.second + " --users …"};
}

Done register_image(const config::Config& config, const NewImage& image, const Terms& terms) {
  if (auto good = check_image(image.name); !good) return good;
  if (auto good = check_given(image.given); !good) return good;
  PolicyChange change;
  change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    const auto users = image.users.value_or(std::vector<std::string>());
    if (auto known = check_users(present, users); !known) return known;
    const auto who = who_of(users);
    const auto registrations = registrations_of(present);
    const auto there = registrations.find(image.name);
    if (there == registrations.end()) {
      add_registrations(root, {{image.name, who}});
      return {};
    }
    if (!image.users || is_same_set(who, there->second.who)) return {};
    if (!image.replace) {
      return failed(Kind::conflict, text_of(image.name) + " is registered for " +
                                        list_of(there->second.who) + " (" +
                                        present.place(there->second.place) +
                                        "): change that with access grant and access revoke, or "
                                        "register it anew with --replace (\"replace\": true)");
    }
    set_who(root, there->second, who);
    return {};
  };
  change.before_write = [&] { return write_given(config, image.name, image.given); };
  if (const auto done = change_managed_policy(config.acl, change, terms); !done) {
    return tl::unexpected(done.error());
  }
  return {};
}

Done remove_image(const config::Config& config, const ImageName& image, const Terms& terms) {
  if (auto good = check_image(image); !good) return good;
  PolicyChange change;
  change.edit = [&](yaml::Node& root, const PolicyFiles& present) -> Done {
    const auto registrations = registrations_of(present);
    const auto there = registrations.find(image);
    if (there == registrations.end()) {
      return failed(Kind::not_found, "the image " + text_of(image) + " is not registered");
    }
    remove_registration(root, image, there->second);
    return {};
  };
  change.before_write = [&] { return drop_given(config, image); };
  if (const auto done = change_managed_policy(config.acl, change, terms); !done) {
    return tl::unexpected(done.error());
  }
  return {};
}

}  // namespace layergate::manage

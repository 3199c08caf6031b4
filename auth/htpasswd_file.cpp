#include "auth/htpasswd_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <system_error>
#include <thread>

#include "auth/credential.h"
#include "auth/hash_form.h"
#include "auth/htpasswd.h"
#include "auth/htpasswd_text.h"
#include "base/atomic_file.h"
#include "base/file_lock.h"

namespace layergate::auth {
namespace {

namespace fs = std::filesystem;
using Result = tl::expected<LineChange, std::string>;

tl::expected<Fd, std::string> lock_beside(const fs::path& file,
                                          std::chrono::milliseconds patience) {
  return lock_file(lock_of_htpasswd(file), file, patience);
}

struct Edited {
  std::string text;
  LineChange change;
};

using Hashes = std::map<std::string_view, std::string_view>;

// Where the hash is empty, the user's lines are removed. `change` is that of the last user who had
// a line, or added.
Edited edit(std::string_view text, const Hashes& hashes) {
  Edited out{"", LineChange::absent};
  out.text.reserve(text.size());
  const auto put = [&](const Hashes::value_type& line, std::string_view end) {
    out.text.append(line.first).append(":").append(line.second).append(end);
  };
  const auto rest = without_byte_order_mark(text);
  out.text += text.substr(0, text.size() - rest.size());
  text = rest;
  std::string_view end = "\n";
  std::set<std::string_view> done;
  HtpasswdLines lines(text);
  while (const auto line = lines.next()) {
    end = line->whole.substr(line->text.size());
    const auto user = line->is_entry() ? line->user() : std::nullopt;
    const auto wanted = user ? hashes.find(*user) : hashes.end();
    if (wanted == hashes.end()) {
      out.text += line->whole;
    } else if (wanted->second.empty()) {
      out.change = LineChange::removed;
    } else if (done.insert(wanted->first).second) {
      put(*wanted, end);
      out.change = LineChange::replaced;
    }
  }
  for (const auto& wanted : hashes) {
    if (wanted.second.empty() || done.contains(wanted.first)) continue;
    if (end.empty()) out.text += end = "\n";  // the last line had no end
    put(wanted, end);
    out.change = LineChange::added;
  }
  return out;
}

Result change(const fs::path& named, const Hashes& hashes, std::chrono::milliseconds patience) {
  const auto file = resolve_links(named);
  if (!file) return tl::unexpected(file.error());
  const auto lock = lock_beside(*file, patience);
  if (!lock) return tl::unexpected(lock.error());

  auto text = read_htpasswd_text(*file);
  if (!text && text.error().missing) text = std::string();
  if (!text) return tl::unexpected(file->string() + " " + text.error().what);
  if (text->find('\0') != std::string::npos) {
    return tl::unexpected(file->string() + " holds a NUL byte: it is not a text file");
  }
  const auto edited = edit(*text, hashes);
  if (edited.change == LineChange::absent) return edited.change;
  if (edited.text.size() > Htpasswd::kMostBytes) {
    return tl::unexpected(file->string() + " would become larger than 64 MiB");
  }
  if (const auto written = write_file_atomically(*file, edited.text); !written) {
    return tl::unexpected(written.error());
  }
  return edited.change;
}

// What the file cannot hold; empty if it can.
std::string fault_of(std::string_view user, std::string_view hash) {
  if (auto problem = user_name_problem(user); !problem.empty()) return problem;
  const auto form = recognise_hash(hash);
  return form ? "" : "the hash is " + form.error();
}

}  // namespace

Result set_user(const fs::path& file, std::string_view user, std::string_view hash,
                std::chrono::milliseconds patience) {
  if (auto fault = fault_of(user, hash); !fault.empty()) return tl::unexpected(std::move(fault));
  return change(file, {{user, hash}}, patience);
}

tl::expected<void, std::string> set_users(const fs::path& file,
                                          const std::map<std::string, std::string>& hashes,
                                          std::chrono::milliseconds patience) {
  Hashes lines;
  for (const auto& [user, hash] : hashes) {
    if (auto fault = fault_of(user, hash); !fault.empty()) return tl::unexpected(std::move(fault));
    lines.emplace(user, hash);
  }
  if (lines.empty()) return {};
  const auto changed = change(file, lines, patience);
  if (!changed) return tl::unexpected(changed.error());
  return {};
}

Result remove_user(const fs::path& file, std::string_view user,
                   std::chrono::milliseconds patience) {
  // What is no user's name may still stand in a line that has to go; only an empty one would match
  // lines that nobody meant.
  if (user.empty()) return tl::unexpected(user_name_problem(user));
  return change(file, {{user, {}}}, patience);
}

}  // namespace layergate::auth

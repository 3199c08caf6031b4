#include "auth/htpasswd_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

// Without a hash the user's lines are removed.
Edited edit(std::string_view text, std::string_view user, std::string_view hash) {
  Edited out{"", LineChange::absent};
  out.text.reserve(text.size() + user.size() + hash.size() + 4);
  const auto put = [&](std::string_view end) {
    out.text.append(user).append(":").append(hash).append(end);
  };
  const auto rest = without_byte_order_mark(text);
  out.text += text.substr(0, text.size() - rest.size());
  text = rest;
  std::string_view end = "\n";
  HtpasswdLines lines(text);
  while (const auto line = lines.next()) {
    end = line->whole.substr(line->text.size());
    if (!line->is_entry() || line->user() != user) {
      out.text += line->whole;
    } else if (hash.empty()) {
      out.change = LineChange::removed;
    } else if (out.change == LineChange::absent) {
      put(end);
      out.change = LineChange::replaced;
    }
  }
  if (!hash.empty() && out.change == LineChange::absent) {
    if (end.empty()) out.text += end = "\n";  // the last line had no end
    put(end);
    out.change = LineChange::added;
  }
  return out;
}

Result change(const fs::path& named, std::string_view user, std::string_view hash,
              std::chrono::milliseconds patience) {
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
  const auto edited = edit(*text, user, hash);
  if (edited.change == LineChange::absent) return edited.change;
  if (edited.text.size() > Htpasswd::kMostBytes) {
    return tl::unexpected(file->string() + " would become larger than 64 MiB");
  }
  if (const auto written = write_file_atomically(*file, edited.text); !written) {
    return tl::unexpected(written.error());
  }
  return edited.change;
}

}  // namespace

Result set_user(const fs::path& file, std::string_view user, std::string_view hash,
                std::chrono::milliseconds patience) {
  if (auto problem = user_name_problem(user); !problem.empty()) return tl::unexpected(problem);
  if (const auto form = recognise_hash(hash); !form) {
    return tl::unexpected("the hash is " + form.error());
  }
  return change(file, user, hash, patience);
}

Result remove_user(const fs::path& file, std::string_view user,
                   std::chrono::milliseconds patience) {
  // What is no user's name may still stand in a line that has to go; only an empty one would match
  // lines that nobody meant.
  if (user.empty()) return tl::unexpected(user_name_problem(user));
  return change(file, user, {}, patience);
}

}  // namespace layergate::auth

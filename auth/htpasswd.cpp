#include "auth/htpasswd.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>

#include "auth/credential.h"
#include "auth/hash_form.h"
#include "auth/htpasswd_text.h"
#include "auth/password_hash.h"

namespace layergate::auth {
namespace {

struct Entry {
  std::string hash;
  int line;
};

struct TextHasher {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using Entries = std::unordered_map<std::string, Entry, TextHasher, std::equal_to<>>;

// What an empty file's unknown users are checked against: the cost that new lines get.
constexpr const char* kDefaultHash =
    "$2y$10$......................"
    "...............................";

class Problems {
 public:
  explicit Problems(const std::string& file) : file_(file) {}

  void add(int line, std::string what) {
    if (++count_ <= kMost) list_.push_back({file_, line, 0, std::move(what), ""});
  }
  std::vector<Problem> take() {
    if (count_ > kMost) {
      list_.push_back({file_, 0, 0, "and " + std::to_string(count_ - kMost) + " more lines", ""});
    }
    return std::move(list_);
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  static constexpr std::size_t kMost = 100;
  const std::string& file_;
  std::size_t count_ = 0;
  std::vector<Problem> list_;
};

class Parser {
 public:
  explicit Parser(const std::string& file) : file_(file), errors_(file), warnings_(file) {}

  void read(std::string_view text) {
    text = without_byte_order_mark(text);
    HtpasswdLines lines(text);
    while (const auto line = lines.next()) {
      if (line->is_entry()) read_entry(*line);
    }
    if (!cheapest_.empty() && cheapest_ != costliest_) {
      warnings_.add(0, "its hashes differ in cost (" + cheapest_ + " to " + costliest_ +
                           "): how fast a wrong password is refused tells which accounts have the "
                           "cheaper ones; write those again");
    }
  }

  Problems& errors() { return errors_; }
  Problems& warnings() { return warnings_; }
  Entries take_entries() { return std::move(entries_); }
  [[nodiscard]] const std::string& costliest_hash() const { return costliest_hash_; }

 private:
  void read_entry(const HtpasswdLine& line) {
    if (line.text.find('\0') != std::string_view::npos) {
      return errors_.add(line.number, "a NUL byte: this is not a text file");
    }
    const auto user = line.user();
    if (!user) return errors_.add(line.number, "no colon: a line is \"user:hash\"");
    if (auto problem = user_name_problem(*user); !problem.empty()) {
      return errors_.add(line.number, std::move(problem));
    }
    const std::string name(*user);
    const auto form = recognise_hash(line.hash());
    if (!form) {
      return errors_.add(line.number,
                         "the hash of \"" + name + "\" is " + form.error() + "; " + cure(name));
    }
    const auto [at, is_new] =
        entries_.try_emplace(name, Entry{std::string(line.hash()), line.number});
    if (!is_new) {
      return errors_.add(line.number, "\"" + name + "\" has a line already, line " +
                                          std::to_string(at->second.line) + ": remove one");
    }
    if (form->algorithm == Algorithm::apr1) {
      warnings_.add(line.number, "the hash of \"" + name +
                                     "\" is MD5 ($apr1$), quickly guessed if "
                                     "the file leaks; " +
                                     cure(name));
    } else if (form->is_weak()) {
      warnings_.add(line.number, "the hash of \"" + name + "\" is cheap to guess (" +
                                     form->to_string() + "); " + cure(name));
    }
    compare_cost(*form, at->second.hash);
  }

  [[nodiscard]] std::string cure(const std::string& user) const {
    return "make it again: htpasswd -B -C 10 " + file_ + " " + user;
  }

  void compare_cost(const HashForm& form, const std::string& hash) {
    const auto cost = form.estimate();
    if (costliest_hash_.empty() || cost > highest_) {
      highest_ = cost;
      costliest_ = form.to_string();
      costliest_hash_ = hash;
    }
    if (cheapest_.empty() || cost < lowest_) {
      lowest_ = cost;
      cheapest_ = form.to_string();
    }
  }

  const std::string& file_;
  Problems errors_;
  Problems warnings_;
  Entries entries_;
  std::chrono::microseconds lowest_{}, highest_{};
  std::string cheapest_, costliest_, costliest_hash_;
};

}  // namespace

struct Htpasswd::Impl {
  Entries entries;
  std::string decoy;
};

Htpasswd::Htpasswd(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Htpasswd::~Htpasswd() = default;

Htpasswd::Loaded Htpasswd::load(const std::filesystem::path& file) {
  const auto text = read_htpasswd_text(file);
  if (text) return parse(*text, file.string());
  Loaded loaded;
  loaded.errors.push_back({file.string(), 0, 0, text.error().what, ""});
  return loaded;
}

Htpasswd::Loaded Htpasswd::parse(std::string_view text, const std::string& file) {
  Loaded loaded;
  if (text.size() > kMostBytes) {
    loaded.errors.push_back({file, 0, 0, "is larger than 64 MiB", ""});
    return loaded;
  }
  Parser parser(file);
  parser.read(text);
  loaded.warnings = parser.warnings().take();
  if (!parser.errors().empty()) {
    loaded.errors = parser.errors().take();
    return loaded;
  }
  const auto& costliest = parser.costliest_hash();
  auto impl = std::make_unique<Impl>();
  impl->decoy = decoy_like(costliest.empty() ? kDefaultHash : costliest);
  impl->entries = parser.take_entries();
  loaded.htpasswd.reset(new Htpasswd(std::move(impl)));  // NOLINT: the constructor is private
  return loaded;
}

std::shared_ptr<const Htpasswd> Htpasswd::restricted_to(std::string_view text) const {
  auto impl = std::make_unique<Impl>();
  impl->decoy = impl_->decoy;
  HtpasswdLines lines(without_byte_order_mark(text));
  while (const auto line = lines.next()) {
    const auto user = line->is_entry() ? line->user() : std::nullopt;
    if (!user) continue;
    const auto known = impl_->entries.find(*user);
    if (known != impl_->entries.end() && known->second.hash == line->hash()) {
      impl->entries.emplace(*known);
    }
  }
  std::shared_ptr<const Htpasswd> rest;
  rest.reset(new Htpasswd(std::move(impl)));  // NOLINT: the constructor is private
  return rest;
}

std::shared_ptr<const Htpasswd> Htpasswd::without(const std::vector<std::string>& users) const {
  auto impl = std::make_unique<Impl>(*impl_);
  for (const auto& user : users) impl->entries.erase(user);
  std::shared_ptr<const Htpasswd> rest;
  rest.reset(new Htpasswd(std::move(impl)));  // NOLINT: the constructor is private
  return rest;
}

const std::string* Htpasswd::find(std::string_view user) const {
  const auto found = impl_->entries.find(user);
  return found == impl_->entries.end() ? nullptr : &found->second.hash;
}

const std::string& Htpasswd::decoy() const { return impl_->decoy; }

std::vector<std::string> Htpasswd::users() const {
  std::vector<std::string> names;
  names.reserve(impl_->entries.size());
  for (const auto& [name, entry] : impl_->entries) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace layergate::auth

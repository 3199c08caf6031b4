#include "acl/compiled_form.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "acl/policy_impl.h"
#include "base/sha256.h"

namespace layergate::acl {
namespace {

constexpr std::string_view kMagic = "LGPOLICY";

// A rule's origin; the texts lie behind one another.
struct StoredOrigin {
  std::uint32_t name_size = 0;
  std::uint32_t reason_size = 0;
  std::uint32_t file = 0;
  std::int32_t line = 0;
};

struct StoredNetwork {
  std::array<std::uint8_t, 16> first{};
  std::uint32_t prefix = 0;
};

// What the policy holds in a form that cannot be kept as it is.
struct Stored {
  std::vector<std::string> files;
  std::vector<StoredOrigin> origins;
  std::string origin_texts;
  std::vector<StoredNetwork> networks;
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void operator()(std::uint64_t number) { put(&number, sizeof number); }
  void operator()(std::string_view text) {
    (*this)(std::uint64_t{text.size()});
    out_ += text;
  }
  template <typename T>
  void operator()(std::span<const T> array) {
    static_assert(std::is_trivially_copyable_v<T>);
    (*this)(std::uint64_t{array.size_bytes()});
    put(array.data(), array.size_bytes());
  }
  template <typename T>
  void operator()(const std::vector<T>& array) {
    (*this)(std::span<const T>(array));
  }
  void operator()(const std::vector<std::string>& texts) {
    (*this)(std::uint64_t{texts.size()});
    for (const auto& text : texts) (*this)(std::string_view(text));
  }

 private:
  void put(const void* bytes, std::size_t size) {
    out_.append(static_cast<const char*>(bytes), size);
  }
  std::string& out_;
};

// After the first field that is not there all others are empty, and is_done() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  // Everything was there, and there is nothing else.
  [[nodiscard]] bool is_done() const { return good_ && rest_.empty(); }

  std::uint64_t number() {
    std::uint64_t value = 0;
    const auto bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number())); }
  std::vector<std::string> texts() {
    std::vector<std::string> all;
    for (auto left = number(); left > 0 && good_; --left) all.push_back(text());
    return all;
  }
  template <typename T>
  std::vector<T> array() {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto bytes = take(number());
    good_ = good_ && bytes.size() % sizeof(T) == 0;
    std::vector<T> all(bytes.size() / sizeof(T));
    if (good_ && !all.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view take(std::uint64_t size) {
    good_ = good_ && size <= rest_.size();
    if (!good_) return {};
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool good_ = true;
};

std::uint64_t count(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}
WallTime time_of(std::uint64_t count) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(count)));
}

// --- what is not kept as it lies in memory

std::uint32_t prefix_of(const IpNetwork& network) {
  std::uint32_t prefix = 0;
  const auto last = network.last();
  for (std::size_t byte = 0; byte < 16; ++byte) {
    const unsigned differ = network.first().bytes()[byte] ^ last.bytes()[byte];
    prefix += static_cast<std::uint32_t>(8 - std::popcount(differ));
  }
  return prefix;
}

Stored stored_of(const Policy::Impl& policy, const std::vector<std::string>& files) {
  Stored stored;
  stored.files = files;
  stored.origins.reserve(policy.origins.size());
  std::size_t size = 0;
  for (const auto& origin : policy.origins) size += origin.name.size() + origin.reason.size();
  stored.origin_texts.reserve(size);
  std::size_t file = 0;
  for (const auto& origin : policy.origins) {
    // The rules of a file lie together.
    if (file >= files.size() || files[file] != origin.file) {
      file = static_cast<std::size_t>(std::find(files.begin(), files.end(), origin.file) -
                                      files.begin());
    }
    stored.origins.push_back({static_cast<std::uint32_t>(origin.name.size()),
                              static_cast<std::uint32_t>(origin.reason.size()),
                              static_cast<std::uint32_t>(file), origin.line});
    stored.origin_texts.append(origin.name).append(origin.reason);
  }
  stored.networks.reserve(policy.networks.size());
  for (const auto& network : policy.networks) {
    stored.networks.push_back({network.first().bytes(), prefix_of(network)});
  }
  return stored;
}

// False if a number leads nowhere.
bool restore(const Stored& stored, Policy::Impl& policy) {
  std::vector<std::string_view> files;
  for (const auto& file : stored.files) files.push_back(policy.texts.keep(file));
  auto texts = policy.texts.keep(stored.origin_texts);
  policy.origins.reserve(stored.origins.size());
  for (const auto& origin : stored.origins) {
    if (origin.file >= files.size() || origin.name_size > texts.size() ||
        origin.reason_size > texts.size() - origin.name_size) {
      return false;
    }
    const auto name = texts.substr(0, origin.name_size);
    const auto reason = texts.substr(origin.name_size, origin.reason_size);
    texts.remove_prefix(std::size_t{origin.name_size} + origin.reason_size);
    policy.origins.push_back({name, files[origin.file], origin.line, reason});
  }
  policy.networks.reserve(stored.networks.size());
  for (const auto& [first, prefix] : stored.networks) {
    if (prefix > 128) return false;
    policy.networks.push_back(
        IpNetwork::of(IpAddress::from_bytes(first), static_cast<int>(prefix)));
  }
  return texts.empty();
}

// --- the body's fields, in both directions

void write_index(const RuleIndex::Parts& parts, Writer& write) {
  write(parts.shelves.units());
  write(parts.names.literals());
  write(parts.names.prefixes());
  write(std::string_view(parts.tags.texts()));
  write(parts.tags.tables().literals());
  write(parts.tags.tables().prefixes());
  write(std::string_view(parts.glob_texts));
  write(parts.globs);
  write(parts.entries);
}

std::optional<RuleIndex> read_index(Reader& read, std::size_t rules) {
  RuleIndex::Parts parts;
  parts.shelves = RuleShelves::adopt(read.array<RuleShelves::Unit>());
  auto literals = read.array<IdTable::Slot>();
  auto prefixes = read.array<IdTable::Slot>();
  auto names = KeyTables::adopt(std::move(literals), std::move(prefixes), parts.shelves);
  if (!names) return std::nullopt;
  parts.names = *std::move(names);
  auto texts = read.text();
  literals = read.array<IdTable::Slot>();
  prefixes = read.array<IdTable::Slot>();
  auto tags = GlobKeys::adopt(std::move(texts), std::move(literals), std::move(prefixes));
  if (!tags) return std::nullopt;
  parts.tags = *std::move(tags);
  parts.glob_texts = read.text();
  parts.globs = read.array<RuleIndex::Globs>();
  parts.entries = read.array<RuleEntry>();
  return RuleIndex::adopt(std::move(parts), rules);
}

void write_problem(const Problem& problem, Writer& write) {
  write(std::string_view(problem.file));
  write(static_cast<std::uint64_t>(problem.line));
  write(static_cast<std::uint64_t>(problem.column));
  write(std::string_view(problem.what));
  write(std::string_view(problem.suggestion));
}

Problem read_problem(Reader& read) {
  Problem problem;
  problem.file = read.text();
  problem.line = static_cast<int>(read.number());
  problem.column = static_cast<int>(read.number());
  problem.what = read.text();
  problem.suggestion = read.text();
  return problem;
}

void write_warnings(const Warnings& warnings, Writer& write) {
  write(std::uint64_t{warnings.always.size()});
  for (const auto& problem : warnings.always) write_problem(problem, write);
  write(std::uint64_t{warnings.more});
  write(std::uint64_t{warnings.timed.size()});
  for (const auto& [problem, from, until] : warnings.timed) {
    write_problem(problem, write);
    write(count(from));
    write(count(until));
  }
}

void read_warnings(Reader& read, Warnings& warnings) {
  for (auto left = read.number(); left > 0 && read.good(); --left) {
    warnings.always.push_back(read_problem(read));
  }
  warnings.more = read.number();
  for (auto left = read.number(); left > 0 && read.good(); --left) {
    auto problem = read_problem(read);
    const auto from = time_of(read.number());
    warnings.timed.push_back({std::move(problem), from, time_of(read.number())});
  }
}

void write_test(const TestDraft& test, Writer& write) {
  write(std::string_view(test.user.text));
  write(static_cast<std::uint64_t>(test.action));
  write(std::string_view(test.image.name));
  write(std::string_view(test.image.tag));
  write(std::uint64_t{test.allow});
  write(test.from ? std::span<const std::uint8_t>(test.from->bytes())
                  : std::span<const std::uint8_t>());
  write(std::uint64_t{test.at.has_value()});
  write(count(test.at.value_or(WallTime{})));
}

std::optional<TestDraft> read_test(Reader& read) {
  TestDraft test;
  test.user.text = read.text();
  const auto action = read.number();
  if (action >= std::size(kActions)) return std::nullopt;
  test.action = kActions[action];
  test.image = {read.text(), "", true};
  test.image.tag = read.text();
  test.allow = read.number() != 0;
  if (const auto from = read.array<std::uint8_t>(); from.size() == 16) {
    std::array<std::uint8_t, 16> bytes{};
    std::copy(from.begin(), from.end(), bytes.begin());
    test.from = IpAddress::from_bytes(bytes);
  }
  const bool has_time = read.number() != 0;
  const auto at = time_of(read.number());
  if (has_time) test.at = at;
  return test;
}

bool is_in(const Slice& slice, std::size_t size) {
  return slice.first <= size && slice.count <= size - slice.first;
}

bool is_sound(const Policy::Impl& policy) {
  const auto is_account = [&](const Account& account) {
    if (!is_in(account.from, policy.networks.size())) return false;
    // Without rules nobody is named by one, and kImmutable's entries have no number of a rule.
    if (policy.origins.empty() && account.subject_count > 0) return false;
    if (account.subject_count > Account::kFewSubjects &&
        !is_in({account.subjects[0], account.subject_count}, policy.subjects.size())) {
      return false;
    }
    return account.name_size <= Account::kShortName ||
           is_in({account.long_name(), account.name_size}, policy.long_names.size());
  };
  return policy.since.size() == policy.accounts.size() &&
         policy.conditions.size() == policy.origins.size() &&
         std::all_of(policy.accounts.begin(), policy.accounts.end(), is_account) &&
         std::all_of(policy.conditions.begin(), policy.conditions.end(),
                     [&](const auto& each) { return is_in(each.from, policy.networks.size()); });
}

void write_body(const Compiled& compiled, std::string& out) {
  const Policy::Impl& policy = *compiled.parts;
  const auto stored = stored_of(policy, compiled.warnings.files);
  Writer write(out);
  write(stored.files);
  write(stored.origins);
  write(std::string_view(stored.origin_texts));
  write(stored.networks);
  write(policy.conditions);
  write(policy.accounts);
  write(policy.since);
  write(policy.account_table.slots());
  write(std::string_view(policy.long_names));
  write(policy.subjects);
  write(std::uint64_t{policy.push_unregistered});
  write_index(policy.index.parts(), write);
  write(std::uint64_t{compiled.tests.size()});
  for (const auto& test : compiled.tests) write_test(test, write);
  write_warnings(compiled.warnings, write);
}

std::optional<Compiled> read_body(std::string_view bytes) {
  Reader read(bytes);
  auto policy = std::make_unique<Policy::Impl>();
  Stored stored;
  stored.files = read.texts();
  stored.origins = read.array<StoredOrigin>();
  stored.origin_texts = read.text();
  stored.networks = read.array<StoredNetwork>();
  if (!restore(stored, *policy)) return std::nullopt;
  policy->conditions = read.array<Condition>();
  policy->accounts = read.array<Account>();
  policy->since = read.array<WallTime>();
  auto table = read.array<IdTable::Slot>();
  policy->long_names = read.text();
  policy->subjects = read.array<Subject>();
  policy->push_unregistered = read.number() != 0;
  const auto accounts = policy->accounts.size();
  if (!policy->account_table.adopt(std::move(table),
                                   [&](std::uint32_t id) { return id < accounts; }) ||
      !is_sound(*policy)) {
    return std::nullopt;
  }
  auto index = read_index(read, policy->origins.size());
  if (!index) return std::nullopt;
  policy->index = *std::move(index);

  Compiled compiled;
  for (auto left = read.number(); left > 0 && read.good(); --left) {
    auto test = read_test(read);
    if (!test) return std::nullopt;
    compiled.tests.push_back(*std::move(test));
  }
  compiled.warnings.files = std::move(stored.files);
  read_warnings(read, compiled.warnings);
  // Others are told of behind the last of those that are told.
  if (compiled.warnings.more > 0 && compiled.warnings.always.empty()) return std::nullopt;
  if (!read.is_done()) return std::nullopt;
  compiled.parts = policy.get();
  compiled.policy = std::make_shared<const Policy>(std::move(policy));
  return compiled;
}

std::string checksum(std::string_view key, std::string_view body) {
  Sha256 hash;
  hash.add(key);
  hash.add(body);
  return hash.hex();
}

}  // namespace

std::string to_form(const Compiled& compiled, std::string_view key) {
  std::string out;
  out.append(kMagic).append(key).append(kFormHead - kMagic.size() - key.size(), ' ');
  write_body(compiled, out);
  const auto sum = checksum(key, std::string_view(out).substr(kFormHead));
  std::copy(sum.begin(), sum.end(),
            out.begin() + static_cast<std::ptrdiff_t>(kFormHead - sum.size()));
  return out;
}

bool is_form_of(std::string_view bytes, std::string_view key) {
  return bytes.size() >= kFormHead && bytes.starts_with(kMagic) &&
         bytes.substr(kMagic.size(), kFormKey) == key;
}

tl::expected<Compiled, std::string> from_form(std::string_view bytes, std::string_view key) {
  if (!is_form_of(bytes, key)) {
    return tl::unexpected<std::string>("is of other files, or another version wrote it");
  }
  const auto body = bytes.substr(kFormHead);
  if (bytes.substr(kMagic.size() + kFormKey, kFormHead - kMagic.size() - kFormKey) !=
      checksum(key, body)) {
    return tl::unexpected<std::string>("is damaged: its checksum is wrong");
  }
  auto compiled = read_body(body);
  if (!compiled) return tl::unexpected<std::string>("is damaged: a part of it is missing");
  return *std::move(compiled);
}

}  // namespace layergate::acl

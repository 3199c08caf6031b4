// The password file: it loads or says why, what loads can be hashed against without surprises, and
// a problem never repeats a hash.
#include <crypt.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "auth/hash_form.h"
#include "auth/htpasswd.h"
#include "auth/htpasswd_text.h"
#include "auth/password_hash.h"

namespace {

using namespace layergate::auth;

void require(bool holds) {
  if (!holds) std::abort();
}

// Words that a sentence holds of itself are not meant: short ones, and what has a space or a quote
// or stands in the user's name, which is told.
bool repeats_hash(const std::string& what, const HtpasswdLine& line) {
  const auto hash = line.hash();
  if (hash.size() < 20 || hash.find_first_of(" \"") != std::string_view::npos) return false;
  if (line.user()->find(hash) != std::string_view::npos) return false;
  return what.find(hash) != std::string::npos;
}

void check_hash(const std::string& hash) {
  const auto form = recognise_hash(hash);
  require(form.has_value());
  require(form->salt <= form->digest && form->digest < hash.size());
  require(form->estimate() < std::chrono::milliseconds{1000});
  const auto decoy = decoy_like(hash);
  const auto decoy_form = recognise_hash(decoy);
  require(decoy_form && decoy.size() == hash.size() && decoy_form->cost == form->cost);
  if (form->estimate() > std::chrono::milliseconds{5}) return;  // the fuzzer has no time for those

  // What crypt makes of the setting has the line's own form, or no password could ever match it.
  require(verify_password("password", hash) != Match::failed);
  require(verify_password("password", decoy) == Match::no);
  if (form->algorithm == Algorithm::apr1) return;
  const auto data = std::make_unique<crypt_data>();
  const char* computed = crypt_rn("password", hash.c_str(), data.get(), sizeof(crypt_data));
  require(computed != nullptr);
  require(std::string_view(computed).size() == hash.size());
  require(std::string_view(computed).substr(0, form->digest) == hash.substr(0, form->digest));
  require(recognise_hash(computed).has_value());
  require(verify_password("password", computed) == Match::yes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = Htpasswd::parse(text, "htpasswd");
  require((loaded.htpasswd == nullptr) == !loaded.errors.empty());

  int lines = 0;
  std::size_t bytes = 0;
  HtpasswdLines walk(text);
  while (const auto line = walk.next()) {
    require(line->number == ++lines);
    bytes += line->whole.size();
  }
  require(bytes == text.size());

  for (const auto* problems : {&loaded.errors, &loaded.warnings}) {
    for (const auto& problem : *problems) {
      require(problem.line >= 0 && problem.line <= lines && !problem.what.empty());
      HtpasswdLines again(text);
      while (const auto line = again.next()) {
        if (line->number == problem.line) require(!repeats_hash(problem.what, *line));
      }
    }
  }
  if (!loaded.htpasswd) return 0;

  check_hash(loaded.htpasswd->decoy());
  int hashed = 0;
  for (const auto& user : loaded.htpasswd->users()) {
    const auto* hash = loaded.htpasswd->find(user);
    require(hash != nullptr);
    if (++hashed <= 4) check_hash(*hash);
  }
  return 0;
}

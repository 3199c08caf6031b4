#include "auth/common_passwords.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace layergate::auth {
namespace {

// From the public lists of leaked passwords (their words, without the digits around them), rows of
// keyboards, and what people of this trade choose. Lower-case letters only.
constexpr std::string_view kWords[] = {
    "aa",        "aaa",        "abc",       "abcd",       "abcde",
    "abcdef",    "access",     "account",   "admin",      "administrator",
    "alexander", "amanda",     "andrea",    "andrew",     "angel",
    "anthony",   "apple",      "april",     "ashley",     "asd",
    "asdf",      "asdfgh",     "asdfghjkl", "august",     "austin",
    "autumn",    "azerty",     "babygirl",  "backup",     "bailey",
    "banana",    "barcelona",  "baseball",  "basketball", "batman",
    "bitcoin",   "blink",      "bonjour",   "buster",     "butterfly",
    "cambiame",  "changeit",   "changeme",  "charlie",    "cheese",
    "chelsea",   "chocolate",  "company",   "computer",   "config",
    "cookie",    "corona",     "daniel",    "database",   "december",
    "default",   "demo",       "deploy",    "devops",     "diamond",
    "docker",    "donald",     "dragon",    "edc",        "eminem",
    "example",   "family",     "february",  "ferrari",    "flower",
    "football",  "freedom",    "friday",    "friends",    "fuckyou",
    "george",    "ginger",     "github",    "gitlab",     "google",
    "guest",     "hallo",      "hannah",    "harley",     "hello",
    "hola",      "hunter",     "iloveyou",  "image",      "internet",
    "invite",    "jasmine",    "january",   "jennifer",   "jenkins",
    "jessica",   "jesus",      "jordan",    "joshua",     "july",
    "june",      "justin",     "killer",    "kubernetes", "layergate",
    "letmein",   "linux",      "liverpool", "login",      "london",
    "love",      "lovely",     "maggie",    "manager",    "march",
    "marina",    "martin",     "master",    "matrix",     "matthew",
    "maverick",  "merlin",     "michael",   "michelle",   "microsoft",
    "monday",    "money",      "monkey",    "monster",    "mustang",
    "naruto",    "network",    "nicole",    "november",   "nginx",
    "october",   "office",     "oracle",    "orange",     "parola",
    "pass",      "passcode",   "passe",     "passphrase", "passwd",
    "password",  "passwort",   "patrick",   "pepper",     "please",
    "pokemon",   "police",     "princess",  "private",    "purple",
    "qaz",       "qazwsx",     "qwe",       "qwer",       "qwert",
    "qwerty",    "qwertyuiop", "qwertz",    "ranger",     "redhat",
    "registry",  "robert",     "root",      "samsung",    "saturday",
    "school",    "secret",     "secure",    "security",   "senha",
    "september", "server",     "service",   "shadow",     "silver",
    "simple",    "soccer",     "spring",    "starwars",   "summer",
    "sunday",    "sunshine",   "super",     "superman",   "support",
    "sysadmin",  "system",     "taylor",    "teacher",    "temp",
    "temporary", "test",       "tester",    "testing",    "thomas",
    "thunder",   "thursday",   "tigger",    "trustno",    "tuesday",
    "ubuntu",    "user",       "vagrant",   "victoria",   "wednesday",
    "welcome",   "whatever",   "william",   "winter",     "wsx",
    "yankees",   "zaq",        "zxc",       "zxcv",       "zxcvbn",
    "zxcvbnm",   "telechat",   "me",        "my",         "the",
    "is",        "in",         "you"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string letters_of(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), is_letter);
  return out;
}

std::string_view without_tail(std::string_view text) {
  while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_head(std::string_view text) {
  while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
  return text;
}

// Letters that were exchanged for what looks like them. `one` is what "1", "!" and "|" stand for.
std::string undo_exchanges(std::string_view shown, char one) {
  std::string text(shown);
  constexpr std::string_view kShown = "@4803$5762+";
  constexpr std::string_view kMeant = "aaboesstgzt";
  for (auto& c : text) {
    if (const auto at = kShown.find(c); at != std::string_view::npos) c = kMeant[at];
    if (c == '1' || c == '!' || c == '|') c = one;
  }
  return text;
}

bool is_made_of_words(std::string_view text, std::string_view user) {
  std::vector<bool> reached(text.size() + 1);  // whether words cover the text up to there
  reached[0] = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!reached[at]) continue;
    const auto rest = text.substr(at);
    const auto take = [&](std::string_view word) {
      if (rest.starts_with(word)) reached[at + word.size()] = true;
    };
    for (const auto word : kWords) take(word);
    if (!user.empty()) take(user);
  }
  return !text.empty() && reached[text.size()];
}

}  // namespace

bool is_common_password(std::string_view password, std::string_view user) {
  auto name = letters_of(lower(user));
  if (name.size() < 3) name.clear();
  const auto lowered = lower(password);
  // A sign in front is dressing, or a letter in disguise ("$ecret").
  const auto body = without_tail(lowered);
  for (const auto core : {without_head(body), body}) {
    for (const auto& reading :
         {std::string(core), undo_exchanges(core, 'i'), undo_exchanges(core, 'l')}) {
      if (is_made_of_words(letters_of(reading), name)) return true;
    }
  }
  return false;
}

}  // namespace layergate::auth

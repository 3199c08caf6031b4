#include "proxy/query.h"

#include <doctest/doctest.h>

#include "base/percent.h"

namespace layergate::proxy {
namespace {

// The value of `name`, "(absent)" or "(refused)".
std::string value(std::string_view text, std::string_view name) {
  const auto query = Query::parse(text);
  if (!query) return "(refused)";
  const auto* found = query->find(name);
  return found == nullptr ? "(absent)" : *found;
}

}  // namespace

TEST_CASE("query: names and values are decoded once") {
  struct Row {
    std::string_view text;
    std::string_view name;
    std::string_view value;
  };
  const Row kRows[] = {
      {"", "a", "(absent)"},
      {"a", "a", ""},
      {"a=", "a", ""},
      {"a=b", "a", "b"},
      {"a=b=c", "a", "b=c"},
      {"&&a=b&", "a", "b"},
      {"a=b&c=d", "c", "d"},
      {"=b", "", "b"},
      {"mount=sha256%3Aab&from=w%2Fx", "mount", "sha256:ab"},
      {"mount=sha256%3Aab&from=w%2Fx", "from", "w/x"},
      {"%66rom=x", "from", "x"},
      {"a=%2541", "a", "%41"},
      {"a=b+c", "a", "b c"},
      {"a=b%2Bc", "a", "b+c"},
      {"a=%C3%a4", "a", "\xc3\xa4"},
      {"a=%26b%3Dc", "a", "&b=c"},
      {"a=?/:@", "a", "?/:@"},
      {"A=b", "a", "(absent)"},
      {"a=%", "a", "(refused)"},
      {"a=%4", "a", "(refused)"},
      {"a=%4g", "a", "(refused)"},
      {"a=%g4", "a", "(refused)"},
      {"a=%+4", "a", "(refused)"},
      {"a%=b", "a", "(refused)"},
      {"a=%00", "a", "(refused)"},
      {"a=%0d%0aX:y", "a", "(refused)"},
      {"a=%7f", "a", "(refused)"},
      {"a=b;c=d", "a", "(refused)"},
      {"a=b&a=b", "a", "(refused)"},
      {"from=a&%66rom=b", "from", "(refused)"},
      {"a&a", "a", "(refused)"},
      {"x=1&a=b&x=2", "a", "(refused)"},
  };
  for (const auto& [text, name, wanted] : kRows) {
    const auto& this_text = text;
    CAPTURE(this_text);
    CHECK(value(text, name) == wanted);
  }
}

TEST_CASE("query: a sequence at the very end is whole") { CHECK(value("a=%41", "a") == "A"); }

TEST_CASE("query: encoding is undone by parsing, for every byte that may stand there") {
  std::string all;
  for (int byte = 0x20; byte < 0x100; ++byte) {
    if (byte != 0x7f) all.push_back(static_cast<char>(byte));
  }
  CHECK(value("a=" + percent_encode(all), "a") == all);
  CHECK(percent_encode("aZ9-._~") == "aZ9-._~");
  CHECK(percent_encode("sha256:a/b +&=%\xff") == "sha256%3Aa%2Fb%20%2B%26%3D%25%FF");
}

}  // namespace layergate::proxy

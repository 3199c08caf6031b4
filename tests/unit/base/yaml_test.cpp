#include "base/yaml.h"

#include <string>

#include <doctest/doctest.h>

namespace layergate::yaml {
namespace {

// "[1:1]{a[1:1]: [1:4]b}": the tree on one line, with the places.
std::string shown(const Node& node) {
  std::string out = "[" + std::to_string(node.line) + ":" + std::to_string(node.column) + "]";
  switch (node.kind) {
    case Node::Kind::null:
      return out + "~";
    case Node::Kind::scalar:
      return out + (node.quoted ? "'" + node.scalar + "'" : node.scalar);
    case Node::Kind::sequence:
      out += "(";
      for (const auto& item : node.items) out += (out.back() == '(' ? "" : " ") + shown(item);
      return out + ")";
    case Node::Kind::map:
      out += "{";
      for (const auto& entry : node.entries) {
        out += (out.back() == '{' ? "" : " ") + entry.key + "[" + std::to_string(entry.line) + ":" +
               std::to_string(entry.column) + "]:" + shown(entry.value);
      }
      return out + "}";
  }
  return out;
}

std::string parsed(std::string_view text) {
  const auto tree = parse(text, "f.yml");
  return tree ? shown(*tree) : tree.error().to_string();
}

}  // namespace

TEST_CASE("yaml: values are read with their places") {
  CHECK(parsed("a: b\n") == "[1:1]{a[1:1]:[1:4]b}");
  CHECK(parsed("a:\n  - b\n  - \"7\"\n") == "[1:1]{a[1:1]:[2:3]([2:5]b [3:5]'7')}");
  CHECK(parsed("a: {b: [c, 'd']}\n") == "[1:1]{a[1:1]:[1:4]{b[1:5]:[1:8]([1:9]c [1:12]'d')}}");
  CHECK(parsed("a: |\n  x\n  y\nb: >-\n  z\n") == "[1:1]{a[1:1]:[1:4]'x\ny\n' b[4:1]:[4:4]'z'}");
  CHECK(parsed("a: b # c\n# d\ne: f#g\n") == "[1:1]{a[1:1]:[1:4]b e[3:1]:[3:4]f#g}");
  CHECK(parsed("[a: b, c]") == "[1:1]([1:2]{a[1:2]:[1:5]b} [1:8]c)");
  CHECK(parsed("plain") == "[1:1]plain");
  CHECK(parsed("---\na: b\n...\n# after\n") == "[2:1]{a[2:1]:[2:4]b}");
}

TEST_CASE("yaml: nothing, in its forms, is null") {
  CHECK(parsed("") == "[1:1]~");
  CHECK(parse("# only a comment\n", "f.yml")->kind == Node::Kind::null);
  CHECK(parse("---\n", "f.yml")->kind == Node::Kind::null);
  // A missing value stands where its key does, not where the next thing begins.
  CHECK(parsed("a:\n\n\nb: ~\nc: null\nd: 'null'\n") ==
        "[1:1]{a[1:1]:[1:1]~ b[4:1]:[4:1]~ c[5:1]:[5:1]~ d[6:1]:[6:4]'null'}");
}

TEST_CASE("yaml: columns count characters") {
  CHECK(parsed("{名: x, b: y}") == "[1:1]{名[1:2]:[1:5]x b[1:8]:[1:11]y}");
  CHECK(parsed("\xef\xbb\xbf"
               "a: b\r\nc: é, [\r\nd: e\r\n") ==
        "[1:1]{a[1:1]:[1:4]b c[2:1]:[2:4]é, [ d[3:1]:[3:4]e}");
  CHECK(parsed("中文: @x") == "f.yml:1:5: a plain value cannot begin with @: write it in quotes");
}

TEST_CASE("yaml: what yaml-cpp would pass over silently is refused") {
  CHECK(parsed("a: 1\nb: 2\na: 3\n") ==
        "f.yml:3:1: the key \"a\" stands here for the second time; the first is in line 1");
  CHECK(parsed("x: {a: 1, 'a': 2}") ==
        "f.yml:1:11: the key \"a\" stands here for the second time; the first is in line 1");
  // Its end-of-input character: all that follows would be lost.
  CHECK(parsed("a: 1\n\x04"
               "b: 2\n") == "f.yml:2:1: a control character");
  CHECK(parsed("a: b\n...\nc: d\n") == "f.yml:3:1: this stands behind the end of the document");
  CHECK(parsed("\"a\" b\n") == "f.yml:1:5: this stands behind the end of the document");
  CHECK(parsed("a: b\n---\nc: d\n") == "f.yml:2:1: a second document: a file may hold only one");
}

TEST_CASE("yaml: a text that was cut off is refused") {
  CHECK(parsed("a: \"x\n") == "f.yml:2:1: a quote is not closed");
  CHECK(parsed("a: 'x") == "f.yml:1:6: a quote is not closed");
  CHECK(parsed("a: [x\n") == "f.yml:2:1: a \"[\" is not closed, or a comma is missing");
  CHECK(parsed("a: {b: c\n") == "f.yml:2:1: a \"{\" is not closed, or a comma is missing");
  for (const char* text : {"a: 1\nde", "a: 1\nde\n", "a: 1\n\"de\"\n", "a:\n  - b\n  de"}) {
    CAPTURE(std::string{text});
    CHECK(parsed(text).find("expected \"key: value\" here") != std::string::npos);
  }
  CHECK(parsed("? a\n").find("a colon, a space and a value are missing") != std::string::npos);
}

TEST_CASE("yaml: what a configuration has no use for is refused") {
  CHECK(parsed("a: &x 1\n").find("begins an anchor") != std::string::npos);
  CHECK(parsed("a: &x\n").find("begins an anchor") != std::string::npos);
  CHECK(parsed("a: *x\n").find("begins an alias") != std::string::npos);
  CHECK(parsed("a: [*]\n").find("f.yml:1:5: in YAML a plain * begins an alias") == 0);
  CHECK(parsed("a: !x 1\n").find("begins a tag") != std::string::npos);
  CHECK(parsed("a: ! 1\n").find("begins a tag") != std::string::npos);
  CHECK(parsed("a: !!str null\n").find("begins a tag") != std::string::npos);
  CHECK(parsed("a: !!map {}\n").find("begins a tag") != std::string::npos);
  CHECK(parsed("~: 1\n").find("expected \"key: value\" here") != std::string::npos);
  CHECK(parsed("[a]: 1\n").find("a key has to be text") != std::string::npos);
  CHECK(parsed("? {a: b}\n: 1\n").find("a key has to be text") != std::string::npos);
}

TEST_CASE("yaml: nesting ends at 32 levels, however deep the text goes") {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "- ";
    return text + "x";
  };
  CHECK(parse(nested(32), "f.yml"));
  CHECK(parsed(nested(33)) == "f.yml:1:65: nested deeper than 32 levels");
  CHECK_FALSE(parse(nested(100'000), "f.yml"));
  CHECK_FALSE(parse(std::string(100'000, '['), "f.yml"));
  CHECK_FALSE(parse(std::string(100'000, '{'), "f.yml"));
}

TEST_CASE("yaml: bytes that are no text are refused") {
  using namespace std::string_view_literals;
  CHECK(parsed("a: \xff\n"sv) == "f.yml:1:4: not UTF-8");
  CHECK(parsed("a: 1\nb: \xc0\xaf\n"sv) == "f.yml:2:4: not UTF-8");
  CHECK(parsed("a\0b"sv) == "f.yml:1:2: a NUL byte: this is not a text file");
  CHECK(parsed("\xff\xfe"
               "a\0"sv)
            .find("f.yml:1:") == 0);  // UTF-16
  CHECK(parsed("a: \x1b[0m\n"sv) == "f.yml:1:4: a control character");
  CHECK(parsed("\xef\xbb\xbf\xef\xbb\xbf"
               "a: b\n"sv) == "f.yml:1:1: a byte order mark inside the text");
  CHECK(parsed("a: \xc2\x85\n"sv) == "f.yml:1:4: a control character");
  CHECK(parsed("a: 1\rb: 2\r"sv) == "f.yml:1:5: a carriage return that is not part of a line end");
}

TEST_CASE("yaml: mistakes of form are explained") {
  CHECK(parsed("a:\n\tb: 1\n") == "f.yml:2:3: a tab in the indentation: use spaces");
  CHECK(parsed("a: b: c\n").find("f.yml:1:5: a \":\" is not expected here") == 0);
  CHECK(parsed("a:\n  b: 1\n c: 2\n").find("f.yml:3:2: expected \"key: value\" here") == 0);
  CHECK(parsed("a: b\n]\n") == "f.yml:2:1: a closing bracket that nothing opened");
  CHECK(parsed("a: - b\n") ==
        "f.yml:1:4: a list item is not expected here: begin it on a new line");
  CHECK(parsed("a: %x\n") == "f.yml:1:4: a plain value cannot begin with %: write it in quotes");
}

TEST_CASE("yaml: find() answers with a key's value") {
  const auto tree = parse("a: 1\nb: {c: 2}\n", "f.yml");
  REQUIRE(tree);
  REQUIRE(tree->find("b") != nullptr);
  CHECK(tree->find("b")->find("c")->scalar == "2");
  CHECK(tree->find("c") == nullptr);
  CHECK(tree->find("a")->find("x") == nullptr);
}

}  // namespace layergate::yaml

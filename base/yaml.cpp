#include "base/yaml.h"

#include <algorithm>
#include <istream>
#include <numeric>
#include <optional>
#include <streambuf>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/utf8.h"

namespace layergate::yaml {
namespace {

constexpr std::size_t kMaxDepth = 32;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Place {
  int line;    // from 1
  int column;  // from 1
};

// What our own checks throw through yaml-cpp's parser, which has no other way to be stopped.
struct Refused {
  Place place;
  std::string what;
};

// What yaml-cpp reads: the text, and behind it a comment and an end-of-document marker. At the bare
// end of its input yaml-cpp 0.7 takes an unclosed quote for a closed one and a lone word for a key,
// so that a file that was cut off would pass for whole.
class Input : public std::streambuf {
 public:
  explicit Input(std::string_view text) {
    text_.reserve(text.size() + kEnd.size());
    text_ += text;
    text_ += text.ends_with('\n') ? kEnd.substr(1) : kEnd;
    setg(text_.data(), text_.data(), text_.data() + text_.size());
  }

 private:
  static constexpr std::string_view kEnd = "\n#\n...\n";

  std::string text_;
};

// Lines and columns as people count them: from 1, in characters. yaml-cpp counts bytes.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {}

  [[nodiscard]] Place of(const YAML::Mark& mark) {
    const auto bytes = static_cast<std::size_t>(std::max(mark.column, 0));
    const auto pos = static_cast<std::size_t>(std::max(mark.pos, 0));
    if (pos > text_.size()) return of(text_.size());  // in what Input added
    if (pos < bytes) return {0, 0};
    const int line = std::max(mark.line, 0) + 1;
    // Counts on from the last place in the same line: a file may be one line of many megabytes.
    if (line != line_ || pos < pos_) {
      line_ = line;
      pos_ = pos - bytes;
      characters_ = 0;
    }
    characters_ += count_characters(text_.substr(pos_, pos - pos_));
    pos_ = pos;
    return {line, static_cast<int>(characters_) + 1};
  }

  [[nodiscard]] Place of(std::size_t offset) const {
    const auto before = text_.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    const auto column = count_characters(before.substr(line_start)) + 1;
    return {static_cast<int>(line), static_cast<int>(column)};
  }

  // The line up to there has a tab in its indentation.
  [[nodiscard]] bool is_behind_tab(const YAML::Mark& mark) const {
    if (mark.pos < mark.column || static_cast<std::size_t>(mark.pos) > text_.size()) return false;
    const auto line = text_.substr(static_cast<std::size_t>(mark.pos - mark.column),
                                   static_cast<std::size_t>(mark.column));
    return line.find('\t') < line.find_first_not_of(" \t");
  }

  // The byte that stands there, or NUL behind the end.
  [[nodiscard]] char at(const YAML::Mark& mark) const {
    const auto pos = static_cast<std::size_t>(mark.pos);
    return mark.pos >= 0 && pos < text_.size() ? text_[pos] : '\0';
  }

 private:
  std::string_view text_;
  int line_ = 0;
  std::size_t pos_ = 0;
  std::size_t characters_ = 0;  // between the start of line_ and pos_
};

// Builds the tree. Throws Refused.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(Places& places) : places_(places) {}

  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp also begins a new document at whatever it finds behind the end of one.
    if (started_) {
      refuse(mark, places_.at(mark) == '-' ? "a second document: a file may hold only one"
                                           : "this stands behind the end of the document");
    }
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (expects_key()) {
      refuse(mark,
             "expected \"key: value\" here (is a colon or a bracket missing? null and ~ must be "
             "quoted to be keys)");
    }
    refuse_properties(mark, "?");
    Node null = node(mark, Node::Kind::null);
    if (in_map()) {
      const Frame& map = frames_.back();
      const auto& entry = map.node.entries.back();
      // yaml-cpp gives the place of the key itself if there is no colon.
      if (mark.pos <= map.key_pos) {
        throw Refused{
            {entry.line, entry.column},
            "behind the key \"" + entry.key + "\" a colon, a space and a value are missing"};
      }
      // It would be the place of whatever comes next.
      null.line = entry.line;
      null.column = entry.column;
    }
    add(std::move(null));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, kAlias); }

  // Called before the event of the value itself.
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_properties(mark, tag);
    if (expects_key()) {
      const Place place = places_.of(mark);
      frames_.back().node.entries.push_back({value, place.line, place.column, Node{}});
      frames_.back().has_key = true;
      frames_.back().key_pos = mark.pos;
      return;
    }
    Node result = node(mark, Node::Kind::scalar);
    result.scalar = value;
    result.quoted = tag == "!";  // yaml-cpp's mark of a quoted or block scalar
    add(std::move(result));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, Node::Kind::map);
  }
  void OnMapEnd() override {
    refuse_duplicates(frames_.back().node.entries);
    close();
  }

  // What is said of `*`, whoever finds it: in policies it is mostly a pattern that lacks quotes.
  static constexpr const char* kAlias =
      "in YAML a plain * begins an alias, and aliases are not used here: write it in quotes, \"*\"";

 private:
  struct Frame {
    Node node;
    bool has_key = false;  // in a map: the key came, its value did not
    int key_pos = 0;       // where yaml-cpp says that key stands
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string what) const {
    throw Refused{places_.of(mark), std::move(what)};
  }
  [[noreturn]] void refuse_anchor(const YAML::Mark& mark) const {
    refuse(mark, "in YAML a plain & begins an anchor, and anchors are not used here: quote it");
  }

  // The mark of a value stands at its properties, if it has any. A tag of "!" may be written or
  // stand for quotes, so the text itself is asked.
  void refuse_properties(const YAML::Mark& mark, const std::string& tag) const {
    if (places_.at(mark) == '&') refuse_anchor(mark);
    if (places_.at(mark) == '!' || (!tag.empty() && tag != "?" && tag != "!")) {
      refuse(mark, "in YAML a plain ! begins a tag, and tags are not used here: quote it");
    }
  }

  static void refuse_duplicates(const std::vector<Node::Entry>& entries) {
    std::vector<std::uint32_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return entries[a].key < entries[b].key;
    });
    const auto twin = std::adjacent_find(
        order.begin(), order.end(),
        [&](std::uint32_t a, std::uint32_t b) { return entries[a].key == entries[b].key; });
    if (twin == order.end()) return;
    const auto& first = entries[twin[0]];
    const auto& second = entries[twin[1]];
    throw Refused{{second.line, second.column},
                  "the key \"" + first.key +
                      "\" stands here for the second time; the first is in line " +
                      std::to_string(first.line)};
  }

  Node node(const YAML::Mark& mark, Node::Kind kind) const {
    Node result;
    result.kind = kind;
    const Place place = places_.of(mark);
    result.line = place.line;
    result.column = place.column;
    return result;
  }

  [[nodiscard]] bool in_map() const {
    return !frames_.empty() && frames_.back().node.kind == Node::Kind::map;
  }
  [[nodiscard]] bool expects_key() const { return in_map() && !frames_.back().has_key; }

  void open(const YAML::Mark& mark, const std::string& tag, Node::Kind kind) {
    refuse_properties(mark, tag);
    if (expects_key())
      refuse(mark, "a key has to be text, not a list or a map (is a bracket not closed?)");
    if (frames_.size() == kMaxDepth) {
      refuse(mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    frames_.push_back({node(mark, kind)});
  }

  void close() {
    Node done = std::move(frames_.back().node);
    frames_.pop_back();
    add(std::move(done));
  }

  void add(Node value) {
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& parent = frames_.back();
    if (parent.node.kind == Node::Kind::sequence) {
      parent.node.items.push_back(std::move(value));
    } else {
      parent.node.entries.back().value = std::move(value);
      parent.has_key = false;
    }
  }

  Places& places_;
  std::vector<Frame> frames_;
  Node root_;
  bool started_ = false;
};

// The first byte that a configuration has no use for, and why. yaml-cpp takes 0x04 for the end of
// the text, so that what follows it would silently be lost.
std::optional<std::pair<std::size_t, std::string>> find_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      return {{i, "a control character"}};  // U+0080 to U+009F, or not UTF-8 at all
    }
    if (byte == 0xef && text.substr(i).starts_with(kByteOrderMark)) {
      return {{i, "a byte order mark inside the text"}};
    }
    if ((byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\n') continue;
    if (byte == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') continue;
      return {{i, "a carriage return that is not part of a line end"}};
    }
    if (byte == 0) return {{i, "a NUL byte: this is not a text file"}};
    return {{i, "a control character"}};
  }
  const auto bad = find_invalid_utf8(text);
  if (bad != text.npos) return {{bad, "not UTF-8"}};
  return std::nullopt;
}

// yaml-cpp's messages in words that tell what to do.
std::string in_plain_words(const YAML::Exception& error, const Places& places) {
  namespace msg = YAML::ErrorMsg;
  const std::string& message = error.msg;
  if (places.is_behind_tab(error.mark)) return "a tab in the indentation: use spaces";
  if (message == msg::END_OF_MAP) {
    return "expected \"key: value\" here (is a colon missing, or the line not indented as those "
           "above it?)";
  }
  if (message == msg::END_OF_SEQ) {
    return "expected \"- item\" here (is the line not indented as those above it?)";
  }
  if (message == msg::END_OF_MAP_FLOW) return "a \"{\" is not closed, or a comma is missing";
  if (message == msg::END_OF_SEQ_FLOW) return "a \"[\" is not closed, or a comma is missing";
  if (message == msg::FLOW_END) return "a closing bracket that nothing opened";
  if (message == msg::EOF_IN_SCALAR || message == msg::DOC_IN_SCALAR) {
    return "a quote is not closed";
  }
  if (message == msg::MAP_VALUE) {
    return "a \":\" is not expected here (a value that holds one has to be quoted; is the line "
           "indented as those above it?)";
  }
  if (message == msg::BLOCK_ENTRY)
    return "a list item is not expected here: begin it on a new line";
  if (message == msg::ALIAS_NOT_FOUND || message == msg::UNKNOWN_ANCHOR ||
      message == msg::CHAR_IN_ALIAS) {
    return Builder::kAlias;
  }
  if (const char found = places.at(error.mark); message == msg::UNKNOWN_TOKEN && found > ' ') {
    return std::string("a plain value cannot begin with ") + found + ": write it in quotes";
  }
  return message;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

tl::expected<Node, Problem> parse(std::string_view text, const std::string& file) {
  const auto problem = [&](Place place, std::string what) {
    return tl::make_unexpected(Problem{file, place.line, place.column, std::move(what), ""});
  };
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Places places{text};
  if (auto bad = find_bad_byte(text)) return problem(places.of(bad->first), bad->second);

  Input buffer{text};
  std::istream stream{&buffer};
  Builder builder{places};
  try {
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return problem(refused.place, refused.what);
  } catch (const YAML::Exception& error) {
    Place place = places.of(error.mark);
    if (error.msg == YAML::ErrorMsg::ALIAS_NOT_FOUND) --place.column;  // its mark is behind the *
    return problem(place, in_plain_words(error, places));
  } catch (const std::exception& error) {
    return problem({0, 0}, std::string("cannot be read: ") + error.what());
  }
}

}  // namespace layergate::yaml

// What a verb prints: the answer of a call, in the format that was asked for, and the exit code.
//
// stdout has the answer and nothing else; what went wrong and remarks go to stderr.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/call.h"
#include "cli/command.h"
#include "cli/terminal.h"

namespace layergate::cli {

// One column of a table of the answer's `items`; for an answer without them, one line about it.
struct Column {
  enum class Kind : std::uint8_t {
    text,    // lists with commas; null, "" and [] as "-"
    number,  // to the right
    size,    // bytes; on a terminal as "3.5 GiB"
    time,    // RFC 3339; on a terminal in its local time
  };

  std::string title;
  std::string key;  // of the item, or a JSON pointer into it as "/last/time"
  Kind kind = Kind::text;
  // Instead of what the kind says.
  std::function<std::string(const api::Json& value)> shown = {};
};

// How an answer is shown with --format table. json and yaml show all of it as it is.
struct View {
  std::vector<Column> columns = {};  // none: each member of what is shown
  std::string done = {};             // this sentence instead, as "added alice"
};

// Prints the answer, or its problem; the exit code.
int finish(const Globals& globals, const api::Reply& reply, const View& view = {});

// For what is no answer of a call.
void print_error(const std::string& what);
void print_note(const std::string& what);  // "warning: …"

// The parts of finish(), for tests.
std::string shown(const api::Json& body, Format format, const View& view, const Terminal& terminal);
int exit_code(const api::Reply& reply);

}  // namespace layergate::cli

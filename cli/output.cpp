#include "cli/output.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <utility>

#include "base/clock.h"
#include "cli/table.h"
#include "cli/yaml_of_json.h"

namespace layergate::cli {
namespace {

using api::Json;

constexpr const char* kNothing = "-";

const Json& value_at(const Json& item, const std::string& key) {
  static const Json null;
  if (!key.starts_with('/')) {
    const auto found = item.is_object() ? item.find(key) : item.end();
    return found == item.end() ? null : *found;
  }
  const Json::json_pointer pointer(key);
  return item.contains(pointer) ? item.at(pointer) : null;
}

std::string text_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::boolean:
      return value.get<bool>() ? "yes" : "no";
    case Json::value_t::array: {
      std::string out;
      for (const auto& each : value) out += (out.empty() ? "" : ",") + text_of(each);
      return out;
    }
    case Json::value_t::null:
    case Json::value_t::discarded:
      return "";
    case Json::value_t::object:
      if (value.empty()) return "";
      break;
    case Json::value_t::binary:
    case Json::value_t::number_float:
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      break;
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// "3.5 GiB": three digits are enough to compare.
std::string size_for_people(double bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  std::array<char, 32> out{};
  std::snprintf(out.data(), out.size(), "%.*f %s", unit == 0 || bytes >= 100 ? 0 : 1, bytes,
                kUnits[unit]);
  return out.data();
}

std::string time_for_people(const std::string& text) {
  const auto time = parse_time(text);
  if (!time) return text;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
  const std::time_t plain = seconds;
  std::tm local{};
  std::array<char, 32> out{};
  if (::localtime_r(&plain, &local) == nullptr ||
      std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M:%S", &local) == 0) {
    return text;
  }
  return out.data();
}

std::string cell(const Json& item, const Column& column, const Terminal& terminal) {
  const auto& value = value_at(item, column.key);
  if (column.shown) return column.shown(value);
  std::string text;
  if (column.kind == Column::Kind::size && terminal.is_one && value.is_number()) {
    text = size_for_people(value.get<double>());
  } else if (column.kind == Column::Kind::time && terminal.is_one && value.is_string()) {
    text = time_for_people(value.get<std::string>());
  } else {
    text = text_of(value);
  }
  return text.empty() ? kNothing : text;
}

bool is_list(const Json& body) {
  const auto items = body.is_object() ? body.find("items") : body.end();
  return items != body.end() && items->is_array();
}

// A column for each member that an object has.
std::vector<Column> columns_of(const Json& object) {
  std::vector<Column> columns;
  if (!object.is_object()) return columns;
  for (const auto& [key, value] : object.items()) {
    std::string title = key;
    for (auto& c : title) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      if (c == '_') c = ' ';
    }
    const auto kind = value.is_number() ? Column::Kind::number : Column::Kind::text;
    columns.push_back({std::move(title), key, kind, {}});
  }
  return columns;
}

std::string as_table(const Json& body, const View& view, const Terminal& terminal) {
  if (!view.done.empty()) return printable(view.done) + '\n';
  if (body.is_null()) return "";
  if (!is_list(body)) {
    Table table({{"", false}, {"", false}});
    for (const auto& column : view.columns.empty() ? columns_of(body) : view.columns) {
      table.add({column.title + ':', cell(body, column, terminal)});
    }
    return table.to_string(terminal);
  }
  const auto& items = body.at("items");
  auto columns = view.columns;
  if (columns.empty() && !items.empty()) columns = columns_of(items.front());
  std::vector<Table::Heading> headings;
  for (const auto& column : columns) {
    const bool right = column.kind == Column::Kind::number || column.kind == Column::Kind::size;
    headings.push_back({column.title, right});
  }
  Table table(std::move(headings));
  for (const auto& item : items) {
    std::vector<std::string> row;
    row.reserve(columns.size());
    for (const auto& column : columns) row.push_back(cell(item, column, terminal));
    table.add(row);
  }
  return table.to_string(terminal);
}

void print_lines(const char* colour, const char* kind, const std::string& what) {
  const auto terminal = Terminal::of_errors();
  std::cerr << (terminal.colours ? colour : "") << kind << (terminal.colours ? "\x1b[0m" : "");
  // Lines stay lines: what went wrong may be a list of places.
  std::size_t begin = 0;
  while (begin <= what.size()) {
    const auto end = std::min(what.find('\n', begin), what.size());
    std::cerr << printable(std::string_view(what).substr(begin, end - begin)) << '\n';
    begin = end + 1;
  }
}

}  // namespace

std::string shown(const Json& body, Format format, const View& view, const Terminal& terminal) {
  if (format == Format::table) return as_table(body, view, terminal);
  if (body.is_null()) return "";
  if (format == Format::yaml) return printable_json(yaml_of_json(body));
  return printable_json(body.dump(2, ' ', false, Json::error_handler_t::replace)) + '\n';
}

int exit_code(const api::Reply& reply) {
  if (!reply.failed()) return 0;
  const auto code = text_of(value_at(reply.body, "code"));
  if (code == "usage" || code == "conflict") return 2;
  if (code == "denied" || code == "not_found" || code == "unauthorized") return 1;
  if (code == "invalid") return 3;
  return 4;
}

int finish(const Globals& globals, const api::Reply& reply, const View& view) {
  if (reply.failed()) {
    const auto detail = text_of(value_at(reply.body, "detail"));
    print_error(detail.empty() ? "status " + std::to_string(reply.status) : detail);
    return exit_code(reply);
  }
  std::cout << shown(reply.body, globals.format, view, Terminal::of_output()) << std::flush;
  if (!std::cout) {
    print_error("standard output cannot be written");
    return 4;
  }
  if (is_list(reply.body) && globals.format == Format::table &&
      !text_of(value_at(reply.body, "next")).empty()) {
    print_note("there are more than these " + std::to_string(reply.body.at("items").size()));
  }
  return 0;
}

void print_error(const std::string& what) { print_lines("\x1b[31m", "error: ", what); }
void print_note(const std::string& what) { print_lines("\x1b[33m", "warning: ", what); }

}  // namespace layergate::cli

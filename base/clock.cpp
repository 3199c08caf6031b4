#include "base/clock.h"

#include <array>
#include <cstdio>

namespace layergate {
namespace {

// Takes exactly `count` digits from the front of text.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// "Z", "+hh:mm" or "-hh:mm", which has to be all that is left.
std::optional<std::chrono::minutes> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes{0};
  const bool minus = !text.empty() && text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return minus ? -offset : offset;
}

}  // namespace

std::optional<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_digits(text, 4);
  if (!y || !take(text, '-')) return std::nullopt;
  const auto m = take_digits(text, 2);
  if (!m || !take(text, '-')) return std::nullopt;
  const auto d = take_digits(text, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  const WallTime midnight = sys_days{date};
  if (text.empty()) return midnight;

  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  const auto hh = take_digits(text, 2);
  if (!hh || !take(text, ':')) return std::nullopt;
  const auto mm = take_digits(text, 2);
  if (!mm || !take(text, ':')) return std::nullopt;
  const auto ss = take_digits(text, 2);
  if (!ss || *hh > 23 || *mm > 59 || *ss > 59) return std::nullopt;
  milliseconds fraction{0};
  if (take(text, '.')) {
    int digits = 0;
    int value = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      if (digits < 3) value = value * 10 + (text.front() - '0');
      ++digits;
      text.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 3; ++digits) value *= 10;
    fraction = milliseconds{value};
  }
  const auto offset = take_offset(text);
  if (!offset) return std::nullopt;
  const WallTime time = midnight + hours{*hh} + minutes{*mm} + seconds{*ss} + fraction - *offset;
  // The offset may lead to a year that format_time() has no digits for.
  const auto utc = year_month_day{floor<days>(time)}.year();
  if (utc < year{0} || utc > year{9999}) return std::nullopt;
  return time;
}

std::string format_time(WallTime time) {
  using namespace std::chrono;
  const auto day_start = floor<days>(time);
  const year_month_day date{day_start};
  const hh_mm_ss<milliseconds> clock{time - day_start};
  // By hand: each access record has one, and printf is slower than all the rest of its line.
  std::string out;
  out.reserve(24);
  const auto add = [&](int value, int digits, char end) {
    std::array<char, 4> text{};
    for (auto at = digits; at-- > 0; value /= 10) {
      text[static_cast<std::size_t>(at)] = static_cast<char>('0' + value % 10);
    }
    out.append(text.data(), static_cast<std::size_t>(digits)).push_back(end);
  };
  add(static_cast<int>(date.year()), 4, '-');
  add(static_cast<int>(static_cast<unsigned>(date.month())), 2, '-');
  add(static_cast<int>(static_cast<unsigned>(date.day())), 2, 'T');
  add(static_cast<int>(clock.hours().count()), 2, ':');
  add(static_cast<int>(clock.minutes().count()), 2, ':');
  add(static_cast<int>(clock.seconds().count()), 2, '.');
  add(static_cast<int>(clock.subseconds().count()), 3, 'Z');
  return out;
}

std::string http_date(WallTime time) {
  using namespace std::chrono;
  constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day_start = floor<days>(time);
  const year_month_day date{day_start};
  const hh_mm_ss<seconds> clock{floor<seconds>(time - day_start)};
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                kDays.at(weekday{day_start}.c_encoding()), static_cast<unsigned>(date.day()),
                kMonths.at(static_cast<unsigned>(date.month()) - 1), static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return out.data();
}

WallTime wall_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace layergate

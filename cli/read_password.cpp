#include "cli/read_password.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>

namespace layergate::cli {
namespace {

// Turns the terminal's echo off for as long as it lives.
class Silence {
 public:
  Silence() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::cerr << '\n';
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string ask(const std::string& question) {
  std::cerr << question << std::flush;
  const Silence silence;
  std::string line;
  std::getline(std::cin, line);
  return line;
}

}  // namespace

std::optional<std::string> read_password_from_stdin() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::optional<std::string> ask_for_password(const std::string& user, std::string& problem) {
  if (isatty(STDIN_FILENO) == 0) {
    problem = "no terminal to ask on: give the password with --password-stdin";
    return std::nullopt;
  }
  auto password = ask("Password for " + user + ": ");
  if (ask("Again: ") != password) {
    problem = "the two passwords differ";
    return std::nullopt;
  }
  return password;
}

std::optional<std::string> ask_for_known_password(const std::string& user, std::string& problem) {
  if (isatty(STDIN_FILENO) == 0) {
    problem = "no or a wrong password for " + user +
              ", and no terminal to ask on: put it into a file and name that in "
              "$LAYERGATE_API_PASSWORD_FILE, or into ~/.netrc";
    return std::nullopt;
  }
  return ask("Password for " + user + ": ");
}

}  // namespace layergate::cli

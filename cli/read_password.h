// Passwords from where nobody else sees them.
#pragma once

#include <optional>
#include <string>

namespace layergate::cli {

// The first line of standard input.
std::optional<std::string> read_password_from_stdin();
// Asked twice on the terminal, without echo. Nothing if there is no terminal or the two differ;
// `problem` says which.
std::optional<std::string> ask_for_password(const std::string& user, std::string& problem);
// Asked once, for a password that there is already.
std::optional<std::string> ask_for_known_password(const std::string& user, std::string& problem);

}  // namespace layergate::cli

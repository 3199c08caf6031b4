// What is wrong with a file that a person wrote, and where.
#pragma once

#include <string>
#include <vector>

namespace layergate {

struct Problem {
  std::string file;
  int line = 0;    // from 1; 0: the file as a whole
  int column = 0;  // from 1; 0: the line as a whole
  std::string what;
  std::string suggestion;  // what was probably meant, or empty

  // "acl.yml:12:5: unknown key \"alow\"; did you mean \"allow\"?"
  [[nodiscard]] std::string to_string() const;
};

// The candidate that text was probably meant to be (edit distance, at most a third of its length
// wrong), or "".
std::string closest(const std::string& text, const std::vector<std::string>& candidates);

}  // namespace layergate

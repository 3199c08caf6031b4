#include "cli/completion.h"

#include <map>
#include <set>
#include <vector>

namespace layergate::cli {
namespace {

// In single quotes, for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// " user", " user add": every path, as the scripts put one together.
std::vector<std::string> paths(const Verb& whole) {
  std::vector<std::string> out;
  for_each_verb(whole, [&](const Verb& verb) {
    if (!verb.path.empty()) out.push_back(' ' + verb.path);
  });
  return out;
}

// A pattern of `case` for all of them.
std::string alternatives(const Verb& whole, const char* between) {
  std::string out;
  for (const auto& path : paths(whole)) out += (out.empty() ? "" : between) + quoted(path);
  return out;
}

std::string words_of(const Verb& verb, const Verb& whole) {
  std::vector<std::string> words;
  for (const auto& below : verb.verbs) words.push_back(below.name);
  for (const auto& option : verb.options) words.push_back(option.name);
  // Global options may stand behind the verb.
  if (&verb != &whole) {
    for (const auto& option : whole.options) {
      if (option.name != "--help" && option.name != "--version") words.push_back(option.name);
    }
  }
  return joined(words);
}

bool is_file(const Verb::Option& option) {
  return option.name.ends_with("-ca") || option.name.find("file") != std::string::npos;
}

std::string function(const Verb& whole) {
  std::string out =
      "_layergate() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path='' i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$path ${COMP_WORDS[i]}\" in\n"
      "      " +
      alternatives(whole, " | ") +
      ") path+=\" ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case $before in\n"
      "    --config-dir) mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); return ;;\n";
  // By option: two verbs may have one of the same name, with other choices.
  std::map<std::string, std::set<std::string>> choices;
  std::set<std::string> files;
  for_each_verb(whole, [&](const Verb& verb) {
    for (const auto& option : verb.options) {
      if (option.value.empty() || option.name == "--config-dir") continue;
      choices[option.name].insert(option.choices.begin(), option.choices.end());
      if (is_file(option)) files.insert(option.name);
    }
  });
  for (const auto& [option, words] : choices) {
    // What cannot be known is not guessed.
    out += "    " + option + ") ";
    std::string offered = files.contains(option) ? "-f" : "";
    if (!words.empty()) offered = "-W " + quoted(joined({words.begin(), words.end()}));
    if (!offered.empty()) {
      out += "mapfile -t COMPREPLY < <(compgen " + offered + " -- \"$current\"); ";
    }
    out += "return ;;\n";
  }
  out +=
      "  esac\n"
      "  local words=''\n"
      "  case $path in\n";
  for_each_verb(whole, [&](const Verb& verb) {
    out += "    " + quoted(verb.path.empty() ? "" : ' ' + verb.path) +
           ") words=" + quoted(words_of(verb, whole)) + " ;;\n";
  });
  out +=
      "  esac\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
      "}\n";
  return out;
}

}  // namespace

std::string bash_completion(const Verb& whole) {
  return "# For bash: source <(layergate completion bash)\n" + function(whole) +
         "complete -F _layergate layergate\n";
}

std::string zsh_completion(const Verb& whole) {
  return "#compdef layergate\n"
         "# For zsh: source <(layergate completion zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n"
         "mapfile() { local line; COMPREPLY=(); while IFS= read -r line; do "
         "COMPREPLY+=(\"$line\"); "
         "done; }\n" +
         function(whole) + "complete -F _layergate layergate\n";
}

std::string fish_completion(const Verb& whole) {
  std::string out =
      "# For fish: layergate completion fish | source\n"
      "function __layergate_is\n"
      "    set -l path ''\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        switch \"$path $word\"\n"
      "            case " +
      alternatives(whole, " ") +
      "\n"
      "                set path \"$path $word\"\n"
      "        end\n"
      "    end\n"
      "    test \"$path\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c layergate -f\n";
  const auto describe = [](const std::string& text) {
    return text.empty() ? std::string() : " -d " + quoted(text);
  };
  for_each_verb(whole, [&](const Verb& verb) {
    const auto path = verb.path.empty() ? "" : ' ' + verb.path;
    const auto where = " -n " + quoted("__layergate_is \"" + path + '"');
    for (const auto& below : verb.verbs) {
      out += "complete -c layergate" + where + " -a " + below.name + describe(below.description) +
             '\n';
    }
    for (const auto& option : verb.options) {
      // Global ones may stand behind every verb.
      out += "complete -c layergate" + (verb.path.empty() ? "" : where);
      out += (option.name.starts_with("--") ? " -l " + option.name.substr(2)
                                            : " -s " + option.name.substr(1));
      if (!option.choices.empty()) out += " -x -a " + quoted(joined(option.choices));
      if (!option.value.empty() && option.choices.empty()) out += " -r";
      if (option.name == "--config-dir" || is_file(option)) out += " -F";
      out += describe(option.description) + '\n';
    }
  });
  return out;
}

}  // namespace layergate::cli

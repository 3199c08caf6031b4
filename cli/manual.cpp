#include "cli/manual.h"

namespace layergate::cli {
namespace {

// Text in which roff finds nothing to obey. A hyphen that is to be copied is a minus to it.
std::string text(const std::string& plain) {
  std::string out;
  for (const char c : plain) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\n') {
      out += ' ';
    } else {
      out += c;
    }
  }
  // At the beginning of a line these are requests.
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string usage(const Verb& verb) {
  std::string out = ".B layergate " + text(verb.path) + "\n";
  for (const auto& argument : verb.arguments) {
    const auto name = "\\fI" + text(argument.name) + "\\fR";
    out += (argument.required ? name : "[" + name + "]") + "\n";
  }
  for (const auto& option : verb.options) {
    if (option.name == "--help") continue;
    auto shown = "\\fB" + text(option.name) + "\\fR";
    if (!option.value.empty()) shown += " \\fI" + text(option.value) + "\\fR";
    out += (option.required ? shown : "[" + shown + "]") + "\n";
  }
  return out;
}

void add_options(std::string& out, const std::vector<Verb::Option>& options) {
  for (const auto& option : options) {
    if (option.name == "--help") continue;
    out += ".TP\n\\fB" + text(option.name) + "\\fR";
    if (!option.value.empty()) out += " \\fI" + text(option.value) + "\\fR";
    out += "\n" + text(option.description.empty() ? option.name : option.description) + "\n";
  }
}

}  // namespace

std::string manual_page(const Verb& whole, const std::string& version) {
  std::string out = ".TH LAYERGATE 1 \"\" \"layergate " + text(version) + "\" \"\"\n";
  out += ".SH NAME\nlayergate \\- the door in front of a Docker registry\n";
  out += ".SH SYNOPSIS\n.B layergate\n[\\fIoptions\\fR] \\fIverb\\fR [\\fIarguments\\fR]\n";
  out += ".SH OPTIONS\nThey may stand before the verb or behind it.\n";
  add_options(out, whole.options);
  out += ".SH VERBS\n";
  for_each_verb(whole, [&](const Verb& verb) {
    if (verb.path.empty() || !verb.verbs.empty()) return;
    out += ".SS " + text(verb.path) + "\n" + usage(verb) + ".PP\n" + text(verb.description) + ".\n";
    add_options(out, verb.arguments);
    add_options(out, verb.options);
  });
  out += ".SH EXIT STATUS\n";
  const std::pair<const char*, const char*> kCodes[] = {
      {"0", "done, or allowed"},
      {"1", "denied, or not found"},
      {"2", "wrong usage"},
      {"3", "the configuration or the policy is not valid"},
      {"4", "input, output or network"}};
  for (const auto& [code, meaning] : kCodes) {
    out += std::string(".TP\n") + code + "\n" + meaning + "\n";
  }
  out += ".SH ENVIRONMENT\n";
  const std::pair<const char*, const char*> kVariables[] = {
      {"LAYERGATE_CONFIG_DIR", "as --config-dir"},
      {"REGISTRY_URL", "as --registry-url"},
      {"LAYERGATE_API_URL", "as --api-url"},
      {"LAYERGATE_API_USER", "as --api-user"},
      {"LAYERGATE_API_CA", "as --api-ca"},
      {"LAYERGATE_API_PASSWORD_FILE", "the file whose first line is the password for --api-url"},
      {"NO_COLOR", "no colours on a terminal"}};
  for (const auto& [name, meaning] : kVariables) {
    out += std::string(".TP\n") + name + "\n" + text(meaning) + "\n";
  }
  out +=
      ".SH FILES\n.TP\n/etc/layergate\nlayergate.yml, acl.yml, acl.d and htpasswd, where "
      "\\-\\-config\\-dir is not given\n";
  return out;
}

}  // namespace layergate::cli

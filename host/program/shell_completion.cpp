// The table of options as the completions of bash, zsh and fish.
#include "shell_completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <vector>

#include "cnf_gpu/table.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "embedded.hpp"
#include "options.hpp"
#include "output.hpp"

namespace cnf {
namespace {

// The words that an option takes, where they are few; "auto|cpu|cuda|cuda:N" has one that is none.
std::vector<std::string> words_of(const Option& option) {
  std::vector<std::string> words;
  if (option.name == "preset") {
    for (const EmbeddedText& preset : presets()) words.emplace_back(preset.name);
  } else if (option.name == "name") {
    for (const std::string_view name : generator_names()) words.emplace_back(name);
  }
  std::string_view rest = option.value.placeholder;
  if (rest.find('|') == rest.npos) return words;
  for (std::size_t end; !rest.empty(); rest.remove_prefix(std::min(end + 1, rest.size()))) {
    end = std::min(rest.find('|'), rest.size());
    const std::string_view word = rest.substr(0, end);
    if (std::none_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) words.emplace_back(word);
  }
  return words;
}

bool takes_file(const Option& option) {
  static const std::set<std::string, std::less<>> placeholders = {"FILE",  "FILE.svg", "FILE.py",
                                                                  "MODEL", "DATA",     "RUN"};
  return placeholders.contains(option.value.placeholder);
}

template <class Work>
void for_each_option(const CommandRow& command, Work work) {
  for (const Option& option : options())
    if (option.commands & command.bit && option.kind == Kind::option) work(option);
}

std::vector<std::string> positional_words(const CommandRow& command) {
  std::vector<std::string> words;
  for (const Option& option : options()) {
    if (!(option.commands & command.bit) || option.kind == Kind::option) continue;
    const auto more = words_of(option);
    words.insert(words.end(), more.begin(), more.end());
  }
  if (command.bit == command::train)
    for (const std::string_view name : generator_names()) words.emplace_back(name);
  return words;
}

std::string bash_values() {
  std::set<std::string> seen;
  std::string cases, files, others;
  for (const Option& option : options()) {
    if (option.kind != Kind::option || option.value.placeholder.empty() || !seen.insert(option.name).second) continue;
    std::string flags = "--" + option.name;
    if (option.short_name) flags += fmt::format(" | -{}", option.short_name);
    const auto words = words_of(option);
    if (!words.empty())
      cases += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n", flags,
                           fmt::join(words, " "));
    else
      (takes_file(option) ? files : others)
          .append((takes_file(option) ? files : others).empty() ? "" : " | ")
          .append(flags);
  }
  return cases + fmt::format("    {}) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n    {}) return ;;\n", files,
                             others);
}

std::string bash() {
  std::vector<std::string> names;
  std::string cases;
  for (const CommandRow& command : commands()) {
    if (!command.hidden) names.emplace_back(command.name);
    std::vector<std::string> flags = {"--help"};
    for_each_option(command, [&](const Option& option) { flags.push_back("--" + option.name); });
    cases += fmt::format("    {}) flags=\"{}\" words=\"{}\" ;;\n", command.name, fmt::join(flags, " "),
                         fmt::join(positional_words(command), " "));
  }
  return fmt::format(R"(# Completion of cnf_gpu for bash. Made by: cnf_gpu completion bash
_cnf_gpu() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} flags="" words=""
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$current"))
    return
  fi
  case $previous in
{}  esac
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _cnf_gpu cnf_gpu
)",
                     fmt::join(names, " "), bash_values(), cases);
}

// For single quotes; zsh gives brackets and colons a meaning of their own.
std::string quoted(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (special.find(c) != special.npos) result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_action(const Option& option) {
  const auto words = words_of(option);
  if (!words.empty()) return fmt::format("({})", fmt::join(words, " "));
  return takes_file(option) ? "_files" : "";
}

std::string zsh() {
  std::string names, cases;
  for (const CommandRow& command : commands()) {
    if (!command.hidden) names += fmt::format("    '{}:{}'\n", command.name, quoted(command.summary, ":"));
    cases += fmt::format("    {})\n      _arguments '--help[explain this command]' \\\n", command.name);
    for_each_option(command, [&](const Option& option) {
      cases += fmt::format("        '--{}[{}]", option.name, quoted(option.help, "[]:"));
      if (!option.value.placeholder.empty())
        cases += fmt::format(":{}:{}", quoted(option.value.placeholder, ":"), zsh_action(option));
      cases += "' \\\n";
    });
    const auto words = positional_words(command);
    cases += words.empty() ? "        '*:file:_files'\n      ;;\n"
                           : fmt::format(
                                 "        '*:word or file:_alternative \"words:word:({})\" \"files:file:_files\"'\n"
                                 "      ;;\n",
                                 fmt::join(words, " "));
  }
  return fmt::format(R"(#compdef cnf_gpu
# Completion of cnf_gpu for zsh. Made by: cnf_gpu completion zsh
_cnf_gpu() {{
  local -a commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=${{words[2]}}
  shift words
  ((CURRENT--))
  case $command in
{}  esac
}}
_cnf_gpu "$@"
)",
                     names, cases);
}

std::string fish() {
  std::string text = "# Completion of cnf_gpu for fish. Made by: cnf_gpu completion fish\n";
  for (const CommandRow& command : commands()) {
    if (!command.hidden)
      text += fmt::format("complete -c cnf_gpu -n __fish_use_subcommand -f -a {} -d '{}'\n", command.name,
                          quoted(command.summary, "\\"));
    const std::string seen = fmt::format("complete -c cnf_gpu -n '__fish_seen_subcommand_from {}'", command.name);
    for_each_option(command, [&](const Option& option) {
      text += fmt::format("{} -l {} -d '{}'", seen, option.name, quoted(option.help, "\\"));
      if (option.short_name) text += fmt::format(" -s {}", option.short_name);
      const auto words = words_of(option);
      if (!words.empty())
        text += fmt::format(" -xa '{}'", fmt::join(words, " "));
      else if (!option.value.placeholder.empty())
        text += takes_file(option) ? " -rF" : " -x";
      text += '\n';
    });
    if (const auto words = positional_words(command); !words.empty())
      text += fmt::format("{} -a '{}'\n", seen, fmt::join(words, " "));
  }
  return text;
}

}  // namespace

std::string shell_completion(Shell shell) {
  switch (shell) {
    case Shell::bash:
      return bash();
    case Shell::zsh:
      return zsh();
    case Shell::fish:
      break;
  }
  return fish();
}

int completion_command(const CommandLine& line) {
  std::cout << shell_completion(choices_of(line).shell);
  flush_standard_output();
  return 0;
}

}  // namespace cnf

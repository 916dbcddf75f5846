// cnf_gpu manual: the table of options as a page for man.
#include <fmt/format.h>

#include <iostream>

#include "command_line.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"

namespace cnf {
namespace {

// Text that troff takes as it stands: its backslashes and hyphens, and no line that looks like a request.
std::string escaped(std::string_view text) {
  std::string result = text.starts_with('.') || text.starts_with('\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '-')
      result += "\\-";
    else if (c == '\\')
      result += "\\e";
    else
      result += c;
    if (c == '\n') result += ".br\n";
  }
  return result;
}

std::string option_entry(const Option& option) {
  std::string head = option.kind == Kind::option ? "\\fB" + escaped("--" + option.name) + "\\fR" : "";
  if (option.short_name) head = fmt::format("\\fB\\-{}\\fR, {}", option.short_name, head);
  if (!option.value.placeholder.empty())
    head += fmt::format("{}\\fI{}\\fR", head.empty() ? "" : " ", escaped(option.value.placeholder));
  std::string help = escaped(option.help);
  if (const std::string initial = default_text(option); !initial.empty())
    help += escaped(fmt::format(" (default {})", initial));
  return fmt::format(".TP\n{}\n{}\n", head, help);
}

std::string synopsis(const CommandRow& command) {
  std::string line = fmt::format(".B cnf_gpu {}\n[\\fIoptions\\fR]", command.name);
  for (const Option& option : options()) {
    if (!(option.commands & command.bit) || option.kind == Kind::option) continue;
    const bool required = option.kind == Kind::required_positional;
    line += fmt::format(" {}\\fI{}\\fR{}", required ? "" : "[", option.value.placeholder, required ? "" : "]");
  }
  return line + "\n";
}

std::string command_section(const CommandRow& command) {
  std::string text = fmt::format(".SS cnf_gpu {}\n{}\n", command.name, escaped(command.summary));
  std::string heading;
  for (const Option& option : options()) {
    if (!(option.commands & command.bit)) continue;
    if (option.heading != heading) text += fmt::format(".PP\n.I {}\n", escaped(heading = option.heading));
    text += option_entry(option);
  }
  if (const std::string footer = footer_of(command.bit); !footer.empty())
    text += fmt::format(".PP\n{}", escaped(footer));
  return text.ends_with('\n') ? text : text + "\n";
}

std::string manual_page() {
  std::string synopses, sections;
  for (const CommandRow& command : commands()) {
    if (command.hidden) continue;
    synopses += (synopses.empty() ? "" : ".br\n") + synopsis(command);
    sections += command_section(command);
  }
  return fmt::format(R"(.TH CNF_GPU 1 "" "cnf_gpu {}" "User Commands"
.SH NAME
cnf_gpu \- train, evaluate and sample continuous normalizing flows
.SH SYNOPSIS
{}.SH DESCRIPTION
Fits a continuous normalizing flow to a table of numbers, tells the log\-density of rows, and draws new ones.
.SH COMMANDS
{}.SH EXIT STATUS
0 done; 1 failed, with one line on standard error; 2 wrong usage; 130 interrupted, after saving.
.SH ENVIRONMENT
.TP
.B CNF_GPU_ISA
portable, avx2 or avx512: the CPU's instruction set to use in place of the best one.
)",
                     CNF_GPU_VERSION, synopses, sections);
}

}  // namespace

int manual_command(const CommandLine&) {
  std::cout << manual_page();
  flush_standard_output();
  return 0;
}

}  // namespace cnf

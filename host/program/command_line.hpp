// The command line as CLI11 reads it: which command, and its options as a layer of settings.
#pragma once

#include <optional>

#include "settings.hpp"

namespace cnf {

struct CommandLine;

struct CommandRow {
  unsigned bit;  // in namespace command
  const char* name;
  const char* summary;
  int (*run)(const CommandLine&);
};

struct CommandLine {
  const CommandRow* command;
  Settings settings;
};

// Nothing when --help or --version was asked for and answered. Throws UsageError.
std::optional<CommandLine> parse_command_line(int count, char** arguments);

// `base`, under --preset, under --config, under what was typed.
Choices choices_of(const CommandLine& line, Choices base = {});

}  // namespace cnf

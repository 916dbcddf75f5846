// The command line as CLI11 reads it: which command, and its options as a layer of settings.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "settings.hpp"

namespace cnf {

struct CommandLine;

struct CommandRow {
  unsigned bit;  // in namespace command
  const char* name;
  const char* summary;
  int (*run)(const CommandLine&);
  bool hidden = false;  // not in --help: for packagers
};

// In the order of --help.
std::span<const CommandRow> commands();

// What stands under a command's options: the names of data sets and presets it knows.
std::string footer_of(unsigned bit);

struct CommandLine {
  const CommandRow* command;
  Settings settings;
};

// Nothing when --help or --version was asked for and answered. Throws UsageError.
std::optional<CommandLine> parse_command_line(int count, char** arguments);

// `base`, under --preset, under --config, under what was typed.
Choices choices_of(const CommandLine& line, Choices base = {});

}  // namespace cnf

// The commands. Each returns the exit code; failures are exceptions.
#pragma once

#include "command_line.hpp"

namespace cnf {

int train_command(const CommandLine& line);
int logprob_command(const CommandLine& line);
int sample_command(const CommandLine& line);
int eval_command(const CommandLine& line);
int gradient_command(const CommandLine& line);
int generate_command(const CommandLine& line);
int report_command(const CommandLine& line);
int info_command(const CommandLine& line);
int export_command(const CommandLine& line);
int completion_command(const CommandLine& line);
int manual_command(const CommandLine& line);

}  // namespace cnf

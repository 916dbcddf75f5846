// Completion of the command line, in the words of the table of options.
#pragma once

#include <string>

#include "choices.hpp"

namespace cnf {

// A file for the shell's own folder of completions.
std::string shell_completion(Shell shell);

}  // namespace cnf

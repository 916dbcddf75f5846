// A file that grows by whole lines (metrics.jsonl).
#pragma once

#include <string>
#include <string_view>

namespace cnf {

// One write to the end of the file, which is made if it is not there and never reached through a symbolic link.
// Throws Error that names the file and the space needed.
void append_to_file(const std::string& path, std::string_view bytes);

// What was appended so far outlasts a loss of power. A file that is not there needs nothing.
void sync_appended_file(const std::string& path);

}  // namespace cnf

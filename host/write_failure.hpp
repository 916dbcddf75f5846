// What a write that failed says: which file, which step, why, and the way out.
#pragma once

#include <cstdint>
#include <string>

namespace cnf {

// The directory that `path` is in: "." for a bare name.
std::string parent_directory(const std::string& path);

// Throws Error. `path` as the user names it, `step` as in "writing", `error` an errno, `needed` the bytes of the whole
// write.
[[noreturn]] void refuse_write(const std::string& path, const std::string& step, int error,
                               const std::string& directory, std::uint64_t needed);

}  // namespace cnf

// The words for a write that failed.
#include "write_failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

std::string way_out(int error, const std::string& directory, std::uint64_t needed) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: {
      std::error_code unknown;
      const auto space = std::filesystem::space(directory, unknown);
      const std::string available = unknown ? "" : fmt::format(", {} are free", space.available);
      return fmt::format("; it needs {} bytes{}: free some space or write elsewhere", needed, available);
    }
    case EFBIG:
      return fmt::format("; it needs {} bytes: raise the limit on file sizes or write elsewhere", needed);
    case ENOENT:
    case ENOTDIR:
      return fmt::format("; make the directory '{}' first", directory);
    case ELOOP:
      return "; it is a symbolic link: remove it";
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a place that you may write to";
    default:
      return "";
  }
}

}  // namespace

std::string parent_directory(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

void refuse_write(const std::string& path, const std::string& step, int error, const std::string& directory,
                  std::uint64_t needed) {
  throw Error(fmt::format("cannot write '{}': {} failed: {}{}", path, step, std::generic_category().message(error),
                          way_out(error, directory, needed)));
}

}  // namespace cnf

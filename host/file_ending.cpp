// What the ending of a path says about a table's file.
#include "file_ending.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

constexpr std::array<std::pair<std::string_view, FileEnding>, 6> endings{{
    {".npy", {TableFormat::npy}},
    {".npz", {TableFormat::npz}},
    {".csv", {TableFormat::csv}},
    {".tsv", {TableFormat::tsv}},
    {".csv.gz", {TableFormat::csv, true}},
    {".tsv.gz", {TableFormat::tsv, true}},
}};

std::optional<FileEnding> find_ending(const std::string& path) {
  std::string lower;
  for (const unsigned char c : path) lower += static_cast<char>(std::tolower(c));
  for (const auto& [text, ending] : endings)
    if (lower.ends_with(text)) return ending;
  return std::nullopt;
}

}  // namespace

FileEnding readable_ending(const std::string& path) {
  if (const auto ending = find_ending(path)) return *ending;
  throw UsageError(
      fmt::format("cannot tell what '{}' is: data come from .npy, .npz, .csv, .tsv, .csv.gz, .tsv.gz or -", path));
}

FileEnding writable_ending(const std::string& path) {
  const auto ending = find_ending(path);
  if (ending && !ending->gzip && (ending->format == TableFormat::npy || ending->format == TableFormat::csv))
    return *ending;
  throw UsageError(fmt::format("cannot write '{}': its ending must be .npy or .csv", path));
}

}  // namespace cnf

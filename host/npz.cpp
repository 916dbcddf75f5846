// numpy's .npz files: zip archives whose members are .npy files, stored or deflated.
#include "npz.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"
#include "zip.hpp"

namespace cnf {
namespace {

constexpr std::string_view ending = ".npy";

std::string array_name(const ZipMember& member) {
  return member.name.ends_with(ending) ? member.name.substr(0, member.name.size() - ending.size()) : member.name;
}

const ZipMember& choose(const std::vector<ZipMember>& members, const std::string& array, const std::string& path) {
  if (members.empty()) throw Error(fmt::format("{} holds no array", path));
  if (array.empty() && members.size() == 1) return members.front();
  std::vector<std::string> names;
  for (const ZipMember& member : members) names.push_back(array_name(member));
  const auto found = std::ranges::find(names, array);
  if (found != names.end() && !array.empty()) return members[static_cast<std::size_t>(found - names.begin())];
  const std::string list = in_one_line(fmt::format("{}", fmt::join(names, ", ")));
  if (array.empty()) throw Error(fmt::format("{} holds several arrays; choose one with --array: {}", path, list));
  throw Error(fmt::format("{} has no array {}; it has {}", path, in_quotes(array), list));
}

}  // namespace

NdArray read_npz(const std::string& path, const std::string& array) {
  const std::string bytes = read_whole_file(path);
  const ZipMember member = choose(zip_members(bytes, path), array, path);
  return parse_npy(zip_extract(bytes, member, path),
                   fmt::format("{}, array {}", path, in_one_line(array_name(member))));
}

}  // namespace cnf

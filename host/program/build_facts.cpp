// The compiler's own words and the library's.
#include "build_facts.hpp"

#include <fmt/format.h>

#include "cnf_gpu/engine.hpp"

namespace cnf {
namespace {

#ifdef __OPTIMIZE__
constexpr bool optimised = true;
#else
constexpr bool optimised = false;
#endif

#ifdef __clang__
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

}  // namespace

nlohmann::ordered_json build_facts() {
  return {
      {"version", CNF_GPU_VERSION}, {"compiler", compiler}, {"optimised", optimised}, {"devices", describe_devices()}};
}

std::string version_text() {
  std::string text =
      fmt::format("cnf_gpu {}\ncompiler: {}{}", CNF_GPU_VERSION, compiler, optimised ? "" : ", not optimised");
  for (const std::string& line : describe_devices()) text += "\n" + line;
  return text;
}

}  // namespace cnf

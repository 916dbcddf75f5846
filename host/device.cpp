// Names of devices: auto, cpu, cuda, cuda:1.
#include <fmt/format.h>

#include <charconv>

#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"

namespace cnf {

Device device_from(std::string_view name) {
  constexpr std::string_view numbered = "cuda:";
  if (name == "auto") return {};
  if (name == "cpu") return {.kind = DeviceKind::cpu};
  if (name == "cuda") return {.kind = DeviceKind::cuda};
  if (name.starts_with(numbered)) {
    const std::string_view digits = name.substr(numbered.size());
    Device device{.kind = DeviceKind::cuda};
    const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), device.index);
    if (problem == std::errc{} && stop == digits.data() + digits.size() && device.index >= 0) return device;
  }
  throw UsageError(fmt::format("--device {}: expected auto, cpu, cuda or cuda:N with N from 0", in_quotes(name)));
}

}  // namespace cnf

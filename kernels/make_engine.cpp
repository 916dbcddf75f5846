// The choice of a back end.
#include <string>
#include <thread>

#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/error.hpp"
#include "cpu/cpu_engine.hpp"
#include "cpu/programs.hpp"
#include "cuda/cuda_engine.hpp"

namespace cnf {

std::unique_ptr<Engine> make_engine(const EngineConfig& config, const Device& device) {
  if (device.kind == DeviceKind::cuda) return make_cuda_engine(config, device);
  if (device.kind == DeviceKind::automatic && cuda_usable(device.index)) return make_cuda_engine(config, device);
  return make_cpu_engine(config, device.threads);
}

std::vector<std::string> describe_devices() {
  std::string sets;
  for (const std::string& name : cpu::available_programs()) sets += (sets.empty() ? "" : ", ") + name;
  std::vector<std::string> lines = {"cpu: " + std::to_string(cpu_threads(0)) +
                                    " threads; instruction sets, best first: " + sets};
  for (const std::string& line : describe_cuda()) lines.push_back(line);
  return lines;
}

}  // namespace cnf

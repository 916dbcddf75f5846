// Put into the program cnf_gpu: a disk that fails as the environment variable CNF_GPU_FAULT says, and engines whose
// numbers go wrong as CNF_GPU_NUMBER_FAULT says.
#include <cstdlib>

#include "faulty_calls.hpp"
#include "faulty_program/faulty_engine.hpp"

namespace cnf {

// The linker gives every call of make_engine to the first and names the true one as the second (--wrap).
std::unique_ptr<Engine> make_faulty_engine(const EngineConfig& config,
                                           const Device& device) asm("__wrap_" CNF_MAKE_ENGINE_SYMBOL);
std::unique_ptr<Engine> make_true_engine(const EngineConfig& config,
                                         const Device& device) asm("__real_" CNF_MAKE_ENGINE_SYMBOL);

namespace test {
namespace {

std::string from_environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

struct Installed {
  FaultyCalls calls{fault_from(from_environment("CNF_GPU_FAULT"))};
  SystemCallsOverride override{calls};
};
const Installed* const installed = new Installed;  // to the very end of the process

}  // namespace
}  // namespace test

std::unique_ptr<Engine> make_faulty_engine(const EngineConfig& config, const Device& device) {
  return test::with_fault(make_true_engine(config, device),
                          test::number_fault_from(test::from_environment("CNF_GPU_NUMBER_FAULT")));
}

}  // namespace cnf

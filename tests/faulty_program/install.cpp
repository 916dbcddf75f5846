// Put before main(): the program cnf_gpu on a disk that fails as the environment variable CNF_GPU_FAULT says.
#include <cstdlib>

#include "faulty_calls.hpp"

namespace cnf::test {
namespace {

struct Installed {
  FaultyCalls calls{fault_from(std::getenv("CNF_GPU_FAULT") ? std::getenv("CNF_GPU_FAULT") : "")};
  SystemCallsOverride override{calls};
};
const Installed* const installed = new Installed;  // to the very end of the process

}  // namespace
}  // namespace cnf::test

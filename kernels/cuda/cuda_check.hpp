// Calls to CUDA that fail become errors which say what failed, where, and what to do.
#pragma once

#include <cuda_runtime_api.h>

namespace cnf::cuda_device {

// Throws Error unless status is cudaSuccess.
void check(cudaError_t status, const char* call, const char* file, int line);

}  // namespace cnf::cuda_device

#define CNF_CUDA_CHECK(call) ::cnf::cuda_device::check((call), #call, __FILE__, __LINE__)

// The products of the wide regime, by cuBLAS.
#pragma once

#include <cublas_v2.h>

#include "cuda/device_memory.hpp"
#include "regime.hpp"

namespace cnf::cuda_device {

// Throws Error unless status is CUBLAS_STATUS_SUCCESS.
void check(cublasStatus_t status, const char* call, const char* file, int line);

// Panels of lanes that a product reads or writes: (batch, rows, stride) numbers each, of which the first lanes count.
template <class Real>
struct Panels {
  Real* values = nullptr;
  int stride = 0;  // numbers from one row to the next
  long step = 0;   // numbers from one panel to the next
};

// A row-major matrix, (rows, columns).
template <class Real>
struct Weights {
  Real* values = nullptr;
  int rows = 0;
  int columns = 0;
  int stride = 0;  // numbers from one row to the next; 0: columns

  int step() const { return stride > 0 ? stride : columns; }
};

// cuBLAS on one stream, with a workspace of one size in memory of its own, in full precision and without atomics: then
// its sums have one order on a given GPU.
class Blas {
 public:
  explicit Blas(const Stream& stream) : stream_(stream) {}
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  // Before the first product; it takes memory, which a capture may not.
  void open();
  std::size_t bytes() const { return workspace_.bytes(); }

  // out = W in, for `count` panels of `lanes` lanes at once
  template <class Real>
  void product(Weights<const Real> w, Panels<const Real> in, Panels<Real> out, int lanes, int count) const;
  // out = W^T in
  template <class Real>
  void transposed_product(Weights<const Real> w, Panels<const Real> in, Panels<Real> out, int lanes, int count) const;
  // gradient = kept gradient + scale sum over lanes of left right^T
  template <class Real>
  void outer(Weights<Real> gradient, Panels<const Real> left, Panels<const Real> right, int lanes, Real scale,
             Real kept) const;

 private:
  const Stream& stream_;
  cublasHandle_t handle_ = nullptr;
  DeviceArray<unsigned char> workspace_;
};

}  // namespace cnf::cuda_device

#define CNF_CUBLAS_CHECK(call) ::cnf::cuda_device::check((call), #call, __FILE__, __LINE__)

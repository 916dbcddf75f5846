// The products of the wide regime, by cuBLAS, which reads our row-major panels as their transposes.
#include "cuda/blas.hpp"

#include <string>
#include <type_traits>

#include "cnf_gpu/error.hpp"

namespace cnf::cuda_device {
namespace {

const char* way_out(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_NOT_INITIALIZED:
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "free memory on the GPU, or use --device cpu";
    case CUBLAS_STATUS_ARCH_MISMATCH:
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the cuBLAS that was found does not serve this GPU: use that of the build's CUDA toolkit, or --device cpu";
    default:
      return "try again, or use --device cpu";
  }
}

// C (m, n) = alpha op(A) op(B) + beta C, column by column.
template <class Real>
struct Gemm {
  cublasOperation_t of_a, of_b;
  int m, n, k;
  const Real *a, *b;
  Real* c;
  int stride_a, stride_b, stride_c;
  long step_a, step_b, step_c;
  Real alpha, beta;
  int count;
};

template <class Real>
void run(cublasHandle_t handle, const Gemm<Real>& g) {
  if constexpr (std::is_same_v<Real, float>)
    CNF_CUBLAS_CHECK(cublasSgemmStridedBatched(handle, g.of_a, g.of_b, g.m, g.n, g.k, &g.alpha, g.a, g.stride_a,
                                               g.step_a, g.b, g.stride_b, g.step_b, &g.beta, g.c, g.stride_c, g.step_c,
                                               g.count));
  else
    CNF_CUBLAS_CHECK(cublasDgemmStridedBatched(handle, g.of_a, g.of_b, g.m, g.n, g.k, &g.alpha, g.a, g.stride_a,
                                               g.step_a, g.b, g.stride_b, g.step_b, &g.beta, g.c, g.stride_c, g.step_c,
                                               g.count));
}

}  // namespace

void check(cublasStatus_t status, const char* call, const char* file, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(std::string("cuBLAS: ") + cublasGetStatusString(status) + " (" + cublasGetStatusName(status) + ") in " +
              call + ", " + file + ":" + std::to_string(line) + "; " + way_out(status));
}

Blas::~Blas() {
  if (handle_ == nullptr) return;
  const cublasStatus_t status = cublasDestroy(handle_);
  if (status != CUBLAS_STATUS_SUCCESS)
    std::fprintf(stderr, "cnf_gpu: cublasDestroy: %s\n", cublasGetStatusString(status));
}

void Blas::open() {
  if (handle_ == nullptr) CNF_CUBLAS_CHECK(cublasCreate(&handle_));
  if (workspace_.bytes() > 0) return;
  CNF_CUBLAS_CHECK(cublasSetStream(handle_, stream_));                // before the workspace, which it takes away
  CNF_CUBLAS_CHECK(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH));  // no TF32
  CNF_CUBLAS_CHECK(cublasSetAtomicsMode(handle_, CUBLAS_ATOMICS_NOT_ALLOWED));
  workspace_.reserve(products_bytes);
  CNF_CUBLAS_CHECK(cublasSetWorkspace(handle_, workspace_.get(), products_bytes));
}

template <class Real>
void Blas::product(Weights<const Real> w, Panels<const Real> in, Panels<Real> out, int lanes, int count) const {
  run<Real>(handle_, {CUBLAS_OP_N, CUBLAS_OP_N, lanes, w.rows, w.columns, in.values, w.values, out.values, in.stride,
                      w.step(), out.stride, in.step, 0, out.step, Real(1), Real(0), count});
}

template <class Real>
void Blas::transposed_product(Weights<const Real> w, Panels<const Real> in, Panels<Real> out, int lanes,
                              int count) const {
  run<Real>(handle_, {CUBLAS_OP_N, CUBLAS_OP_T, lanes, w.columns, w.rows, in.values, w.values, out.values, in.stride,
                      w.step(), out.stride, in.step, 0, out.step, Real(1), Real(0), count});
}

template <class Real>
void Blas::outer(Weights<Real> gradient, Panels<const Real> left, Panels<const Real> right, int lanes, Real scale,
                 Real kept) const {
  run<Real>(handle_, {CUBLAS_OP_T, CUBLAS_OP_N, gradient.columns, gradient.rows, lanes, right.values, left.values,
                      gradient.values, right.stride, left.stride, gradient.step(), 0, 0, 0, scale, kept, 1});
}

template void Blas::product(Weights<const float>, Panels<const float>, Panels<float>, int, int) const;
template void Blas::product(Weights<const double>, Panels<const double>, Panels<double>, int, int) const;
template void Blas::transposed_product(Weights<const float>, Panels<const float>, Panels<float>, int, int) const;
template void Blas::transposed_product(Weights<const double>, Panels<const double>, Panels<double>, int, int) const;
template void Blas::outer(Weights<float>, Panels<const float>, Panels<const float>, int, float, float) const;
template void Blas::outer(Weights<double>, Panels<const double>, Panels<const double>, int, double, double) const;

}  // namespace cnf::cuda_device

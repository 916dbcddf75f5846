// The order of rows in an epoch: random keys drawn and sorted on the device, the permutation of draw_permutation().
#include <algorithm>
#include <cub/device/device_radix_sort.cuh>

#include "cnf_gpu/random.hpp"
#include "core/random.hpp"
#include "cuda/row_order.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

__global__ void draw_keys(std::uint64_t seed, std::uint32_t epoch, std::uint32_t count, std::uint32_t* keys,
                          std::uint32_t* rows) {
  for (std::uint32_t row = blockIdx.x * blockDim.x + threadIdx.x; row < count; row += gridDim.x * blockDim.x) {
    keys[row] = random_bits({seed, static_cast<std::uint32_t>(Purpose::shuffle), epoch, row}, 0);
    rows[row] = row;
  }
}

}  // namespace

// The sort is stable, so rows whose keys are equal keep their order.
void RowOrder::shuffle(std::uint64_t seed, std::uint32_t epoch, std::size_t rows, const cuda_device::Stream& stream) {
  std::uint32_t* keys = keys_.reserve(rows);
  std::uint32_t* numbers = rows_.reserve(rows);
  std::uint32_t* sorted = sorted_keys_.reserve(rows);
  std::uint32_t* order = order_.reserve(rows);
  constexpr int threads = 128;
  const auto blocks = static_cast<unsigned>(std::min<std::size_t>((rows + threads - 1) / threads, 1024));
  const auto count = static_cast<std::uint32_t>(rows);
  draw_keys<<<blocks, threads, 0, stream>>>(seed, epoch, count, keys, numbers);
  CNF_CUDA_CHECK(cudaGetLastError());
  std::size_t bytes = 0;
  CNF_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(nullptr, bytes, keys, sorted, numbers, order, static_cast<int>(rows),
                                                 0, 32, stream));
  CNF_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(scratch_.reserve(bytes), bytes, keys, sorted, numbers, order,
                                                 static_cast<int>(rows), 0, 32, stream));
}

}  // namespace cnf::inline CNF_ARCH

// The order of rows in an epoch: random keys drawn and sorted on the device, the permutation of draw_permutation().
#pragma once

#include "cuda/device_memory.hpp"

namespace cnf::inline CNF_ARCH {

class RowOrder {
 public:
  void shuffle(std::uint64_t seed, std::uint32_t epoch, std::size_t rows, const cuda_device::Stream& stream);
  const std::uint32_t* get() const { return order_.get(); }
  std::size_t bytes() const {
    return keys_.bytes() + sorted_keys_.bytes() + rows_.bytes() + order_.bytes() + scratch_.bytes();
  }
  // The row at a position of the order.
  std::uint32_t at(std::size_t position, const cuda_device::Stream& stream) const {
    return order_.download(position + 1, stream)[position];
  }

 private:
  cuda_device::DeviceArray<std::uint32_t> keys_, sorted_keys_, rows_, order_;
  cuda_device::DeviceArray<unsigned char> scratch_;
};

}  // namespace cnf::inline CNF_ARCH

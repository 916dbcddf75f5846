// What this machine's memory can hold at all. An allocator may promise more and fail when it is used.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cnf {

// Whether rows of `columns` numbers, each of `size` bytes, could stand in main memory and swap together.
bool fits_in_memory(std::uint64_t rows, std::size_t columns, std::size_t size);

}  // namespace cnf

#include "machine_memory.hpp"

#include <sys/sysinfo.h>

#include <limits>

namespace cnf {
namespace {

std::uint64_t machine_memory() {
  struct sysinfo machine {};
  if (sysinfo(&machine) != 0) return std::numeric_limits<std::uint64_t>::max();
  return (std::uint64_t{machine.totalram} + machine.totalswap) * machine.mem_unit;
}

}  // namespace

bool fits_in_memory(std::uint64_t rows, std::size_t columns, std::size_t size) {
  return rows <= machine_memory() / (columns * size);
}

}  // namespace cnf

// libFuzzer's way in, for the reader CNF_FUZZ_READER.
#include <cstddef>
#include <cstdint>

#include "readers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const cnf::fuzz::Reader reader = cnf::fuzz::readers().at(CNF_FUZZ_READER);
  cnf::fuzz::accepts(reader, {reinterpret_cast<const char*>(bytes), size});
  return 0;
}

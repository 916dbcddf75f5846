// The multiply-add peak: the rate of a loop that does nothing else and whose numbers stay in registers.
#pragma once

#include <string_view>

namespace cnf::bench {

// float32 operations a second (two for a multiply-add) of all `threads` together, with the instruction set's vectors.
// The fastest of some short repeats. One thread is timed by its processor time, several by the clock.
double multiply_add_peak(std::string_view instruction_set, int threads);

}  // namespace cnf::bench

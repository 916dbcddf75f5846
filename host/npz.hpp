// numpy's .npz files: zip archives whose members are .npy files, stored or deflated.
#pragma once

#include <string>

#include "npy.hpp"

namespace cnf {

// The array called `array`; the only one if the name is empty. Throws Error, which lists the arrays where the choice is
// not clear.
NdArray read_npz(const std::string& path, const std::string& array);

}  // namespace cnf

// An engine whose numbers go wrong once, at a chosen gradient.
#pragma once

#include <memory>
#include <string>

#include "cnf_gpu/engine.hpp"

namespace cnf::test {

struct NumberFault {
  enum class Place { none, rows, weight, loss, gradient };
  Place place = Place::none;
  double value = 0;   // what stands there
  long gradient = 0;  // before which call of gradient(), from 1
};

// "rows=nan@3"; "" is none. Throws std::invalid_argument.
NumberFault number_fault_from(const std::string& text);

// `engine` under this fault.
std::unique_ptr<Engine> with_fault(std::unique_ptr<Engine> engine, const NumberFault& fault);

}  // namespace cnf::test

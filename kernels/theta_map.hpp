// Where theta's entries stand in a slot's gradient, as tables for the device.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.hpp"

namespace cnf {

// Of a row of the one hidden layer's loop matrix and of its gradient: lanes that a thread takes at once.
inline constexpr int loop_lanes = 4;

struct ThetaTables {
  std::vector<std::int32_t> source, loop, partner;
  std::vector<std::uint8_t> is_weight;
};

// weight[l], bias, ...: places in a slot of size slot_size, in the order SlotLayout has them.
struct SlotPlaces {
  std::vector<int> weight;
  int bias, gate_weight, gate_bias, shift_weight, base_mean, base_raw_variance, loop, size;
};

SlotPlaces slot_places(const Plan& plan);
// with_loop: gradients also come by way of the matrix B of one hidden layer.
ThetaTables theta_tables(const Plan& plan, const SlotPlaces& places, bool with_loop);

}  // namespace cnf

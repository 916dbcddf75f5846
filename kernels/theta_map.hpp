// Where theta's entries stand in a slot's gradient, as tables for the device.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.hpp"

namespace cnf {

struct ThetaTables {
  std::vector<std::int32_t> source, loop, partner;
  std::vector<std::uint8_t> is_weight;
};

// Where a slot's gradient keeps its parts: weights layer by layer, then vectors over all neurons, the base, the loop
// matrix.
struct SlotLayout {
  int weight[max_layers] = {};
  int bias = 0, gate_weight = 0, gate_bias = 0, shift_weight = 0;
  int base_mean = 0, base_raw_variance = 0;
  int loop = 0;
  int size = 0;
};

// lanes: that a thread takes at once, and rows of the loop matrix are whole ones of.
SlotLayout slot_layout(const Plan& plan, int lanes);
// with_loop: gradients also come by way of the matrix B of one hidden layer.
ThetaTables theta_tables(const Plan& plan, const SlotLayout& layout, int lanes, bool with_loop);

}  // namespace cnf

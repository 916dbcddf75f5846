// Where theta's entries stand in a slot's gradient, as tables for the device.
#include "theta_map.hpp"

#include "core/field.hpp"
#include "theta.hpp"

namespace cnf {

SlotLayout slot_layout(const Plan& plan, int lanes) {
  SlotLayout layout;
  int used = 0;
  const auto take = [&](int count) {  // whole fours: parts start where 128-bit loads may
    const int place = used;
    used += (count + 3) / 4 * 4;
    return place;
  };
  for (int l = 0; l < plan.layers; ++l) layout.weight[l] = take(plan.rows_of(l) * plan.columns_of(l));
  for (int* vector : {&layout.bias, &layout.gate_weight, &layout.gate_bias, &layout.shift_weight})
    *vector = take(plan.neurons());
  layout.base_mean = take(2 * plan.dim);
  layout.base_raw_variance = layout.base_mean + plan.dim;
  layout.loop = take(plan.width * loop_columns(plan.dim, lanes));
  layout.size = used;
  return layout;
}

ThetaTables theta_tables(const Plan& plan, const SlotLayout& layout, int lanes, bool with_loop) {
  ThetaTables tables;
  int neuron = 0;
  for_each_piece(plan, [&](int l, int piece, std::size_t, std::size_t count) {
    const int vectors[] = {layout.bias, layout.gate_weight, layout.gate_bias, layout.shift_weight};
    const int first = piece == 0 ? layout.weight[l] : vectors[piece - 1] + neuron;
    for (int i = 0; i < static_cast<int>(count); ++i) {
      tables.source.push_back(first + i);
      tables.is_weight.push_back(piece == 0);
    }
    if (piece == 4) neuron += plan.rows_of(l);
  });
  if (plan.trainable_base)
    for (int i = 0; i < 2 * plan.dim; ++i) {
      tables.source.push_back(layout.base_mean + i);
      tables.is_weight.push_back(0);
    }
  tables.loop.assign(tables.source.size(), -1);
  tables.partner.assign(tables.source.size(), 0);
  if (!with_loop) return tables;
  const int second = plan.width * plan.dim + 4 * plan.width;  // of W_2 in theta
  for (int k = 0; k < plan.width; ++k)
    for (int i = 0; i < plan.dim; ++i) {  // from B[k][i] = W_1[k][i] W_2[i][k]
      const std::size_t first_entry = static_cast<std::size_t>(k * plan.dim + i),
                        second_entry = static_cast<std::size_t>(second + i * plan.width + k);
      tables.loop[first_entry] = tables.loop[second_entry] = layout.loop + k * loop_columns(plan.dim, lanes) + i;
      tables.partner[first_entry] = static_cast<std::int32_t>(second_entry);
      tables.partner[second_entry] = static_cast<std::int32_t>(first_entry);
    }
  return tables;
}

}  // namespace cnf

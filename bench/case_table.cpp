// The cases: every work on every shape, then sweeps that vary one size of a shape at a time.
#include "case_table.hpp"

#include <algorithm>

#include "useful_work.hpp"

namespace cnf::bench {
namespace {

struct Shape {
  const char* name;
  long rows;
  int dim, width, depth;
  Divergence usual;  // what its training step is measured with
};

// N, d, w, hidden layers: the notebook's experiment, toy data, and the tables of the FFJORD paper.
constexpr Shape shapes[] = {
    {"notebook", 1000, 4, 4, 3, Divergence::exact},        {"toy", 512, 2, 64, 3, Divergence::hutchinson},
    {"power", 10000, 6, 60, 3, Divergence::hutchinson},    {"power-2h", 1000, 6, 60, 2, Divergence::exact},
    {"miniboone-1h", 1000, 43, 860, 1, Divergence::exact}, {"miniboone-2h", 1000, 43, 860, 2, Divergence::hutchinson},
    {"galaxies", 500, 7, 64, 3, Divergence::hutchinson},
};

constexpr double quick_flops = 4e9;  // of one run under --quick

const char* work_name(Work work) {
  constexpr const char* names[] = {"field", "divergence", "solve", "train", "sample"};
  return names[static_cast<int>(work)];
}

Case make_case(Work work, const Shape& shape, Divergence divergence, Adjoint adjoint, int threads) {
  Case c;
  c.work = work;
  c.rows = shape.rows;
  c.threads = threads;
  c.config.flow.field = {.dim = shape.dim, .width = shape.width, .depth = shape.depth};
  c.config.flow.solve.steps = 20;
  if (work == Work::field || work == Work::divergence) c.config.flow.solve.solver = Solver::euler;
  c.config.divergence.divergence = divergence;
  c.config.adjoint.adjoint = adjoint;
  c.name = std::string(work_name(work)) + "/" + shape.name;
  if (work != Work::field && work != Work::sample) c.name += "/" + std::string(choice_name(divergence));
  if (work == Work::train) c.name += "/" + std::string(choice_name(adjoint));
  return c;
}

void limit_rows(Case& c) {
  while (c.rows > 16 && useful_flops(c) > quick_flops) c.rows = (c.rows / 2 + 15) / 16 * 16;
}

void add(std::vector<Case>& cases, const TableOptions& options, Case c) {
  if (options.quick) limit_rows(c);
  cases.push_back(std::move(c));
}

// All works on one shape with one thread.
void add_works(std::vector<Case>& cases, const TableOptions& options, const Shape& shape) {
  const Adjoint checkpoint = Adjoint::checkpoint;
  const int contracted = options.device == DeviceKind::cpu ? 2 : 1;  // hidden layers
  add(cases, options, make_case(Work::field, shape, shape.usual, checkpoint, 1));
  for (const Divergence divergence : {Divergence::exact, Divergence::exact_tangents, Divergence::hutchinson}) {
    // Tangents through all of a wide shape say nothing that a narrow one does not, and take minutes.
    const bool tangents =
        divergence == Divergence::exact_tangents || (divergence == Divergence::exact && shape.depth > contracted);
    if (tangents && shape.dim > 16) continue;
    // The same program as exact.
    if (divergence == Divergence::exact_tangents && shape.depth > contracted) continue;
    add(cases, options, make_case(Work::divergence, shape, divergence, checkpoint, 1));
    add(cases, options, make_case(Work::train, shape, divergence, checkpoint, 1));
  }
  add(cases, options, make_case(Work::solve, shape, shape.usual, checkpoint, 1));
  add(cases, options, make_case(Work::train, shape, shape.usual, Adjoint::backsolve, 1));
  add(cases, options, make_case(Work::sample, shape, shape.usual, checkpoint, 1));
}

// A training step with one size changed; `value` ends the name.
void add_sweep(std::vector<Case>& cases, const TableOptions& options, const char* what, long value, Shape shape,
               int threads = 1, int steps = 20) {
  Case c = make_case(Work::train, shape, shape.usual, Adjoint::checkpoint, threads);
  c.config.flow.solve.steps = steps;
  c.name = std::string("sweep/") + what + "/" + shape.name + "/" + std::to_string(value);
  add(cases, options, std::move(c));
}

void add_sweeps(std::vector<Case>& cases, const TableOptions& options) {
  const Shape notebook = shapes[0], toy = shapes[1];
  const auto with = [](Shape shape, auto change) {
    change(shape);
    return shape;
  };
  for (const Shape& shape : {notebook, toy})
    for (long n = 1; n <= 16384; n *= 4) add_sweep(cases, options, "N", n, with(shape, [&](Shape& s) { s.rows = n; }));
  for (int w : {4, 8, 16, 32, 64, 128, 256, 512, 1024})
    add_sweep(cases, options, "w", w, with(toy, [&](Shape& s) { s.width = w; }));
  for (int d : {1, 2, 4, 8, 16, 32, 64}) add_sweep(cases, options, "d", d, with(toy, [&](Shape& s) { s.dim = d; }));
  for (int depth : {0, 1, 2, 3, 4, 6, 8})
    add_sweep(cases, options, "depth", depth, with(toy, [&](Shape& s) { s.depth = depth; }));
  for (int steps : {5, 10, 20, 40, 80}) add_sweep(cases, options, "steps", steps, toy, 1, steps);
}

}  // namespace

std::vector<Case> case_table(const TableOptions& options) {
  std::vector<Case> cases;
  for (const Shape& shape : shapes) add_works(cases, options, shape);
  // Threads: on the shapes themselves, for a core's share at 1, 2, 4, ... threads.
  for (const Shape& shape : shapes)
    for (int threads = 2; threads <= options.most_threads; threads *= 2)
      add_sweep(cases, options, "threads", threads, shape, threads);
  if (!options.quick) add_sweeps(cases, options);
  return cases;
}

}  // namespace cnf::bench

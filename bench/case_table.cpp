// The cases: every work on every shape, then sweeps that vary one size of a shape at a time.
#include "case_table.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

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

Shape shape_of(std::string_view name) {
  return *std::find_if(std::begin(shapes), std::end(shapes), [name](const Shape& shape) { return shape.name == name; });
}

// One layer D -> D, so that a work on it is layer products and little else: `field` the product with the matrix alone,
// `divergence` with a tangent beside, `train` also the transposed product and the one that makes the matrix's gradient.
constexpr Shape layers[] = {
    {"layer-16", 4096, 16, 1, 0, Divergence::hutchinson},
    {"layer-64", 1024, 64, 1, 0, Divergence::hutchinson},
    {"layer-256", 1024, 256, 1, 0, Divergence::hutchinson},
    {"layer-1024", 512, 1024, 1, 0, Divergence::hutchinson},
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
  while (c.rows > 16 && fixed_flops(c) > quick_flops) c.rows = (c.rows / 2 + 15) / 16 * 16;
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

// Adaptive solves at this tolerance: the densities of many rows, and training steps.
void add_adaptive(std::vector<Case>& cases, const TableOptions& options, Work work, Shape shape, Adjoint adjoint) {
  constexpr double tolerance = 1e-5;
  shape.usual = Divergence::exact;
  Case c = make_case(work, shape, shape.usual, adjoint, 1);
  c.config.flow.solve.tolerances = Tolerances{tolerance, tolerance};
  if (adjoint == Adjoint::backsolve) c.config.adjoint.tolerances = Tolerances{tolerance, tolerance};
  c.name = "adaptive/" + c.name;
  add(cases, options, std::move(c));
}

void add_adaptives(std::vector<Case>& cases, const TableOptions& options) {
  const Shape notebook = shape_of("notebook"), toy = shape_of("toy");
  Shape galaxies = shape_of("galaxies");
  galaxies.rows = 100000;
  add_adaptive(cases, options, Work::solve, galaxies, Adjoint::checkpoint);
  for (const Shape& shape : {notebook, toy})
    for (const Adjoint adjoint : {Adjoint::checkpoint, Adjoint::backsolve})
      add_adaptive(cases, options, Work::train, shape, adjoint);
}

void add_float64(std::vector<Case>& cases, const TableOptions& options, const Shape& shape) {
  for (const Work work : {Work::solve, Work::train}) {
    Case c = make_case(work, shape, shape.usual, Adjoint::checkpoint, 1);
    c.config.precision = Precision::float64;
    c.name = "float64/" + c.name;
    add(cases, options, std::move(c));
  }
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
  const Shape notebook = shape_of("notebook"), toy = shape_of("toy");
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
  for (const Shape& layer : layers)
    for (const Work work : {Work::field, Work::divergence, Work::train})
      add(cases, options, make_case(work, layer, layer.usual, Adjoint::checkpoint, 1));
  for (const Shape& shape : shapes) add_works(cases, options, shape);
  for (const Shape& shape : shapes) add_float64(cases, options, shape);
  add_adaptives(cases, options);
  // Threads: on the shapes themselves, for a core's share at 1, 2, 4, ... threads.
  for (const Shape& shape : shapes)
    for (int threads = 2; threads <= options.most_threads; threads *= 2)
      add_sweep(cases, options, "threads", threads, shape, threads);
  if (!options.quick) add_sweeps(cases, options);
  return cases;
}

}  // namespace cnf::bench

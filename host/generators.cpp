// Built-in distributions: the notebook's gaussian and the 2-D toys of FFJORD, each row a function of (seed, row) alone.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "cholesky.hpp"
#include "cnf_gpu/error.hpp"
#include "cnf_gpu/random.hpp"
#include "cnf_gpu/table.hpp"
#include "machine_memory.hpp"
#include "message_text.hpp"

namespace cnf {
namespace {

constexpr double pi = std::numbers::pi;
constexpr std::size_t gaussian_dim = 4;

// Streams of Purpose::data, told apart by their epoch so that no two kinds of numbers share bits.
enum class Draw : std::uint32_t { uniforms = 0, normals = 1, distribution = 2 };

Stream stream_of(std::uint64_t seed, Draw draw, std::uint64_t row) {
  return {seed, Purpose::data, static_cast<std::uint32_t>(draw), row};
}

// What a row of a toy is made of.
struct Numbers {
  std::array<double, 3> u;  // U(0, 1)
  std::array<double, 2> n;  // N(0, 1)
};
using Point = std::array<double, 2>;

// One of `count` alike, by a uniform number.
double pick(double u, int count) {
  return std::floor(u * count);
}

// Eight Gaussians of deviation 1/2 on a circle of radius 4, all over 1.414.
Point eight_gaussians(const Numbers& r) {
  const double angle = pick(r.u[0], 8) * pi / 4;
  return {(4 * std::cos(angle) + 0.5 * r.n[0]) / 1.414, (4 * std::sin(angle) + 0.5 * r.n[1]) / 1.414};
}

// An arm and its mirror image in the origin, of one and a half turns.
Point two_spirals(const Numbers& r) {
  const double angle = 3 * pi * std::sqrt(std::abs(2 * r.u[0] - 1));  // both halves of u[0] are uniform
  const double sign = r.u[0] < 0.5 ? -1 : 1;
  const double x = -angle * std::cos(angle) + 0.5 * r.u[1], y = angle * std::sin(angle) + 0.5 * r.u[2];
  return {sign * x / 3 + 0.1 * r.n[0], sign * y / 3 + 0.1 * r.n[1]};
}

// Uniform on every other square of side 2 in [-4, 4]^2.
Point checkerboard(const Numbers& r) {
  const double x = 4 * r.u[0] - 2;
  const double odd = std::fmod(std::floor(x) + 2, 2);
  return {2 * x, 2 * (r.u[1] - 2 * pick(r.u[2], 2) + odd)};
}

Point on_circle(double radius, double u, double deviation, const Numbers& r) {
  return {radius * std::cos(2 * pi * u) + deviation * r.n[0], radius * std::sin(2 * pi * u) + deviation * r.n[1]};
}

Point rings(const Numbers& r) {
  return on_circle(0.75 * (1 + pick(r.u[0], 4)), r.u[1], 0.08, r);
}

Point circles(const Numbers& r) {
  return on_circle(1.5 * (1 + pick(r.u[0], 2)), r.u[1], 3 * 0.08, r);
}

Point moons(const Numbers& r) {
  const double cosine = std::cos(pi * r.u[1]), sine = std::sin(pi * r.u[1]);
  const bool upper = r.u[0] < 0.5;
  const double x = upper ? cosine : 1 - cosine, y = upper ? sine : 0.5 - sine;
  return {2 * (x + 0.1 * r.n[0]) - 1, 2 * (y + 0.1 * r.n[1]) - 0.2};
}

// Five arms that turn with the distance along them.
Point pinwheel(const Numbers& r) {
  const double along = 1 + 0.3 * r.n[0], across = 0.1 * r.n[1];
  const double angle = 2 * pi * pick(r.u[0], 5) / 5 + 0.25 * std::exp(along);
  return {2 * (along * std::cos(angle) + across * std::sin(angle)),
          2 * (across * std::cos(angle) - along * std::sin(angle))};
}

Point swissroll(const Numbers& r) {
  const double angle = 1.5 * pi * (1 + 2 * r.u[0]);
  return {(angle * std::cos(angle) + r.n[0]) / 5, (angle * std::sin(angle) + r.n[1]) / 5};
}

Point line(const Numbers& r) {
  const double x = 5 * r.u[0] - 2.5;
  return {x, x};
}

Point cosine(const Numbers& r) {
  const double x = 5 * r.u[0] - 2.5;
  return {x, 2.5 * std::sin(x)};
}

struct Toy {
  std::string_view name;
  Point (*point)(const Numbers&);
  std::optional<double> entropy;  // nats
};

// Entropies without a closed form are integrals of -p log p over a grid, p itself by quadrature along the curve.
const std::array<Toy, 10> toys = {{
    {"8gaussians", eight_gaussians, 2.8319},
    {"2spirals", two_spirals, 2.6454},
    {"checkerboard", checkerboard, 5 * std::numbers::ln2},  // log of the area, 32
    {"rings", rings, 2.6232},
    {"circles", circles, 3.2681},
    {"moons", moons, 2.3939},
    {"pinwheel", pinwheel, 2.3178},
    {"swissroll", swissroll, 2.6696},
    {"line", line, {}},   // without a density
    {"cos", cosine, {}},  // likewise
}};

const Toy& toy_of(std::string_view name) {
  const auto toy = std::ranges::find(toys, name, &Toy::name);
  if (toy == toys.end())
    throw UsageError(fmt::format("there is no built-in data set {}; there are {}", in_quotes(name),
                                 fmt::join(generator_names(), ", ")));
  return *toy;
}

void append_toy_row(const Toy& toy, std::uint64_t seed, std::uint64_t row, std::vector<double>& values) {
  Numbers numbers;
  draw_uniform(stream_of(seed, Draw::uniforms, row), 0, numbers.u);
  draw_normal(stream_of(seed, Draw::normals, row), 0, numbers.n);
  const Point point = toy.point(numbers);
  values.insert(values.end(), point.begin(), point.end());
}

// The notebook's N(mean, L L^T): the lower triangle of L, row by row, then the mean, all U(0, 1).
Truth gaussian_truth(std::uint64_t seed) {
  constexpr std::size_t d = gaussian_dim;
  std::array<double, d*(d + 1) / 2 + d> numbers;
  draw_uniform(stream_of(seed, Draw::distribution, 0), 0, numbers);
  Truth truth{{numbers.end() - d, numbers.end()}, std::vector<double>(d * d), std::vector<double>(d * d), {}};
  auto next = numbers.begin();
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j <= i; ++j) truth.factor[i * d + j] = *next++;
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t k = 0; k < d; ++k)
        truth.covariance[i * d + j] += truth.factor[i * d + k] * truth.factor[j * d + k];
  truth.entropy = 0.5 * d * std::log(2 * pi * std::numbers::e) + log_diagonal_sum(truth.factor, d);
  return truth;
}

// mean + L z
void append_gaussian_row(const Truth& truth, std::uint64_t seed, std::uint64_t row, std::vector<double>& values) {
  std::array<double, gaussian_dim> z;
  draw_normal(stream_of(seed, Draw::normals, row), 0, z);
  for (std::size_t i = 0; i < gaussian_dim; ++i) {
    double x = truth.mean[i];
    for (std::size_t j = 0; j <= i; ++j) x += truth.factor[i * gaussian_dim + j] * z[j];
    values.push_back(x);
  }
}

}  // namespace

const std::vector<std::string_view>& generator_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all = {"gaussian"};
    for (const Toy& toy : toys) all.push_back(toy.name);
    return all;
  }();
  return names;
}

Table generate(std::string_view name, std::size_t rows, std::uint64_t seed, std::uint64_t first_row) {
  const Toy* toy = name == "gaussian" ? nullptr : &toy_of(name);
  const Truth truth = toy ? Truth{} : gaussian_truth(seed);
  Table table;
  table.rows = rows;
  table.columns = toy ? 2 : gaussian_dim;
  if (!fits_in_memory(rows, table.columns, sizeof(double)))
    throw Error(fmt::format("{} rows of '{}' do not fit into memory; ask for fewer", rows, name));
  table.values.reserve(rows * table.columns);
  for (std::uint64_t row = first_row; row < first_row + rows; ++row) {
    if (toy)
      append_toy_row(*toy, seed, row, table.values);
    else
      append_gaussian_row(truth, seed, row, table.values);
  }
  return table;
}

Truth truth_of(std::string_view name, std::uint64_t seed) {
  if (name == "gaussian") return gaussian_truth(seed);
  Truth truth;
  truth.entropy = toy_of(name).entropy;
  return truth;
}

}  // namespace cnf

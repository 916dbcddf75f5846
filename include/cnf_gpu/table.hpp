// Tables of numbers: read from files or made from a known distribution.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

struct Table {
  std::vector<double> values;  // (rows, columns), row-major
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::string> names;  // one a column, or empty
};

struct ReadOptions {
  std::vector<std::string> columns = {};  // of a CSV or TSV, by name, in this order; empty: all
  std::string array = {};                 // of an .npz
  bool drop_missing = false;              // leave out rows with an empty field or NaN instead of refusing them
};

// Reads .npy, .npz, .csv, .tsv (also .gz), or CSV from standard input for "-". Throws Error that names file, row and
// column.
Table read_table(const std::string& path, const ReadOptions& options = {});

// Writes .npy (float32 or float64) or .csv by the path's ending, whole or not at all.
enum class NumberType { float32, float64 };
void write_table(const std::string& path, const Table& table, NumberType type);
// The same for a vector: .npy gets the shape (N,), .csv one column.
void write_vector(const std::string& path, std::span<const double> values, NumberType type);
// One row a line, round-trip precision of the type.
void write_text(std::ostream& out, const Table& table, NumberType type);

// A built-in distribution by name: gaussian (the notebook's), 8gaussians, 2spirals, checkerboard, rings, circles,
// moons, pinwheel, swissroll, line, cos.
struct Truth {
  std::vector<double> mean;        // (D,) empty where unknown
  std::vector<double> covariance;  // (D, D)
  std::vector<double> factor;      // (D, D) lower triangular L of the notebook's gaussian
  std::optional<double> entropy;   // nats: the best possible mean negative log-density
};
const std::vector<std::string_view>& generator_names();
// Rows first_row, first_row + 1, ... of the endless table (name, seed); any piece is the same numbers.
Table generate(std::string_view name, std::size_t rows, std::uint64_t seed, std::uint64_t first_row = 0);
Truth truth_of(std::string_view name, std::uint64_t seed);

}  // namespace cnf

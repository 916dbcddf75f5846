/// @file
/// Tables of numbers: read from files or made from a known distribution.
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

/// Rows of numbers.
struct Table {
  std::vector<double> values;      ///< (rows, columns), row-major
  std::size_t rows = 0;            ///< N
  std::size_t columns = 0;         ///< D
  std::vector<std::string> names;  ///< one a column, or empty
};

/// What to read of a file.
struct ReadOptions {
  std::vector<std::string> columns = {};  ///< of a CSV or TSV, by name, in this order; empty: all
  std::string array = {};                 ///< of an .npz
  bool drop_missing = false;              ///< leave out rows with an empty field or NaN instead of refusing them
};

/// Reads .npy, .npz, .csv, .tsv (also .gz), or CSV from standard input for "-". Throws Error that names file, row and
/// column.
Table read_table(const std::string& path, const ReadOptions& options = {});

/// Of the numbers that are written.
enum class NumberType { float32, float64 };
/// Writes .npy or .csv by the path's ending, whole or not at all; a .csv is headed by the names. Throws Error naming
/// the file.
void write_table(const std::string& path, const Table& table, NumberType type);
/// The same for a vector: .npy gets the shape (N,), .csv one column.
void write_vector(const std::string& path, std::span<const double> values, NumberType type);
/// One row a line, round-trip precision of the type.
void write_text(std::ostream& out, const Table& table, NumberType type);

/// What is known of a built-in distribution.
struct Truth {
  std::vector<double> mean;        ///< (D,) empty where unknown
  std::vector<double> covariance;  ///< (D, D)
  std::vector<double> factor;      ///< (D, D) lower triangular L of the notebook's gaussian
  std::optional<double> entropy;   ///< nats: the best possible mean negative log-density
};
/// gaussian (the notebook's), and the 2-D sets of FFJORD's toy_data.py: 8gaussians, 2spirals, checkerboard, rings,
/// circles, moons, pinwheel, swissroll, line, cos.
const std::vector<std::string_view>& generator_names();
/// Rows first_row, first_row + 1, ... of the endless table (name, seed); any piece is the same numbers.
Table generate(std::string_view name, std::size_t rows, std::uint64_t seed, std::uint64_t first_row = 0);
/// Of the distribution that generate(name, ..., seed) draws from. Both throw UsageError on an unknown name.
Truth truth_of(std::string_view name, std::uint64_t seed);

}  // namespace cnf

// What the commands hand over: arrays to files or standard output, figures as lines or JSON, notes to standard error.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/table.hpp"
#include "row_writer.hpp"

namespace cnf {

// Standard output's reader is gone. The program ends with code 1 and says nothing.
class OutputClosed : public Error {
 public:
  OutputClosed() : Error("standard output is closed") {}
};

// A standard stream that the caller closed stays unusable: no file that is opened later takes its place.
void occupy_standard_streams();

// Throws OutputClosed where nobody reads, Error where there is another reason.
void flush_standard_output();

enum class ArrayShape { vector, matrix };  // (N,) or (N, columns)

struct ArrayForm {
  ArrayShape shape = ArrayShape::matrix;
  std::size_t columns = 1;
  NumberType type = NumberType::float32;
  std::vector<std::string> names = {};  // of the columns, or empty; they head a .csv
  std::size_t rows = 0;                 // how many will come; 0 where that is not known
};

// An array that comes in pieces and goes out as they come: to a file that appears whole or not at all, or as text; for
// JSON it is kept, as that is the caller's to print.
class ArrayOutput {
 public:
  enum class Fallback { text, json };  // without a path

  // Throws UsageError at once for a file name that nothing can be written to.
  ArrayOutput(const std::string& path, Fallback fallback, ArrayForm form);
  void append(std::span<const double> rows);
  void finish();
  // Adds the array as a list under `name`, if that is where it goes.
  void add_to(nlohmann::ordered_json& object, const std::string& name) const;

 private:
  void reserve_rows();
  bool is_text() const { return !file_ && fallback_ == Fallback::text; }

  Fallback fallback_;
  ArrayForm form_;
  std::optional<RowWriter> file_;
  std::vector<double> kept_;
};

// One object on standard output, on one line; a number that is not finite becomes null.
void print_json(const nlohmann::ordered_json& object);
// A line for each figure: "nll: 6.06588"; nested ones as "num_steps.mean: 20".
void print_figures(const nlohmann::ordered_json& object, const std::string& prefix = "");

}  // namespace cnf

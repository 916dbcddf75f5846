// Every option of the program, declared once: the command line, --help, --config files and config.json read these rows.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "choices.hpp"

namespace cnf {

// The commands as bits, so that a row can say which of them take it.
namespace command {
constexpr unsigned train = 1, logprob = 2, sample = 4, eval = 8, gradient = 16, generate = 32, report = 64, info = 128,
                   exporting = 256, completion = 512, manual = 1024;
constexpr unsigned density = logprob | eval | gradient;
constexpr unsigned evaluation = density | sample;
constexpr unsigned mathematics = train | evaluation;
constexpr unsigned every = mathematics | generate | report | info | exporting;
}  // namespace command

// How text becomes a choice and a choice JSON. `read` throws UsageError without naming the option.
struct OptionValue {
  std::function<void(Choices&, std::string_view)> read;
  std::function<nlohmann::json(const Choices&)> write;
  std::string placeholder;  // what --help shows for the value: "W", "checkpoint|backsolve"; empty for a flag
};

enum class Kind { option, positional, required_positional };

struct Option {
  std::string name;  // without dashes: the key in files
  OptionValue value;
  std::string help;
  unsigned commands = 0;
  char short_name = 0;  // 'o' for -o
  Kind kind = Kind::option;
  std::string heading{};  // in --help
  bool recorded = false;  // part of config.json
};

// In the order of --help. A name may have a row for each of several commands.
const std::vector<Option>& options();

// The groups that options() joins, one a source file or function.
std::vector<Option> data_options();
std::vector<Option> model_options();
std::vector<Option> solve_options();
std::vector<Option> gradient_options();
std::vector<Option> training_options();

// Rows as they are given, but with a heading and these commands where a row names none.
std::vector<Option> under(std::string heading, unsigned commands, std::vector<Option> rows);
// Rows that config.json keeps.
std::vector<Option> recorded(std::vector<Option> rows);

// The default as --help shows it; empty where there is none, and for a count of 0, which the help explains.
std::string default_text(const Option& option);

}  // namespace cnf

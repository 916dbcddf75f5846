// The table of options: arguments, output and what every command takes; the other groups have files of their own.
#include "options.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "option_value.hpp"

namespace cnf {

using namespace command;

std::vector<Option> under(std::string heading, unsigned commands, std::vector<Option> rows) {
  for (Option& row : rows) {
    row.heading = heading;
    if (row.commands == 0) row.commands = commands;
  }
  return rows;
}

std::vector<Option> recorded(std::vector<Option> rows) {
  for (Option& row : rows) row.recorded = true;
  return rows;
}

namespace {

std::vector<Option> arguments() {
  const std::string tables = ".npy, .npz, .csv or .tsv (also .gz), or - for CSV on standard input";
  const OptionValue model = value_of("MODEL", &Choices::model);
  const OptionValue data = value_of("DATA", &Choices::data);
  std::vector<Option> rows = {
      {"model", model, "a .safetensors file, or a run directory: its best model", evaluation | exporting, 0,
       Kind::required_positional},
      {"model", model, "show this model in place of the build and the devices", info, 0, Kind::positional},
      {"explain", value_of("", &Choices::explain),
       "how a training step of the model would run on a GPU: kernels, launches, device memory", info},
      {"data", data, tables + ", or the name of a built-in data set; without it: the notebook's experiment", train, 0,
       Kind::positional},
      {"data", data, tables, density, 0, Kind::required_positional},
      {"name", value_of("NAME", &Choices::generator), "one of the data sets listed below", generate, 0,
       Kind::required_positional},
      {"run", value_of("RUN", &Choices::run), "a run directory", report, 0, Kind::required_positional},
      {"shell", value_of("bash|zsh|fish", &Choices::shell), "which shell's", completion, 0, Kind::required_positional},
  };
  for (Option& row : rows) row.recorded = row.commands == train;
  return rows;
}

std::vector<Option> output_options() {
  const OptionValue file = value_of("FILE", &Choices::out);
  return under(
      "Output", 0,
      {
          {"out", value_of("RUN", &Choices::out), "the run directory to make (default ./run)", train, 'o'},
          {"force", value_of("", &Choices::force), "overwrite the run that is there", train},
          {"out", file, ".npy or .csv; without it: text on standard output, a row a line", logprob | sample | generate,
           'o'},
          {"out", file, "a .safetensors file: gradients by the model's tensor names, loss, logprob", gradient, 'o'},
          {"to", value_of("jax|torch", &Choices::to), "the framework to write for", exporting},
          {"out", value_of("FILE.py", &Choices::out), "without it: text on standard output", exporting, 'o'},
          {"base-points", value_of("FILE", &Choices::base_points), "also write where each row's solve ends", logprob},
          {"logprob", value_of("FILE", &Choices::logprob), "also write the samples' log-densities, from the same solve",
           sample},
          {"picture", value_of("FILE.svg", &Choices::picture), "also write the picture that shows the flow best",
           report},
      });
}

std::vector<Option> machine_options() {
  return under("General", every,
               recorded({
                   {"seed", value_of("S", &Choices::seed), "of every random number"},
                   {"device", value_of("auto|cpu|cuda|cuda:N", &Choices::device), "where to compute"},
                   {"device-memory", value_of("MIB", &Choices::device_memory),
                    "of a GPU's memory to use at most; 0: what is free"},
                   {"threads", value_of("N", &Choices::threads), "CPU threads; 0: all the machine has"},
               }));
}

std::vector<Option> general_options() {
  return under(
      "General", every,
      {
          {"config", value_of("FILE", &Choices::config), "options from a .toml or .json file; typed ones override it"},
          {"preset", value_of("NAME", &Choices::preset), "a built-in file of options, see below", train},
          {"quiet", value_of("", &Choices::quiet), "no progress, no notes"},
          {"json", value_of("", &Choices::json), "figures as one JSON object on standard output"},
      });
}

}  // namespace

const std::vector<Option>& options() {
  static const std::vector<Option> table = [] {
    std::vector<Option> rows;
    for (auto group : {arguments(), output_options(), data_options(), training_options(), model_options(),
                       solve_options(), gradient_options(), machine_options(), general_options()}) {
      std::move(group.begin(), group.end(), std::back_inserter(rows));
    }
    return rows;
  }();
  return table;
}

std::string default_text(const Option& option) {
  const nlohmann::json value = option.value.write(Choices{});
  if (option.value.placeholder.empty() || option.kind != Kind::option) return "";
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return value.is_number() && value != 0 ? value.dump() : "";
}

}  // namespace cnf

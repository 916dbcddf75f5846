// The commands and their options handed to CLI11, and what it makes of the arguments.
#include "command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <memory>

#include "build_facts.hpp"
#include "cnf_gpu/error.hpp"
#include "cnf_gpu/table.hpp"
#include "commands.hpp"
#include "embedded.hpp"
#include "options.hpp"
#include "spelling.hpp"
#include "training_data.hpp"

namespace cnf {
namespace {

constexpr std::array command_rows = {
    CommandRow{command::train, "train", "fit a flow to a file, a built-in data set or the notebook's gaussian",
               train_command},
    CommandRow{command::logprob, "logprob", "log-density of each row, in nats", logprob_command},
    CommandRow{command::sample, "sample", "draw samples", sample_command},
    CommandRow{command::eval, "eval", "mean negative log-likelihood of rows, and what it cost", eval_command},
    CommandRow{command::gradient, "gradient", "the loss and its gradient with respect to every parameter",
               gradient_command},
    CommandRow{command::generate, "generate", "points of a built-in data set", generate_command},
    CommandRow{command::report, "report", "write RUN/report.html, a page of plots", report_command},
    CommandRow{command::exporting, "export", "write a model as a Python file for JAX or PyTorch", export_command},
    CommandRow{command::info, "info", "the build and its devices, or what a model is", info_command},
    CommandRow{command::completion, "completion", "a shell's completion of this command line", completion_command,
               true},
    CommandRow{command::manual, "manual", "the manual page", manual_command, true},
};

std::string joined(const auto& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

// The comment that a preset's file begins with.
std::string_view summary_of(const EmbeddedText& preset) {
  const std::string_view line = preset.text.substr(0, preset.text.find('\n'));
  return line.substr(std::min(line.find_first_not_of("# "), line.size()));
}

}  // namespace

std::span<const CommandRow> commands() {
  return command_rows;
}

std::string footer_of(unsigned bit) {
  std::string text;
  if (bit & (command::train | command::generate)) text += "Built-in data sets: " + joined(generator_names()) + ".\n";
  if (bit & command::train) {
    text += "Presets:\n";
    for (const EmbeddedText& preset : presets()) text += fmt::format("  {:<10} {}\n", preset.name, summary_of(preset));
    text += "A file with the name of a built-in data set or without an ending is written ./NAME.\n";
    text += "RUN/config.json holds every choice: --config RUN/config.json --out OTHER repeats the run bit for bit.\n";
  }
  return text;
}

namespace {

std::string help_of(const Option& option) {
  const std::string initial = default_text(option);
  return initial.empty() ? option.help : fmt::format("{} (default {})", option.help, initial);
}

void add_option(CLI::App& app, const Option& option, Settings& settings) {
  const std::string flag = option.kind == Kind::option ? "--" + option.name : option.value.placeholder;
  const auto take = [&settings, name = option.name, flag](const std::string& text) {
    settings.push_back({name, text, flag});
  };
  if (option.kind != Kind::option) {
    CLI::Option* argument = app.add_option_function<std::string>(option.value.placeholder, take, option.help);
    argument->type_name("")->required(option.kind == Kind::required_positional);
    return;
  }
  const std::string names = option.short_name ? fmt::format("-{},{}", option.short_name, flag) : flag;
  if (option.value.placeholder.empty()) {
    app.add_flag(names, option.help)->group(option.heading)->each(take);
  } else {
    app.add_option_function<std::string>(names, take, help_of(option))
        ->type_name(option.value.placeholder)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->group(option.heading);
  }
}

void add_command(CLI::App& app, const CommandRow& row, Settings& settings) {
  CLI::App* command = app.add_subcommand(row.name, row.summary);
  command->footer(footer_of(row.bit));
  if (row.hidden) command->group("");
  for (const Option& option : options()) {
    if (option.commands & row.bit) add_option(*command, option, settings);
  }
}

const CommandRow* chosen_command(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) return nullptr;
  return &*std::find_if(command_rows.begin(), command_rows.end(),
                        [&](const CommandRow& row) { return chosen[0]->get_name() == row.name; });
}

std::vector<std::string> spellings(const CommandRow* command) {
  std::vector<std::string> names;
  if (command == nullptr) {
    for (const CommandRow& row : command_rows) {
      if (!row.hidden) names.emplace_back(row.name);
    }
  } else {
    for (const Option& option : options()) {
      if (option.commands & command->bit && option.kind == Kind::option) names.push_back("--" + option.name);
    }
  }
  return names;
}

std::string unknown_word(const std::string& word, const CommandRow* command) {
  const std::string close = nearest(word.substr(0, word.find('=')), spellings(command));
  if (!close.empty()) return fmt::format("{}: not known; perhaps {}", word, close);
  return fmt::format("{}: not known {}", word, command ? "here" : "as a command");
}

// CLI11's words in our form: one line, with the way out.
std::string usage_problem(const CLI::ParseError& error, const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  const CommandRow* command = chosen_command(app);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) && !extras.empty()) return unknown_word(extras[0], command);
  if (command == nullptr) {
    return extras.empty() ? "which command? one of " + joined(spellings(nullptr)) : unknown_word(extras[0], nullptr);
  }
  const std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return text.substr(0, text.find(':')) + ": a value is missing";
  return text;
}

UsageError usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const CommandRow* command = chosen_command(app);
  return UsageError(fmt::format("{}; see cnf_gpu {}--help", usage_problem(error, app),
                                command ? std::string(command->name) + " " : ""));
}

}  // namespace

std::optional<CommandLine> parse_command_line(int count, char** arguments) {
  CLI::App app("Continuous normalizing flows: train, evaluate, sample.", "cnf_gpu");
  app.set_version_flag("--version", version_text);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer(
      "cnf_gpu COMMAND --help explains a command. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.");
  Settings settings;
  for (const CommandRow& row : command_rows) add_command(app, row, settings);
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& answered) {
    app.exit(answered);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw usage_error(error, app);
  }
  return CommandLine{chosen_command(app), std::move(settings)};
}

Choices choices_of(const CommandLine& line, Choices base) {
  const unsigned bit = line.command->bit;
  Choices typed;
  apply(line.settings, bit, typed);
  const Settings file = typed.config.empty() ? Settings{} : read_settings(typed.config);
  if (!typed.preset.empty()) apply(preset_settings(typed.preset), bit, base);
  apply(file, bit, base);
  apply(line.settings, bit, base);
  if (!typed.preset.empty() && !is_generator(base.data)) {  // what it says of a built-in data set's rows
    Choices own;
    apply(file, bit, own);
    apply(line.settings, bit, own);
    base.count = own.count;
    base.fresh = own.fresh;
  }
  base.typed = typed.chosen;
  return base;
}

}  // namespace cnf

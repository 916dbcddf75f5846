// cnf_gpu export: a Python file that computes a model's log-density in another framework.
#include <filesystem>
#include <iostream>

#include "atomic_file.hpp"
#include "cnf_gpu/error.hpp"
#include "commands.hpp"
#include "export_text.hpp"
#include "output.hpp"
#include "run_directory.hpp"

namespace cnf {

int export_command(const CommandLine& line) {
  const Choices choices = choices_of(line);
  if (!choices.to) throw UsageError("export: to which framework? --to jax or --to torch");
  const Model model = load_model(choices.model);
  const std::string file = std::filesystem::is_directory(choices.model) ? model_path_of(choices.model) : choices.model;
  const std::string text = export_text(model, *choices.to, std::filesystem::absolute(file).lexically_normal().string());
  if (!choices.out.empty()) {
    write_whole_file(choices.out, text);
  } else {
    std::cout << text;
    flush_standard_output();
  }
  return 0;
}

}  // namespace cnf

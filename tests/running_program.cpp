// Processes with their input and output in files, so that none waits for another.
#include "running_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>
#include <sstream>
#include <stdexcept>

#include "files.hpp"

namespace cnf::test {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

bool redirect(const std::string& path, int flags, int stream) {
  const int file = open(path.c_str(), flags, 0600);
  return file >= 0 && dup2(file, stream) == stream;
}

[[noreturn]] void become(std::vector<std::string> words, const std::string& directory, const std::string& prefix) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const bool ready = chdir(directory.c_str()) == 0 && redirect(prefix + "in", O_RDONLY, STDIN_FILENO) &&
                     redirect(prefix + "out", O_WRONLY | O_CREAT, STDOUT_FILENO) &&
                     redirect(prefix + "err", O_WRONLY | O_CREAT, STDERR_FILENO);
  if (ready) execv(arguments[0], arguments.data());
  _exit(127);
}

}  // namespace

RunningProgram::RunningProgram(const std::string& program, const std::string& arguments, const std::string& directory,
                               const std::string& input) {
  static int count = 0;
  prefix_ = directory + "/.process-" + std::to_string(count++) + ".";
  std::ofstream(prefix_ + "in", std::ios::binary) << input;
  std::vector<std::string> words = words_of(arguments);
  words.insert(words.begin(), program);
  process_ = fork();
  if (process_ == 0) become(words, directory, prefix_);
  if (process_ < 0) throw std::runtime_error("cannot start a process");
}

RunningProgram::~RunningProgram() {
  if (process_ < 0) return;
  signal(SIGKILL);
  waitpid(process_, nullptr, 0);
}

void RunningProgram::signal(int number) const {
  kill(process_, number);
}

Outcome RunningProgram::wait() {
  int status = 0;
  waitpid(process_, &status, 0);
  process_ = -1;
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return {code, bytes_of(prefix_ + "out"), bytes_of(prefix_ + "err")};
}

}  // namespace cnf::test

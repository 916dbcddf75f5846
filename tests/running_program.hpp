// A process of the program, started as a user starts it: arguments in; exit code and output out.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cnf::test {

struct Outcome {
  int code = -1;  // 128 + the signal that ended it
  std::string out;
  std::string err;
};

// It is killed with this object if it is still there.
class RunningProgram {
 public:
  // `arguments` have blanks between them. Input and output are files in `directory`, which is the process's own too.
  RunningProgram(const std::string& program, const std::string& arguments, const std::string& directory,
                 const std::string& input = "");
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void signal(int number) const;
  Outcome wait();

 private:
  std::string prefix_;  // of the files of input and output
  pid_t process_ = -1;
};

}  // namespace cnf::test

// The program on a terminal: one live line, as wide as it is, that never scrolls.
#include <gmock/gmock.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "program_test.hpp"

namespace cnf::test {
namespace {

// All that the program writes to a terminal of `width` columns.
std::string shown_on_terminal(unsigned short width, const std::string& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), CNF_GPU_PROGRAM);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = width;
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    if (chdir(directory.c_str()) != 0) _exit(126);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string shown;
  char piece[4096];
  // The read fails when the program has closed the terminal.
  for (ssize_t count; (count = read(terminal, piece, sizeof piece)) > 0;)
    shown.append(piece, static_cast<std::size_t>(count));
  int status = -1;
  waitpid(child, &status, 0);
  close(terminal);
  EXPECT_EQ(status, 0) << shown;
  return shown;
}

class Terminal : public ProgramTest, public ::testing::WithParamInterface<unsigned short> {
 protected:
  // What each drawing of the live line shows.
  std::vector<std::string> drawings() const {
    const std::string shown = shown_on_terminal(
        GetParam(), path("."),
        {"train", "moons", "-n", "60", "--epochs", "300", "--validation-fraction", "0.1", "--report-every", "10",
         "--width", "4", "--depth", "1", "--steps", "2", "--report-html", "off"});
    // Notes before and after; the line itself never ends.
    EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 2) << shown;
    const std::regex form("\r(epoch [^\r\x1b]*)\x1b\\[K");
    std::vector<std::string> lines;
    for (std::sregex_iterator found(shown.begin(), shown.end(), form), end; found != end; ++found)
      lines.push_back((*found)[1]);
    return lines;
  }
};

TEST_P(Terminal, ShowsOneLineThatFits) {
  const std::vector<std::string> lines = drawings();

  ASSERT_GT(lines.size(), 2u);
  for (const std::string& line : lines) EXPECT_LT(line.size(), GetParam()) << line;
  EXPECT_THAT(lines.back(), ::testing::StartsWith("epoch 300/300"));
  if (GetParam() >= 80) {
    for (const char* part : {"nll ", "validation ", "rate "}) EXPECT_THAT(lines.back(), ::testing::HasSubstr(part));
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, Terminal, ::testing::Values(20, 50, 120));

}  // namespace
}  // namespace cnf::test

// The program cnf_gpu: reads the command line, runs one command, turns failures into messages and exit codes.
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>

#include "cnf_gpu/error.hpp"
#include "command_line.hpp"
#include "interrupt.hpp"
#include "output.hpp"

namespace cnf {
namespace {

int run(int count, char** arguments) {
  const auto line = parse_command_line(count, arguments);
  const int code = line ? line->command->run(*line) : 0;
  flush_standard_output();
  return code;
}

constexpr const char* out_of_memory = "out of memory; try fewer rows or a smaller --batch-size";

int failure(int code, const char* message) {
  std::cerr << "cnf_gpu: " << message << '\n';
  return code;
}

}  // namespace
}  // namespace cnf

int main(int count, char** arguments) {
  using namespace cnf;
  occupy_standard_streams();
  watch_interrupts();
  try {
    return run(count, arguments);
  } catch (const OutputClosed&) {
    return 1;
  } catch (const Interrupted& stop) {
    return failure(130, stop.what());
  } catch (const UsageError& error) {
    return failure(2, error.what());
  } catch (const std::bad_alloc&) {
    return failure(1, out_of_memory);
  } catch (const std::length_error&) {  // of a container: more than any memory holds
    return failure(1, out_of_memory);
  } catch (const std::exception& error) {
    return failure(1, error.what());
  }
}

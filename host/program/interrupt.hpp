// Requests to stop (SIGINT, SIGTERM, SIGHUP): noted when they come, acted on where stopping loses nothing.
#pragma once

#include "cnf_gpu/error.hpp"

namespace cnf {

// The program was asked to stop and what had to be saved is saved. The command line ends with code 130.
class Interrupted : public Error {
 public:
  using Error::Error;
};

// From here on a signal is only noted; a SIGINT after another signal ends the process at once, with code 130. A closed
// pipe is an error of the write instead of a signal. A SIGHUP that the caller ignores (nohup) stays ignored.
void watch_interrupts();

bool interrupted();

// Throws Interrupted after a signal.
void stop_if_interrupted();

}  // namespace cnf

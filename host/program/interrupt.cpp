// The signal handler and its one flag.
#include "interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <initializer_list>

namespace cnf {
namespace {

std::atomic<bool> requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");

// Only a second Ctrl-C is impatience: a terminal that closes and a process manager send a signal twice.
extern "C" void note_request(int number) {
  if (requested.exchange(true) && number == SIGINT) _exit(130);
}

bool ignored(int signal_number) {
  struct sigaction action = {};
  sigaction(signal_number, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

}  // namespace

void watch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = note_request;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
  if (!ignored(SIGHUP)) sigaction(SIGHUP, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool interrupted() {
  return requested.load();
}

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted("stopped before the end");
}

}  // namespace cnf

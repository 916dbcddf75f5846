// Put into the program cnf_gpu: with CNF_GPU_CLOCK=jumps the time of day is a year ahead and a year behind by turns, as
// if someone set it, again and again. The libraries' calls come here too.
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {

time_t jump() {
  constexpr time_t year = 365 * 24 * 3600;
  static std::atomic<unsigned> calls = 0;
  const char* const clock = getenv("CNF_GPU_CLOCK");
  if (!clock || strcmp(clock, "jumps") != 0) return 0;
  return calls++ % 2 == 0 ? year : -year;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += jump();
  return static_cast<int>(result);
}

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  timespec exact{};
  const int result = clock_gettime(CLOCK_REALTIME, &exact);
  *now = {exact.tv_sec, exact.tv_nsec / 1000};
  return result;
}

extern "C" time_t time(time_t* now) noexcept {
  timespec exact{};
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}

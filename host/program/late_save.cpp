// A thread that looks for a request to stop ten times a second.
#include "late_save.hpp"

#include <chrono>
#include <utility>

#include "interrupt.hpp"

namespace cnf {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(100);
constexpr int looks_before_saving = 10;

}  // namespace

LateSave::LateSave(std::function<void()> save_and_exit)
    : save_and_exit_(std::move(save_and_exit)), thread_([this] { watch(); }) {}

LateSave::~LateSave() {
  {
    const std::lock_guard lock(mutex_);
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

void LateSave::watch() {
  std::unique_lock lock(mutex_);
  for (int looks = 0; !ended_.wait_for(lock, look_interval, [this] { return end_; });) {
    if (!interrupted() || ++looks < looks_before_saving) continue;
    lock.unlock();
    save_and_exit_();
    lock.lock();
  }
}

}  // namespace cnf

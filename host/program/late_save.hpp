// Saving a run whose epoch lasts longer than a request to stop may wait.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace cnf {

// While it lives, a request to stop that the run has not followed within a second is followed by `save_and_exit`, on a
// thread of its own. That one returns where there is nothing to save yet that the run would not save by itself.
class LateSave {
 public:
  explicit LateSave(std::function<void()> save_and_exit);
  ~LateSave();
  LateSave(const LateSave&) = delete;
  LateSave& operator=(const LateSave&) = delete;

 private:
  void watch();

  std::function<void()> save_and_exit_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::thread thread_;
};

}  // namespace cnf

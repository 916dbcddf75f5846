// Tests of the program CNF_GPU_PROGRAM, each in an empty directory of its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "files.hpp"
#include "npy.hpp"
#include "running_program.hpp"

namespace cnf::test {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// All numbers of a text with commas and line ends between them.
inline std::vector<double> numbers_in(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream in(text);
  return {std::istream_iterator<double>(in), std::istream_iterator<double>()};
}

class ProgramTest : public ::testing::Test {
 protected:
  Outcome run(const std::string& arguments, const std::string& input = "") const {
    return RunningProgram(CNF_GPU_PROGRAM, arguments, directory_.path(), input).wait();
  }

  // Standard output of a run that must end with code 0.
  std::string output_of(const std::string& arguments, const std::string& input = "") const {
    const Outcome outcome = run(arguments, input);
    EXPECT_EQ(outcome.code, 0) << arguments << '\n' << outcome.err;
    return outcome.out;
  }

  // The one JSON object that a run prints on one line.
  nlohmann::json json_of(const std::string& arguments) const {
    const std::string text = output_of(arguments);
    EXPECT_EQ(lines_of(text).size(), 1u) << text;
    return nlohmann::json::parse(text);
  }

  std::unique_ptr<RunningProgram> start(const std::string& arguments) const {
    return std::make_unique<RunningProgram>(CNF_GPU_PROGRAM, arguments, directory_.path());
  }

  std::string path(const std::string& name) const { return directory_.file(name); }
  bool exists(const std::string& name) const { return std::filesystem::exists(path(name)); }
  std::string bytes(const std::string& name) const { return bytes_of(path(name)); }
  void write(const std::string& name, const std::string& text) const { directory_.with(name, text); }
  NdArray array(const std::string& name) const { return read_array(path(name)); }
  nlohmann::json json_file(const std::string& name) const { return nlohmann::json::parse(bytes(name)); }

  // The lines of a run's metrics.jsonl without their times, which no run repeats.
  std::vector<nlohmann::json> metrics_of(const std::string& name) const {
    std::vector<nlohmann::json> metrics;
    for (const std::string& line : lines_of(bytes(name + "/metrics.jsonl"))) {
      metrics.push_back(nlohmann::json::parse(line));
      metrics.back().erase("seconds");
      metrics.back().erase("time");
    }
    return metrics;
  }

  // Waits until a run has written so many lines of metrics.jsonl; a minute at most.
  void wait_for_reports(const std::string& name, std::size_t count) const {
    for (int tries = 0; tries < 6000; ++tries) {
      if (lines_of(bytes(name + "/metrics.jsonl")).size() >= count) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    FAIL() << name << " does not get to " << count << " reports";
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace cnf::test

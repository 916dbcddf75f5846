// Writing to standard output so that a closed reader is noticed, and to files whole.
#include "output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <utility>

#include "file_ending.hpp"

namespace cnf {

namespace {

// A pipe that nobody reads, or a stream that the caller closed.
bool is_closed(int error) {
  pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  poll(&output, 1, 0);
  return error == EPIPE || error == EBADF || (output.revents & (POLLERR | POLLNVAL)) != 0;
}

[[noreturn]] void refuse_output(int error) {
  if (is_closed(error)) throw OutputClosed();
  throw Error(fmt::format("cannot write to standard output: {}", error ? std::strerror(error) : "is the disk full?"));
}

}  // namespace

void occupy_standard_streams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (fcntl(stream, F_GETFD) == -1) open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY);
  }
}

void flush_standard_output() {
  errno = 0;
  if (!std::cout.flush()) refuse_output(errno);
}

ArrayOutput::ArrayOutput(std::string path, Fallback fallback, NumberType type, std::size_t columns, ArrayShape shape)
    : path_(std::move(path)), fallback_(fallback), type_(type), shape_(shape) {
  table_.columns = columns;
  if (!path_.empty()) writable_ending(path_);
}

void ArrayOutput::append(std::span<const double> rows) {
  table_.values.insert(table_.values.end(), rows.begin(), rows.end());
  table_.rows += rows.size() / table_.columns;
  if (!is_text()) return;
  errno = 0;
  try {
    write_text(std::cout, table_, type_);
  } catch (const Error&) {
    refuse_output(errno);
  }
  table_.values.clear();
  table_.rows = 0;
}

void ArrayOutput::finish() {
  if (is_text()) return flush_standard_output();
  if (path_.empty()) return;
  if (shape_ == ArrayShape::vector) {
    write_vector(path_, table_.values, type_);
  } else {
    write_table(path_, table_, type_);
  }
}

void ArrayOutput::add_to(nlohmann::ordered_json& object, const std::string& name) const {
  if (is_text() || !path_.empty()) return;
  if (shape_ == ArrayShape::vector) {
    object[name] = table_.values;
    return;
  }
  auto& rows = object[name] = nlohmann::ordered_json::array();
  for (std::size_t row = 0; row < table_.rows; ++row) {
    const auto begin = table_.values.begin() + static_cast<std::ptrdiff_t>(row * table_.columns);
    rows.push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(table_.columns)));
  }
}

void print_json(const nlohmann::ordered_json& object) {
  std::cout << object.dump() << '\n';
  flush_standard_output();
}

void print_figures(const nlohmann::ordered_json& object, const std::string& prefix) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      print_figures(value, prefix + name + ".");
    } else {
      std::cout << prefix << name << ": " << (value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
    }
  }
  flush_standard_output();
}

}  // namespace cnf

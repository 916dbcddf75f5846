// Writing to standard output so that a closed reader is noticed, and to files whole.
#include "output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <new>
#include <utility>

#include "machine_memory.hpp"

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

ArrayOutput::ArrayOutput(const std::string& path, Fallback fallback, ArrayForm form)
    : fallback_(fallback), form_(std::move(form)) {
  if (path.empty()) {
    if (!is_text()) reserve_rows();
    return;
  }
  const std::size_t columns = form_.shape == ArrayShape::vector ? 0 : form_.columns;
  file_.emplace(path, columns, form_.type, form_.names, form_.rows);
}

// Better at once than after hours of filling the memory.
void ArrayOutput::reserve_rows() {
  if (fits_in_memory(form_.rows, form_.columns, sizeof(double))) {
    try {
      return kept_.reserve(form_.rows * form_.columns);
    } catch (const std::bad_alloc&) {
    }
  }
  throw Error(fmt::format("{} rows do not fit into memory, where --json keeps them; name a file by -o", form_.rows));
}

void ArrayOutput::append(std::span<const double> rows) {
  if (file_) return file_->append(rows);
  if (!is_text()) {
    kept_.insert(kept_.end(), rows.begin(), rows.end());
    return;
  }
  errno = 0;
  try {
    write_text(std::cout, {{rows.begin(), rows.end()}, rows.size() / form_.columns, form_.columns, {}}, form_.type);
  } catch (const Error&) {
    refuse_output(errno);
  }
}

void ArrayOutput::finish() {
  if (file_) return file_->commit();
  if (is_text()) flush_standard_output();
}

void ArrayOutput::add_to(nlohmann::ordered_json& object, const std::string& name) const {
  if (file_ || is_text()) return;
  if (form_.shape == ArrayShape::vector) {
    object[name] = kept_;
    return;
  }
  auto& rows = object[name] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < kept_.size(); i += form_.columns) {
    const auto begin = kept_.begin() + static_cast<std::ptrdiff_t>(i);
    rows.push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(form_.columns)));
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

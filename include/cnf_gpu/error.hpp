/// @file
/// The one exception type of the library, and the way its messages are made.
#pragma once

#include <stdexcept>
#include <string>

namespace cnf {

/// Something went wrong that the caller can act on. The message is one line: what, where, what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A choice that no program can run: a wrong option, value or combination. The command line ends with code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// The adaptive solve of a row did not arrive: the field is too stiff for its limits, or is no number there.
class SolveFailed : public Error {
 public:
  using Error::Error;
};

}  // namespace cnf

// A scalar reverse-mode tape: exact gradients of any program written in Var, without any formula for an adjoint.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reference {

class Tape;

// A number that a tape follows, or a constant.
struct Var {
  double value = 0;
  Tape* tape = nullptr;  // null: a constant
  std::uint32_t node = 0;

  Var() = default;
  Var(double constant) : value(constant) {}  // NOLINT: numbers mix with Vars as they do on paper
  Var(double result, Tape* owner, std::uint32_t number) : value(result), tape(owner), node(number) {}
};

class Tape {
 public:
  Var leaf(double value) { return close(value); }

  std::vector<Var> leaves(std::span<const double> values) {
    std::vector<Var> result;
    for (double value : values) result.push_back(leaf(value));
    return result;
  }

  // d(result)/d(parent) of the node that close() ends.
  void edge(const Var& parent, double partial) {
    if (parent.tape) edges_.push_back({parent.node, partial});
  }

  Var close(double value) {
    ends_.push_back(edges_.size());
    return {value, this, static_cast<std::uint32_t>(ends_.size() - 1)};
  }

  // d(output)/d(node) for the first `count` nodes, the leaves made before anything else.
  std::vector<double> gradient(const Var& output, std::size_t count) const {
    std::vector<double> cotangents(ends_.size(), 0.0);
    if (output.tape) cotangents[output.node] = 1;
    for (std::size_t node = ends_.size(); node-- > 0;) {
      const std::size_t begin = node == 0 ? 0 : ends_[node - 1];
      for (std::size_t e = begin; e < ends_[node]; ++e) {
        cotangents[edges_[e].parent] += edges_[e].partial * cotangents[node];
      }
    }
    cotangents.resize(count);
    return cotangents;
  }

  void clear() {
    ends_.clear();
    edges_.clear();
  }

 private:
  struct Edge {
    std::uint32_t parent;
    double partial;
  };
  std::vector<std::size_t> ends_;  // of each node's edges
  std::vector<Edge> edges_;
};

inline Var unary(const Var& a, double value, double partial) {
  if (!a.tape) return value;
  a.tape->edge(a, partial);
  return a.tape->close(value);
}

inline Var binary(const Var& a, const Var& b, double value, double partial_a, double partial_b) {
  Tape* tape = a.tape ? a.tape : b.tape;
  if (!tape) return value;
  tape->edge(a, partial_a);
  tape->edge(b, partial_b);
  return tape->close(value);
}

inline Var operator+(const Var& a, const Var& b) {
  return binary(a, b, a.value + b.value, 1, 1);
}
inline Var operator-(const Var& a, const Var& b) {
  return binary(a, b, a.value - b.value, 1, -1);
}
inline Var operator-(const Var& a) {
  return unary(a, -a.value, -1);
}
inline Var operator*(const Var& a, const Var& b) {
  return binary(a, b, a.value * b.value, b.value, a.value);
}
inline Var operator/(const Var& a, const Var& b) {
  return binary(a, b, a.value / b.value, 1 / b.value, -a.value / (b.value * b.value));
}

// The functions a flow is made of, for plain numbers ...
inline double sigmoid(double a) {
  return 1 / (1 + std::exp(-a));
}
inline double softplus(double a) {
  return (a > 0 ? a : 0) + std::log1p(std::exp(-std::fabs(a)));
}
inline double primal(double a) {
  return a;
}

// ... and on the tape.
inline double primal(const Var& a) {
  return a.value;
}
inline Var exp(const Var& a) {
  return unary(a, std::exp(a.value), std::exp(a.value));
}
inline Var expm1(const Var& a) {
  return unary(a, std::expm1(a.value), std::exp(a.value));
}
inline Var log(const Var& a) {
  return unary(a, std::log(a.value), 1 / a.value);
}
inline Var softplus(const Var& a) {
  return unary(a, softplus(a.value), sigmoid(a.value));
}
inline Var sigmoid(const Var& a) {
  const double s = sigmoid(a.value);
  return unary(a, s, s * (1 - s));
}
inline Var tanh(const Var& a) {
  const double h = std::tanh(a.value);
  return unary(a, h, 1 - h * h);
}

inline double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// One node for the whole sum keeps tapes short.
inline Var dot(std::span<const Var> a, std::span<const Var> b) {
  double sum = 0;
  Tape* tape = nullptr;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i].value * b[i].value;
    if (!tape) tape = a[i].tape ? a[i].tape : b[i].tape;
  }
  if (!tape) return sum;
  for (std::size_t i = 0; i < a.size(); ++i) {
    tape->edge(a[i], b[i].value);
    tape->edge(b[i], a[i].value);
  }
  return tape->close(sum);
}

}  // namespace reference

// The ConcatSquash field and its divergence, written for reading: plain numbers, tape variables or forward tangents.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "reference_tape.hpp"

namespace reference {

// A number and its derivative along one direction.
template <class T>
struct Dual {
  T value;
  T tangent;
};

template <class T>
double primal(const Dual<T>& a) {
  return primal(a.value);
}
template <class T>
Dual<T> operator+(const Dual<T>& a, const T& b) {
  return {a.value + b, a.tangent};
}
template <class T>
Dual<T> operator*(const Dual<T>& a, const T& b) {
  return {a.value * b, a.tangent * b};
}
template <class T>
Dual<T> operator*(const Dual<T>& a, const Dual<T>& b) {
  return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
}
template <class T>
Dual<T> tanh(const Dual<T>& a) {
  using std::tanh;
  const T h = tanh(a.value);
  return {h, (T(1) - h * h) * a.tangent};
}
template <class T>
Dual<T> sigmoid(const Dual<T>& a) {
  const T s = sigmoid(a.value);
  return {s, s * (T(1) - s) * a.tangent};
}
template <class T>
Dual<T> softplus(const Dual<T>& a) {
  return {softplus(a.value), sigmoid(a.value) * a.tangent};
}
template <class T>
Dual<T> expm1(const Dual<T>& a) {
  using std::exp;
  using std::expm1;
  return {expm1(a.value), exp(a.value) * a.tangent};
}

template <class T>
Dual<T> dot(std::span<const T> weights, std::span<const Dual<T>> h) {
  std::vector<T> values, tangents;
  for (const Dual<T>& entry : h) {
    values.push_back(entry.value);
    tangents.push_back(entry.tangent);
  }
  return {dot(weights, std::span<const T>(values)), dot(weights, std::span<const T>(tangents))};
}

// relu has derivative 0 at 0.
template <class X>
X nonlinearity(const std::string& name, const X& a) {
  using std::expm1;
  using std::tanh;
  if (name == "tanh") return tanh(a);
  if (name == "softplus") return softplus(a);
  if (name == "elu") return primal(a) > 0 ? a : expm1(a);
  if (name == "swish") return a * sigmoid(a);
  if (name == "sigmoid") return sigmoid(a);
  if (name == "relu") return primal(a) > 0 ? a : X{};
  if (name == "square") return a * a;
  if (name == "identity") return a;
  throw std::invalid_argument("the reference has no nonlinearity " + name);
}

struct Model {
  int dim = 2;
  int width = 3;
  int depth = 1;  // hidden layers
  std::string nonlinearity = "tanh";
  bool trainable_base = false;
};

// The tensors of a model in the order of theta: names of the model file and numbers of entries.
inline std::vector<std::pair<std::string, std::size_t>> tensors(const Model& model) {
  std::vector<std::pair<std::string, std::size_t>> list;
  for (int l = 0; l <= model.depth; ++l) {
    const std::size_t in = l == 0 ? model.dim : model.width;
    const std::size_t out = l == model.depth ? model.dim : model.width;
    const std::string layer = "flows.0.layers." + std::to_string(l);
    list.emplace_back(layer + ".linear.weight", out * in);
    for (const char* name : {".linear.bias", ".gate.weight", ".gate.bias", ".shift.weight"}) {
      list.emplace_back(layer + name, out);
    }
  }
  if (model.trainable_base) {
    list.emplace_back("base.mean", model.dim);
    list.emplace_back("base.raw_variance", model.dim);
  }
  return list;
}

inline std::size_t parameter_count(const Model& model) {
  std::size_t count = 0;
  for (const auto& tensor : tensors(model)) count += tensor.second;
  return count;
}

// F(x, t; theta). X is T, or Dual<T> for a derivative along a direction.
template <class T, class X>
std::vector<X> field(const Model& model, std::span<const T> theta, double t, std::vector<X> h) {
  const T* parameter = theta.data();
  const auto take = [&parameter](std::size_t count) {
    const std::span<const T> tensor(parameter, count);
    parameter += count;
    return tensor;
  };
  for (int l = 0; l <= model.depth; ++l) {
    const std::size_t in = h.size();
    const std::size_t out = l == model.depth ? model.dim : model.width;
    const std::span<const T> weight = take(out * in), bias = take(out), gate_weight = take(out), gate_bias = take(out),
                             shift_weight = take(out);
    std::vector<X> a;
    for (std::size_t o = 0; o < out; ++o) {
      const X z = dot(weight.subspan(o * in, in), std::span<const X>(h)) + bias[o];
      const T gate = sigmoid(gate_weight[o] * T(t) + gate_bias[o]);
      a.push_back(z * gate + shift_weight[o] * T(t));
      if (l < model.depth) a.back() = nonlinearity(model.nonlinearity, a.back());
    }
    h = std::move(a);
  }
  return h;
}

// The directions along which a divergence is taken, and the factor on their sum.
struct Directions {
  std::vector<std::vector<double>> vectors;
  double factor = 1;
};

inline Directions unit_vectors(int dim) {
  Directions all;
  for (int i = 0; i < dim; ++i) {
    all.vectors.emplace_back(dim, 0.0);
    all.vectors.back()[i] = 1;
  }
  return all;
}

// J direction, with F beside it.
template <class T>
std::vector<Dual<T>> tangent(const Model& model, std::span<const T> theta, double t, const std::vector<T>& x,
                             const std::vector<double>& direction) {
  std::vector<Dual<T>> seeded;
  for (std::size_t i = 0; i < x.size(); ++i) seeded.push_back({x[i], T(direction[i])});
  return field<T, Dual<T>>(model, theta, t, std::move(seeded));
}

// (F, div F), D + 1 numbers: div F = factor * sum over directions of direction . (J direction).
template <class T>
std::vector<T> field_and_divergence(const Model& model, std::span<const T> theta, double t, const std::vector<T>& x,
                                    const Directions& directions) {
  std::vector<T> result;
  T divergence(0);
  for (const std::vector<double>& direction : directions.vectors) {
    const std::vector<Dual<T>> along = tangent(model, theta, t, x, direction);
    if (result.empty()) {
      for (const Dual<T>& entry : along) result.push_back(entry.value);
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (direction[i] != 0) divergence = divergence + T(direction[i] * directions.factor) * along[i].tangent;
    }
  }
  result.push_back(divergence);
  return result;
}

}  // namespace reference

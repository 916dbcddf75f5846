// Reading golden cases: float64 and int64 arrays in .npy and .safetensors files.
#include "golden_case.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace golden {
namespace {

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Number>
std::vector<double> numbers(const std::string& bytes, std::size_t begin, std::size_t end) {
  std::vector<Number> raw((end - begin) / sizeof(Number));
  std::memcpy(raw.data(), bytes.data() + begin, end - begin);
  return {raw.begin(), raw.end()};
}

Array read_npy(const std::string& path) {
  const std::string bytes = read_bytes(path);
  std::uint16_t header_size = 0;
  std::memcpy(&header_size, bytes.data() + 8, 2);
  const std::string header = bytes.substr(10, header_size);
  if (header.find("'<f8'") == std::string::npos || header.find("'fortran_order': False") == std::string::npos) {
    throw std::runtime_error(path + " is not float64 in C order");
  }
  Array array;
  const std::string shape = header.substr(header.find('('));
  const std::regex number("[0-9]+");
  for (std::sregex_iterator it(shape.begin(), shape.end(), number), end; it != end; ++it) {
    array.shape.push_back(std::stoul(it->str()));
  }
  array.values = numbers<double>(bytes, 10 + header_size, bytes.size());
  return array;
}

std::map<std::string, Array> read_safetensors(const std::string& path, nlohmann::json* metadata = nullptr) {
  const std::string bytes = read_bytes(path);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), 8);
  const nlohmann::json header = nlohmann::json::parse(bytes.substr(8, header_size));
  std::map<std::string, Array> arrays;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (metadata) *metadata = nlohmann::json::parse(entry.at("cnf_gpu").get<std::string>());
      continue;
    }
    const std::size_t begin = 8 + header_size + entry.at("data_offsets")[0].get<std::size_t>();
    const std::size_t end = 8 + header_size + entry.at("data_offsets")[1].get<std::size_t>();
    const bool real = entry.at("dtype") == "F64";
    if (!real && entry.at("dtype") != "I64") throw std::runtime_error(path + ": " + name + " has another type");
    arrays[name] = {entry.at("shape").get<std::vector<std::size_t>>(),
                    real ? numbers<double>(bytes, begin, end) : numbers<std::int64_t>(bytes, begin, end)};
  }
  return arrays;
}

std::vector<std::string> names(bool training) {
  std::vector<std::string> result;
  if (!std::filesystem::is_directory(directory())) return result;
  for (const auto& entry : std::filesystem::directory_iterator(directory())) {
    const std::string name = entry.path().filename();
    if (entry.is_directory() && name.starts_with("training-") == training) result.push_back(name);
  }
  std::sort(result.begin(), result.end());
  return result;
}

}  // namespace

std::string directory() {
  if (const char* path = std::getenv("CNF_GPU_GOLDEN")) return path;
  return CNF_TEST_DATA "/golden";
}

std::vector<std::string> training_names() {
  return names(true);
}
std::vector<std::string> solve_names() {
  return names(false);
}

Case load(const std::string& name) {
  const std::string folder = directory() + "/" + name;
  const nlohmann::json description = nlohmann::json::parse(read_bytes(folder + "/case.json"));
  Case result;
  result.name = name;
  result.options = description.value("options", nlohmann::json::object());
  result.training = description.value("train", nlohmann::json());
  result.data = read_npy(folder + "/data.npy");
  if (result.options.contains("probe-file")) {
    result.probes = read_npy(folder + "/" + result.options.at("probe-file").get<std::string>()).values;
  }
  result.model = read_safetensors(folder + "/model.safetensors", &result.metadata);
  result.expected = read_safetensors(folder + "/expected.safetensors");
  return result;
}

std::vector<double> flatten(const reference::Model& model, const std::map<std::string, Array>& from) {
  std::vector<double> theta;
  for (const auto& [name, count] : reference::tensors(model)) {
    const std::vector<double>& values = from.at(name).values;
    if (values.size() != count) throw std::runtime_error(name + " has another size than the reference's");
    theta.insert(theta.end(), values.begin(), values.end());
  }
  return theta;
}

std::vector<double> gradient(const Case& golden) {
  const reference::Problem stated = problem(golden);
  std::vector<double> result = flatten(stated.model, golden.expected);
  const bool affine = stated.model.depth == 0 || stated.model.nonlinearity == "identity";
  if (!affine || !stated.probes.empty()) return result;
  reference::Tape tape;
  const std::vector<reference::Var> theta = tape.leaves(stated.theta);
  const reference::Directions along = reference::unit_vectors(stated.model.dim);
  const auto rate = reference::density_rate<reference::Var>(stated.model, theta, along);
  const reference::Plan plan = reference::equal_steps(stated.solve, stated.solve.t1, stated.solve.t0);
  const std::vector<reference::Var> end = reference::replay(reference::tableau(stated.solve.solver), rate, plan,
                                                            std::vector<reference::Var>(stated.model.dim + 1));
  const std::vector<double> of_delta_logp = tape.gradient(end.back(), theta.size());
  const double surplus = static_cast<double>(golden.rows()) - 1;
  for (std::size_t p = 0; p < result.size(); ++p) result[p] += surplus * of_delta_logp[p];
  return result;
}

reference::Problem problem(const Case& golden) {
  const nlohmann::json& flow = golden.metadata;
  const nlohmann::json& options = golden.options;
  reference::Problem result;
  result.model = {flow.at("dim"), flow.at("width"), flow.at("depth"), flow.at("nonlinearity"),
                  flow.at("base") == "trainable-normal"};
  result.theta = flatten(result.model, golden.model);
  result.solve.solver = options.value("solver", flow.at("solver"));
  result.solve.t0 = flow.at("t0");
  result.solve.t1 = flow.at("t1");
  result.solve.dt0 = options.value("dt0", flow.at("dt0").get<double>());
  if (golden.adaptive()) result.solve.tolerances = {options.at("rtol"), options.at("atol")};
  result.solve.pcoeff = options.value("pcoeff", 0.0);
  result.solve.icoeff = options.value("icoeff", 1.0);
  result.solve.dcoeff = options.value("dcoeff", 0.0);
  result.probes = golden.probes;
  result.backsolve = options.value("adjoint", "checkpoint") == "backsolve";
  if (options.contains("adjoint-rtol")) {
    result.adjoint_tolerances = {options.at("adjoint-rtol"), options.at("adjoint-atol")};
  }
  return result;
}

}  // namespace golden

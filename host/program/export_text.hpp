// A model as a Python program of another framework.
#pragma once

#include <string>

#include "choices.hpp"
#include "cnf_gpu/flow.hpp"

namespace cnf {

// `path` of the model file stands in the text; the tensors stay there. Fixed steps are the model's own; a model of
// adaptive steps gets equal ones in a number that its comment explains.
std::string export_text(const Model& model, Framework framework, const std::string& path);

}  // namespace cnf

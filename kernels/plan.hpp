// From a user's choices to the plan that programs run by.
#pragma once

#include "cnf_gpu/engine.hpp"
#include "core/plan.hpp"

namespace cnf {

// The deepest field whose exact trace a back end contracts; deeper ones take a tangent for each dimension.
enum class Contraction { one_hidden_layer, two_hidden_layers };

// Throws UsageError on choices that no program can run.
Plan make_plan(const EngineConfig& config, Contraction contraction = Contraction::one_hidden_layer);

// The estimator of an evaluation: exact forms are chosen by their cost for the shape.
Estimator choose_estimator(const EngineConfig& config, Contraction contraction);

}  // namespace cnf

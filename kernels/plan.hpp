// From a user's choices to the plan that programs run by.
#pragma once

#include "cnf_gpu/engine.hpp"
#include "core/plan.hpp"

namespace cnf {

// Throws UsageError on choices that no program can run.
Plan make_plan(const EngineConfig& config);

// The estimator of an evaluation: exact forms are chosen by their cost for the shape.
Estimator choose_estimator(const EngineConfig& config);

}  // namespace cnf

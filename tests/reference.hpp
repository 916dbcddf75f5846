// The independent reference: naive, in double precision, and including nothing of the program it judges.
#pragma once

#include "reference_field.hpp"
#include "reference_flow.hpp"
#include "reference_optimiser.hpp"
#include "reference_solve.hpp"
#include "reference_tableau.hpp"
#include "reference_tape.hpp"

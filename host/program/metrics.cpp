// The keys of a line of metrics.jsonl.
#include "metrics.hpp"

namespace cnf {

nlohmann::ordered_json metrics_line(const TrainingReport& report, Adjoint adjoint) {
  nlohmann::ordered_json line = {{"epoch", report.epoch.epoch}, {"nll", report.epoch.nll}};
  if (report.validation_nll) line["validation_nll"] = *report.validation_nll;
  if (report.errors) {
    line["mu_loss"] = report.errors->mean;
    line["std_loss"] = report.errors->covariance;
  }
  line["learning_rate"] = report.epoch.learning_rate;
  line["gradient_norm"] = report.epoch.gradient_norm;
  if (adjoint == Adjoint::backsolve) line["backsolve_drift"] = report.epoch.backsolve_drift;
  if (report.retries > 0) line["divergence_retries"] = report.retries;
  line["seconds"] = report.seconds;
  line["evaluations"] = report.epoch.evaluations;
  line["time"] = time_json(report.time);
  return line;
}

}  // namespace cnf

// Options of a training run: epochs, batches, optimiser, schedule, when to report, save and stop.
#include "option_value.hpp"
#include "options.hpp"

namespace cnf {

using namespace command;

std::vector<Option> training_options() {
  constexpr auto optimiser = &Choices::optimiser;
  std::vector<Option> rows = under(
      "Training", train,
      recorded({
          {"epochs", value_of("E", &Choices::epochs), "passes over the rows"},
          {"batch-size", value_of("B", &Choices::batch_size), "rows of a mini-batch; 0: all"},
          {"accumulate", value_of("N", &Choices::accumulate), "mini-batches an update"},
          {"learning-rate", value_of("L", &Choices::schedule, &ScheduleConfig::learning_rate), "its peak"},
          {"schedule", value_of("", &Choices::schedule, &ScheduleConfig::schedule), "of the learning rate"},
          {"warmup", value_of("U", &Choices::schedule, &ScheduleConfig::warmup),
           "first updates, with a rate that rises in a line (constant, cosine)"},
          {"weight-decay", value_of("W", optimiser, &OptimiserConfig::weight_decay), "AdamW's"},
          {"decay", value_of("", optimiser, &OptimiserConfig::decay), "what decays: every parameter or linear weights"},
          {"b1", value_of("B", optimiser, &OptimiserConfig::b1), "AdamW's decay of the first moment"},
          {"b2", value_of("B", optimiser, &OptimiserConfig::b2), "AdamW's decay of the second moment"},
          {"eps", value_of("E", optimiser, &OptimiserConfig::eps), "AdamW's"},
          {"clip-norm", value_of("N", optimiser, &OptimiserConfig::clip_norm), "largest norm of a gradient; 0: any"},
          {"init", value_of("MODEL", &Choices::init), "start from this model's parameters"},
          {"patience", value_of("P", &Choices::patience),
           "stop when the validation has not improved for P epochs; 0: never"},
          {"report-every", value_of("E", &Choices::report_every), "epochs between two reports"},
          {"snapshot-every", value_of("E", &Choices::snapshot_every),
           "epochs between two saves of model and state; 0: at reports, at most one in 30 seconds"},
          {"on-divergence", value_of("", &Choices::on_divergence),
           "when the loss is not finite: stop, or go back to the last snapshot (kept at each report unless "
           "--snapshot-every is given) with half the rate"},
          {"report-html", value_of("on|off", &Choices::report_html), "write report.html at the end"},
      }));
  rows.push_back({"resume", value_of("RUN", &Choices::resume), "go on with an interrupted run, to the same bits", train,
                  0, Kind::option, "Training"});
  return rows;
}

}  // namespace cnf

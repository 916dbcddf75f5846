// An engine whose numbers go wrong once, at a chosen gradient.
#include "faulty_program/faulty_engine.hpp"

#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

namespace cnf::test {
namespace {

using Place = NumberFault::Place;
constexpr std::array place_names = {"none", "rows", "weight", "loss", "gradient"};

class FaultyEngine final : public Engine {
 public:
  FaultyEngine(std::unique_ptr<Engine> engine, const NumberFault& fault) : engine_(std::move(engine)), fault_(fault) {}

  std::string description() const override { return engine_->description(); }
  void set_parameters(std::span<const double> theta) override { engine_->set_parameters(theta); }
  std::vector<double> parameters() const override { return engine_->parameters(); }
  LogDensity log_density(const DensityRequest& request) override { return engine_->log_density(request); }
  Samples sample(const SampleRequest& request) override { return engine_->sample(request); }
  Gradient loss_gradient(const DensityRequest& request) override { return engine_->loss_gradient(request); }
  OptimiserState optimiser_state() const override { return engine_->optimiser_state(); }
  void set_optimiser_state(const OptimiserState& state) override { engine_->set_optimiser_state(state); }
  void keep_state() override { engine_->keep_state(); }
  EngineState kept_state() const override { return engine_->kept_state(); }

  void load_rows(std::span<const double> rows) override {
    rows_.assign(rows.begin(), rows.end());
    shuffled_.reset();
    engine_->load_rows(rows);
  }
  void shuffle(std::uint32_t epoch) override {
    shuffled_ = epoch;
    engine_->shuffle(epoch);
  }

  void gradient(const Batch& batch) override {
    const bool is_due = ++gradients_ == fault_.gradient;
    if (stopped_) return;
    Batch asked = batch;
    if (!batch.accumulate) spoils_gradient_ = false;
    if (is_due && fault_.place == Place::rows) load(spoilt_rows());
    if (is_due && fault_.place == Place::weight) spoil_parameters();
    if (is_due && fault_.place == Place::loss) asked.weight = fault_.value;
    if (is_due && fault_.place == Place::gradient) spoils_gradient_ = true;
    engine_->gradient(asked);
    if (is_due && fault_.place == Place::rows) load(rows_);
  }

  void update(const OptimiserConfig& config, double learning_rate) override {
    if (stopped_) return;
    if (spoils_gradient_) return stop();
    engine_->update(config, learning_rate);
  }

  std::vector<StepFigures> figures() override {
    std::vector<StepFigures> figures = std::exchange(figures_, {});
    if (!std::exchange(stopped_, false)) figures = engine_->figures();
    return figures;
  }

 private:
  std::vector<double> spoilt_rows() const {
    std::vector<double> spoilt = rows_;
    spoilt.front() = fault_.value;
    return spoilt;
  }

  // In the present order.
  void load(const std::vector<double>& rows) {
    engine_->load_rows(rows);
    if (shuffled_) engine_->shuffle(*shuffled_);
  }

  void spoil_parameters() {
    std::vector<double> theta = engine_->parameters();
    theta.back() = fault_.value;
    engine_->set_parameters(theta);
  }

  // As an engine does that finds its gradient not finite.
  void stop() {
    figures_ = engine_->figures();
    const std::vector<double> theta = engine_->parameters();
    const OptimiserState state = engine_->optimiser_state();
    engine_->update({}, 0);
    figures_.push_back(engine_->figures().at(0));
    figures_.back().gradient_norm = fault_.value;
    figures_.back().finite = false;
    engine_->set_parameters(theta);
    engine_->set_optimiser_state(state);
    stopped_ = true;
  }

  std::unique_ptr<Engine> engine_;
  NumberFault fault_;
  std::vector<double> rows_;
  std::optional<std::uint32_t> shuffled_;
  long gradients_ = 0;
  bool spoils_gradient_ = false;  // that of the next update
  bool stopped_ = false;
  std::vector<StepFigures> figures_;  // up to where it stopped
};

}  // namespace

NumberFault number_fault_from(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t equals = text.find('='), at = text.find('@');
  for (std::size_t i = 0; i < place_names.size() && equals < at && at != text.npos; ++i) {
    if (text.substr(0, equals) != place_names[i]) continue;
    return {static_cast<Place>(i), std::stod(text.substr(equals + 1, at - equals - 1)), std::stol(text.substr(at + 1))};
  }
  throw std::invalid_argument("no such fault: " + text);
}

std::unique_ptr<Engine> with_fault(std::unique_ptr<Engine> engine, const NumberFault& fault) {
  if (fault.place == Place::none) return engine;
  return std::make_unique<FaultyEngine>(std::move(engine), fault);
}

}  // namespace cnf::test

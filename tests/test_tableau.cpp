// Every tableau of the program against the order conditions of Runge-Kutta theory and against the reference's own
// table.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/tableau.hpp"
#include "measured.hpp"
#include "reference.hpp"

namespace cnf {
namespace {

using Weights = std::vector<double>;  // one a stage

// A condition sum_i b_i phi_i = 1 / gamma for one rooted tree with `order` nodes.
struct Condition {
  int order;
  double gamma;
  std::function<Weights(const Tableau&)> phi;
};

Weights ones(const Tableau& t) {
  return Weights(static_cast<std::size_t>(t.stages), 1.0);
}

// sum_j a_ij v_j: a tree hung below a new root.
Weights below(const Tableau& t, const Weights& v) {
  Weights sum(v.size(), 0.0);
  for (std::size_t i = 0; i < v.size(); ++i) {
    for (std::size_t j = 0; j < v.size(); ++j) sum[i] += t.a[i][j] * v[j];
  }
  return sum;
}

// Trees that share a root.
Weights joined(Weights u, const Weights& v) {
  for (std::size_t i = 0; i < u.size(); ++i) u[i] *= v[i];
  return u;
}

Weights c(const Tableau& t) {
  return below(t, ones(t));
}
Weights c2(const Tableau& t) {
  return joined(c(t), c(t));
}
Weights c3(const Tableau& t) {
  return joined(c2(t), c(t));
}

// The 17 trees of up to five nodes (Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, table
// II.2.2).
const std::vector<Condition>& conditions() {
  static const std::vector<Condition> all = {
      {1, 1, ones},
      {2, 2, c},
      {3, 3, c2},
      {3, 6, [](const Tableau& t) { return below(t, c(t)); }},
      {4, 4, c3},
      {4, 8, [](const Tableau& t) { return joined(c(t), below(t, c(t))); }},
      {4, 12, [](const Tableau& t) { return below(t, c2(t)); }},
      {4, 24, [](const Tableau& t) { return below(t, below(t, c(t))); }},
      {5, 5, [](const Tableau& t) { return joined(c3(t), c(t)); }},
      {5, 10, [](const Tableau& t) { return joined(c2(t), below(t, c(t))); }},
      {5, 20, [](const Tableau& t) { return joined(below(t, c(t)), below(t, c(t))); }},
      {5, 15, [](const Tableau& t) { return joined(c(t), below(t, c2(t))); }},
      {5, 30, [](const Tableau& t) { return joined(c(t), below(t, below(t, c(t)))); }},
      {5, 20, [](const Tableau& t) { return below(t, c3(t)); }},
      {5, 40, [](const Tableau& t) { return below(t, joined(c(t), below(t, c(t)))); }},
      {5, 60, [](const Tableau& t) { return below(t, below(t, c2(t))); }},
      {5, 120, [](const Tableau& t) { return below(t, below(t, below(t, c(t)))); }},
  };
  return all;
}

// The largest |sum_i b_i phi_i - 1 / gamma| over trees of at most `order` nodes.
double residual(const Tableau& t, const Weights& b, int order) {
  double worst = 0;
  for (const Condition& condition : conditions()) {
    if (condition.order > order) continue;
    const Weights phi = condition.phi(t);
    double sum = -1 / condition.gamma;
    for (std::size_t i = 0; i < b.size(); ++i) sum += b[i] * phi[i];
    worst = std::max(worst, std::fabs(sum));
  }
  return worst;
}

Weights solution(const Tableau& t) {
  return Weights(t.b, t.b + t.stages);
}
Weights embedded(const Tableau& t) {
  Weights weights = solution(t);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] -= t.error[i];
  return weights;
}

// tsit5's coefficients are given to 16 digits, and its row sums of entries near 12 lose one of them.
constexpr double digits = 1e-14;
// The last digit of tsit5's -12.92096931784711 leaves 5e-15 open, which its weight 2.3 makes 1.2e-14 in a condition: in
// the next wider type these digits meet the conditions to 1.05e-14.
constexpr double condition_digits = 2e-14;

class TableauTest : public testing::TestWithParam<std::string_view> {
 protected:
  const Tableau& tableau_ = tableau_of(choice_from<Solver>(GetParam()));
};
INSTANTIATE_TEST_SUITE_P(Solvers, TableauTest, testing::ValuesIn(choice_names<Solver>()),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(TableauTest, MeetsTheOrderConditions) {
  expect_within({"solver " + std::string(GetParam()), "kernels/core/tableau.hpp",
                 "order conditions through order " + std::to_string(tableau_.order) + " (absolute)"},
                residual(tableau_, solution(tableau_), tableau_.order), condition_digits);
  if (tableau_.order < 5) {
    EXPECT_GT(residual(tableau_, solution(tableau_), tableau_.order + 1), 1e-3);
  }
}

TEST_P(TableauTest, EmbeddedMethodIsOneOrderLower) {
  if (!tableau_.estimates_error) {
    for (int i = 0; i < tableau_.stages; ++i) EXPECT_EQ(tableau_.error[i], 0);
    return;
  }
  EXPECT_LE(residual(tableau_, embedded(tableau_), tableau_.order - 1), digits);
  EXPECT_GT(residual(tableau_, embedded(tableau_), tableau_.order), 1e-5);
}

TEST_P(TableauTest, RowsSumToTheStageTimes) {
  const Weights sums = c(tableau_);
  for (int i = 0; i < tableau_.stages; ++i) EXPECT_NEAR(sums[i], tableau_.c[i], digits) << "stage " << i;
}

TEST_P(TableauTest, LastStageStandsAtTheSolutionWhereItIsTheNextFirst) {
  const int last = tableau_.stages - 1;
  if (!tableau_.first_same_as_last) return;
  EXPECT_EQ(tableau_.c[last], 1);
  EXPECT_EQ(tableau_.b[last], 0);
  EXPECT_EQ(Weights(tableau_.a[last], tableau_.a[last] + last), Weights(tableau_.b, tableau_.b + last));
}

TEST_P(TableauTest, AgreesWithTheReference) {
  const reference::Tableau expected = reference::tableau(std::string(GetParam()));
  ASSERT_EQ(tableau_.stages, static_cast<int>(expected.stages()));
  EXPECT_EQ(tableau_.order, expected.order);
  EXPECT_EQ(tableau_.estimates_error, !expected.error.empty());
  EXPECT_EQ(solution(tableau_), expected.b);
  EXPECT_EQ(Weights(tableau_.c, tableau_.c + tableau_.stages), expected.c);
  for (std::size_t i = 0; i < expected.stages(); ++i) {
    const Weights row(tableau_.a[i], tableau_.a[i] + expected.a[i].size());
    EXPECT_EQ(row, expected.a[i]) << "stage " << i;
  }
  // The sign of an error estimate means nothing.
  for (std::size_t i = 0; i < expected.error.size(); ++i) {
    EXPECT_NEAR(std::fabs(tableau_.error[i]), std::fabs(expected.error[i]), 1e-16) << "stage " << i;
  }
}

}  // namespace
}  // namespace cnf

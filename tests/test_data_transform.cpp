// Units of the data and of the flow: what a fit gives, the way there and back, and the columns that cannot be scaled.
#include <array>
#include <cmath>
#include <numbers>

#include "cnf_gpu/table.hpp"
#include "data_transform.hpp"
#include "files.hpp"
#include "measured.hpp"
#include "moments.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Values = std::vector<double>;

constexpr double rounding = 1e-12;  // of a few hundred float64 operations, relative to the largest entry
const std::vector<std::string> names = {"mass", "length", "twice"};

// Rows whose third column is made from the first two.
Values dependent_rows() {
  Values rows;
  for (int n = 0; n < 9; ++n) {
    const double mass = std::sin(3.0 * n), length = 100 + std::cos(5.0 * n);
    rows.insert(rows.end(), {mass, length, 2 * length - mass});
  }
  return rows;
}

TEST(DataTransform, StandardisingGivesMeansAndDeviationsOverN) {
  const DataTransform transform = standardising_transform(Values{1, 10, 3, 30, 8, 20}, 2, {});

  EXPECT_THAT(transform.mean, ElementsAre(4, 20));
  EXPECT_THAT(transform.scale, ElementsAre(DoubleEq(std::sqrt(26.0 / 3)), DoubleEq(std::sqrt(200.0 / 3))));
  EXPECT_FALSE(transform.is_matrix());
}

TEST(DataTransform, WhitenedRowsHaveMeanNothingAndCovarianceOne) {
  Values rows = generate("gaussian", 37, 1).values;

  const DataTransform transform = whitening_transform(rows, 4, {});
  to_flow_units(transform, rows);

  const Moments moments = moments_of(rows, 4, 0);
  Values identity(16);
  for (std::size_t i = 0; i < 4; ++i) identity[5 * i] = 1;
  EXPECT_LT(relative_error(moments.covariance, identity), rounding);
  for (const double mean : moments.mean) EXPECT_NEAR(mean, 0, rounding);
}

TEST(DataTransform, ThereAndBackIsWhereItBegan) {
  const Values rows = generate("gaussian", 37, 2).values;
  for (const DataTransform& transform : {standardising_transform(rows, 4, {}), whitening_transform(rows, 4, {})}) {
    Values moved = rows;
    to_flow_units(transform, moved);
    EXPECT_NE(moved, rows);
    to_data_units(transform, moved);
    EXPECT_LT(relative_error(moved, rows), rounding);
  }
}

// -log p of one row under N(mean, (D, D) covariance), D = 2, written out.
double gaussian_surprise(const double* x, const Moments& m) {
  const double determinant = m.covariance[0] * m.covariance[3] - m.covariance[1] * m.covariance[2];
  const double a = x[0] - m.mean[0], b = x[1] - m.mean[1];
  const double square = (m.covariance[3] * a * a - 2 * m.covariance[1] * a * b + m.covariance[0] * b * b) / determinant;
  return 0.5 * square + std::log(2 * std::numbers::pi) + 0.5 * std::log(determinant);
}

TEST(DataTransform, JacobianTurnsADensityIntoTheDatasUnits) {
  const Values rows = generate("moons", 37, 3).values;
  const Moments moments = moments_of(rows, 2, 0);
  const DataTransform transform = whitening_transform(rows, 2, {});
  std::array<double, 2> u = {rows[0], rows[1]};

  to_flow_units(transform, u);

  const double surprise = std::log(2 * std::numbers::pi) + 0.5 * (u[0] * u[0] + u[1] * u[1]) - log_jacobian(transform);
  EXPECT_NEAR(surprise, gaussian_surprise(rows.data(), moments), rounding);
}

TEST(DataTransform, AColumnThatDoesNotVaryIsNamed) {
  // 0.1 added up nine times and divided by nine is not 0.1.
  Values rows;
  for (int n = 0; n < 9; ++n) rows.insert(rows.end(), {std::sin(n), 0.1, 1e6});

  const std::string standardising = error_of([&] { standardising_transform(rows, 3, names); });
  const std::string whitening = error_of([&] { whitening_transform(rows, 3, {}); });

  EXPECT_THAT(standardising,
              AllOf(HasSubstr("--standardize: columns 2 ('length'), 3 ('twice')"), Not(HasSubstr("mass"))));
  EXPECT_THAT(whitening, HasSubstr("--whiten: columns 2, 3"));
  EXPECT_THAT(error_of([] { standardising_transform(Values{4}, 1, {}); }), HasSubstr("column 1"));
}

TEST(DataTransform, AColumnThatOthersDetermineIsNamedWithThem) {
  const std::string message = error_of([] { whitening_transform(dependent_rows(), 3, names); });

  EXPECT_THAT(message, HasSubstr("column 3 ('twice') of the data is a linear combination of columns 1 ('mass'), 2"));
}

TEST(DataTransform, OnlyThePartsOfACombinationAreNamed) {
  Values rows;
  for (int n = 0; n < 9; ++n) rows.insert(rows.end(), {std::sin(3.0 * n), std::cos(5.0 * n), -4 * std::cos(5.0 * n)});

  const std::string message = error_of([&] { whitening_transform(rows, 3, names); });

  EXPECT_THAT(message, AllOf(HasSubstr("linear combination of column 2 ('length')"), Not(HasSubstr("mass"))));
}

TEST(DataTransform, WhiteningWantsMoreRowsThanColumns) {
  EXPECT_THAT(error_of([] { whitening_transform(Values{1, 2, 3, 4}, 2, {}); }), HasSubstr("more than 2 rows"));
  EXPECT_THAT(error_of([] { whitening_transform({}, 2, {}); }), HasSubstr("the data has 0"));
  EXPECT_THAT(error_of([] { standardising_transform({}, 2, {}); }), HasSubstr("no rows"));
}

TEST(DataTransform, NumbersTooLargeToSquareAreRefused) {
  EXPECT_THAT(error_of([] { standardising_transform(Values{1e200, -1e200}, 1, {}); }), HasSubstr("not finite"));
}

TEST(DataTransform, AnImpossibleTransformIsRefused) {
  const auto refusal = [](Values mean, Values scale) {
    return error_of([&] { check_transform({std::move(mean), std::move(scale)}, 2); });
  };

  EXPECT_EQ(refusal({0, 0}, {1, 2}), "");
  EXPECT_EQ(refusal({0, 0}, {1, 0, 5, 2}), "");
  EXPECT_THAT(refusal({0}, {1}), HasSubstr("1 means"));
  EXPECT_THAT(refusal({0, 0}, {1, 2, 3}), HasSubstr("3 scales"));
  EXPECT_THAT(refusal({0, std::nan("")}, {1, 2}), HasSubstr("not finite"));
  EXPECT_THAT(refusal({0, 0}, {1, 0}), HasSubstr("scale of column 2 is 0"));
  EXPECT_THAT(refusal({0, 0}, {1, 3, 0, 2}), HasSubstr("row 1, column 2 is 3"));
}

TEST(Moments, AreThoseOfNumpy) {
  const Moments moments = moments_of(Values{1, 10, 3, 30, 8, 20}, 2, 1);  // numpy.cov(rows.T)

  EXPECT_THAT(moments.mean, ElementsAre(4, 20));
  EXPECT_THAT(moments.covariance, ElementsAre(13, 10, 10, 100));
  EXPECT_THAT(error_of([] { moments_of(Values{1, 2}, 2, 1); }), HasSubstr("more than 1"));
}

TEST(Moments, FarFromTheOriginNoDigitsAreLost) {
  EXPECT_THAT(moments_of(Values{1e9 + 1, 1e9 + 2, 1e9 + 6}, 1, 1).covariance, ElementsAre(7));
}

TEST(Moments, ErrorsAreRelativeNorms) {
  Truth truth;
  truth.mean = {3, 4};
  truth.covariance = {2, 0, 0, 0};

  const MomentErrors errors = moment_errors({{3, 5}, {2, 1, 1, 0}}, truth);

  EXPECT_DOUBLE_EQ(errors.mean, 0.2);
  EXPECT_DOUBLE_EQ(errors.covariance, std::sqrt(0.5));
}

TEST(Moments, FittedGaussianIsTheMeanSurpriseOfItsRows) {
  const Values rows = generate("pinwheel", 37, 3).values;
  const Moments moments = moments_of(rows, 2, 0);

  double mean = 0;
  for (std::size_t n = 0; n < 37; ++n) mean += gaussian_surprise(&rows[2 * n], moments) / 37;

  EXPECT_NEAR(fitted_gaussian_nll(rows, 2).value(), mean, rounding);
  EXPECT_FALSE(fitted_gaussian_nll(dependent_rows(), 3));
}

}  // namespace
}  // namespace cnf::test

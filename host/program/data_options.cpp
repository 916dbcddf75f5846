// Options of tables: which rows and columns, how they are split and transformed.
#include "option_value.hpp"
#include "options.hpp"

namespace cnf {

using namespace command;

std::vector<Option> data_options() {
  return under(
      "Data", train,
      recorded({
          {"array", value_of("NAME", &Choices::array), "which array of an .npz", train | density},
          {"columns", value_of("A,B,...", &Choices::columns),
           "columns of a .csv or .tsv by the names of its header row (default: the model's own, or all)",
           train | density},
          {"drop-missing", value_of("", &Choices::drop_missing),
           "leave out rows with an empty field or a NaN instead of refusing them", train | density},
          {"count", value_of("N", &Choices::count), "rows of a built-in data set (default 1000)", train | generate,
           'n'},
          {"count", value_of("N", &Choices::count), "number of samples", sample, 'n'},
          {"count", value_of("N", &Choices::count), "rows of a batch for --explain (default 1000)", info, 'n'},
          {"from", value_of("FILE", &Choices::from), "push these base points through in place of drawn ones", sample},
          {"fresh", value_of("", &Choices::fresh), "new points of a built-in data set each epoch"},
          {"standardize", value_of("", &Choices::standardize),
           "model each column less its mean, over its scale; both are stored with the model"},
          {"whiten", value_of("", &Choices::whiten),
           "model the rows less their mean, through the inverse Cholesky factor of their covariance"},
          {"validation", value_of("FILE", &Choices::validation),
           "rows that are not trained on; they choose the best model"},
          {"validation-fraction", value_of("F", &Choices::validation_fraction),
           "take this share of DATA's rows for validation, drawn by --seed"},
          {"validation-divergence", value_of("", &Choices::validation_divergence),
           "how the divergence is computed in validation"},
      }));
}

}  // namespace cnf

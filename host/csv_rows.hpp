// CSV and TSV as rows of numbers: header, choice of columns, missing values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "byte_source.hpp"
#include "row_reader.hpp"

namespace cnf {

// delimiter 0: a comma, tab or semicolon, whichever the first line shows. `name` is for messages, which count rows as
// the file's lines and columns from 1. The first record is a header if none of its fields is a number, or if it holds
// all of the wanted columns' names; without a header columns are chosen by their numbers. `preferred`: see open_rows.
std::unique_ptr<RowReader> csv_rows(std::unique_ptr<ByteSource> source, const std::string& name,
                                    const ReadOptions& options, const std::vector<std::string>& preferred,
                                    char delimiter);

}  // namespace cnf

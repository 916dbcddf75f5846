// CSV and TSV as tables of numbers: header, choice of columns, missing values; and writing them.
#pragma once

#include <string>

#include "byte_source.hpp"
#include "cnf_gpu/table.hpp"

namespace cnf {

// delimiter 0: a comma, tab or semicolon, whichever the first line shows. `name` is for messages, which count rows as
// the file's lines and columns from 1. The first record is a header if none of its fields is a number, or if it holds
// all of the wanted columns' names; without a header columns are chosen by their numbers.
Table read_csv(ByteSource& source, const std::string& name, const ReadOptions& options, char delimiter);

// One row of text with its line end.
void append_row(std::string& out, const Table& table, std::size_t row, NumberType type);
// A header row if the table has names. Whole or not at all.
void write_csv(const std::string& path, const Table& table, NumberType type);

}  // namespace cnf

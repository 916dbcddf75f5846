// What the ending of a path says about a table's file.
#pragma once

#include <string>

namespace cnf {

enum class TableFormat { npy, npz, csv, tsv };

struct FileEnding {
  TableFormat format;
  bool gzip = false;
};

// Upper or lower case. Throws UsageError that lists the endings; so does writable_ending for what write_table cannot
// write, which lets a program refuse a wrong -o before hours of work.
FileEnding readable_ending(const std::string& path);
FileEnding writable_ending(const std::string& path);

}  // namespace cnf

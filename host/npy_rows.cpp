// Arrays in .npy and .npz files as rows of numbers: from the file as they come, or from memory.
#include "npy_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "file_ending.hpp"
#include "npy.hpp"
#include "npy_elements.hpp"

namespace cnf {
namespace {

// Rows of an array whose elements come from elsewhere; missing ones are left out or refused.
class ArrayRows : public RowReader {
 public:
  ArrayRows(const std::string& path, std::vector<std::size_t> shape, bool drop_missing)
      : path_(path), shape_(std::move(shape)), missing_(path, drop_missing) {
    if (shape_.empty() || shape_.size() > 2)
      throw Error(fmt::format("{} has the shape {}; a table has (N, D) or (N,)", path_, shape_text(shape_)));
    columns_ = shape_.size() == 2 ? shape_[1] : 1;
    if (columns_ == 0) throw Error(fmt::format("{} holds no rows: its shape is {}", path_, shape_text(shape_)));
  }

  std::size_t read(std::size_t most, std::vector<double>& values) final {
    values.clear();
    while (values.empty() && done_ < shape_[0]) {
      const std::size_t count = std::min(most, shape_[0] - done_);
      fetch(count, values);
      check(values);
      done_ += count;
    }
    if (values.empty()) missing_.finish(kept_);
    return values.size() / columns_;
  }
  double share_read() const override { return static_cast<double>(done_) / static_cast<double>(shape_[0]); }

 private:
  // The next `count` rows.
  virtual void fetch(std::size_t count, std::vector<double>& values) = 0;

  // Rows without a missing value move up.
  void check(std::vector<double>& values) {
    auto kept = values.begin();
    const auto columns = static_cast<std::ptrdiff_t>(columns_);
    for (auto row = values.begin(); row != values.end(); row += columns) {
      const bool whole = is_whole(row - values.begin(), &*row);
      if (whole && !missing_.hold_back()) kept = std::copy_n(row, columns, kept);
    }
    values.erase(kept, values.end());
    kept_ += values.size() / columns_;
  }

  bool is_whole(std::ptrdiff_t offset, const double* row) {
    for (std::size_t i = 0; i < columns_; ++i) {
      if (std::isfinite(row[i])) continue;
      const std::size_t element = done_ * columns_ + static_cast<std::size_t>(offset) + i;
      const std::string place = fmt::format("{}, {}", path_, element_place({shape_, {}}, element));
      if (std::isinf(row[i])) throw Error(fmt::format("{}: the value is {}; it must be finite", place, row[i]));
      missing_.note(place);
      return false;
    }
    return true;
  }

  std::string path_;
  std::vector<std::size_t> shape_;
  MissingRows missing_;
  std::size_t done_ = 0;
  std::size_t kept_ = 0;
};

class ArrayInMemory : public ArrayRows {
 public:
  ArrayInMemory(const std::string& path, NdArray array, bool drop_missing)
      : ArrayRows(path, array.shape, drop_missing), values_(std::move(array.values)), left_(values_.begin()) {}

 private:
  void fetch(std::size_t count, std::vector<double>& values) override {
    const auto end = left_ + static_cast<std::ptrdiff_t>(count * columns());
    values.assign(left_, end);
    left_ = end;
  }

  std::vector<double> values_;
  std::vector<double>::const_iterator left_;
};

class ArrayInFile : public ArrayRows {
 public:
  // `start`: the first bytes of the file, header and all.
  ArrayInFile(const std::string& path, NpyHeader header, std::string start, std::unique_ptr<ByteSource> rest,
              bool drop_missing)
      : ArrayRows(path, header.shape, drop_missing),
        path_(path),
        header_(std::move(header)),
        start_(std::move(start)),
        used_(header_.data_offset),
        rest_(std::move(rest)) {}

 private:
  void fetch(std::size_t count, std::vector<double>& values) override {
    bytes_.resize(count * columns() * header_.element_size);
    fill(bytes_);
    values.resize(count * columns());
    decode_elements(header_, {bytes_.data(), bytes_.size()}, values);
  }

  void fill(std::span<char> out) {
    const std::size_t known = std::min(out.size(), start_.size() - used_);
    std::memcpy(out.data(), start_.data() + used_, known);
    used_ += known;
    for (out = out.subspan(known); !out.empty();) {
      const std::size_t count = rest_->read(out);
      if (count == 0) throw Error(fmt::format("{} became shorter while it was read", path_));
      out = out.subspan(count);
    }
  }

  std::string path_;
  NpyHeader header_;
  std::string start_;
  std::size_t used_;  // of start_
  std::unique_ptr<ByteSource> rest_;
  std::vector<char> bytes_;
};

std::string first_bytes(ByteSource& source) {
  constexpr std::size_t enough_for_a_header = 1 << 20;
  std::string bytes(enough_for_a_header, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const std::size_t count = source.read({bytes.data() + size, bytes.size() - size});
    if (count == 0) break;
    size += count;
  }
  bytes.resize(size);
  return bytes;
}

// Nothing where only the whole file will do.
std::unique_ptr<RowReader> open_in_pieces(const std::string& path, bool drop_missing) {
  auto source = open_file(path);
  const auto size = source->size();
  if (!size) return nullptr;
  std::string start = first_bytes(*source);
  NpyHeader header = parse_npy_header(start, *size, path);
  if (header.fortran_order) return nullptr;
  return std::make_unique<ArrayInFile>(path, std::move(header), std::move(start), std::move(source), drop_missing);
}

}  // namespace

std::unique_ptr<RowReader> array_rows(const std::string& path, const ReadOptions& options) {
  if (!options.columns.empty())
    throw UsageError(
        fmt::format("--columns goes with files that name their columns (.csv, .tsv), not with '{}'", path));
  if (readable_ending(path).format == TableFormat::npy && options.array.empty()) {
    if (auto rows = open_in_pieces(path, options.drop_missing)) return rows;
  }
  return std::make_unique<ArrayInMemory>(path, read_array(path, options.array), options.drop_missing);
}

}  // namespace cnf

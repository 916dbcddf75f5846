// The doors that bytes come in through, with what follows at once from them.
#include "readers.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "byte_source.hpp"
#include "choices.hpp"
#include "cnf_gpu/error.hpp"
#include "csv.hpp"
#include "csv_rows.hpp"
#include "message_text.hpp"
#include "model_metadata.hpp"
#include "npy.hpp"
#include "options.hpp"
#include "row_reader.hpp"
#include "run_state.hpp"
#include "safetensors.hpp"
#include "settings.hpp"
#include "zip.hpp"

namespace cnf::fuzz {
namespace {

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  std::size_t read(std::span<char> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size());
    if (count > 0) std::memcpy(out.data(), bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

// A file without a name on any disk, for readers that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file_ < 0 || write(file_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("cannot make a file in memory");
  }
  ~MemoryFile() { close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

void read_npy(std::string_view bytes) {
  const NdArray array = parse_npy(bytes, "fuzz.npy");
  if (!array.values.empty()) element_place(array, array.values.size() - 1);
  require_finite(array, "fuzz.npy");
}

void read_npz(std::string_view bytes) {
  constexpr std::size_t most_members = 4;
  const auto members = zip_members(bytes, "fuzz.npz");
  for (std::size_t i = 0; i < std::min(most_members, members.size()); ++i)
    parse_npy(zip_extract(bytes, members[i], "fuzz.npz"), in_one_line(members[i].name));
}

// The first byte chooses how the rest is read.
void read_csv_table(std::string_view bytes) {
  const char choice = bytes.empty() ? 0 : bytes[0];
  bytes.remove_prefix(std::min<std::size_t>(1, bytes.size()));
  ReadOptions options;
  options.drop_missing = choice & 1;
  if (choice & 2) options.columns = {"a", "2"};
  const auto rows = csv_rows(std::make_unique<MemorySource>(bytes), "fuzz.csv", options, {}, choice & 4 ? '\t' : '\0');
  const Table table = read_all(*rows);
  std::string text;
  for (std::size_t row = 0; row < std::min<std::size_t>(table.rows, 3); ++row)
    append_row(text, std::span(table.values).subspan(row * table.columns, table.columns), NumberType::float64);
}

void read_gzip(std::string_view bytes) {
  auto source = gunzip(std::make_unique<MemorySource>(bytes), "fuzz.gz");
  read_all(*csv_rows(std::move(source), "fuzz.csv.gz", {}, {}, '\0'));
}

void apply_settings(const Settings& settings) {
  Choices choices;
  apply(settings, command::train, choices);
  train_config(choices);
  recorded_choices(choices).dump();
}

void read_toml(std::string_view bytes) {
  apply_settings(parse_toml(bytes, "fuzz.toml"));
}

void read_json(std::string_view bytes) {
  apply_settings(parse_json(bytes, "fuzz.json"));
}

void read_safetensors_bytes(std::string_view bytes) {
  for (const auto& [name, tensor] : parse_safetensors(bytes, "fuzz.safetensors").tensors) tensor.values();
}

void read_metadata(std::string_view bytes) {
  parse_metadata(std::string(bytes), "fuzz.safetensors");
}

void read_model(std::string_view bytes) {
  load_model(MemoryFile(bytes).path());
}

void read_state(std::string_view bytes) {
  load_state(MemoryFile(bytes).path());
}

}  // namespace

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all = {
      {"csv", read_csv_table}, {"gzip", read_gzip}, {"json", read_json}, {"metadata", read_metadata},
      {"model", read_model},   {"npy", read_npy},   {"npz", read_npz},   {"safetensors", read_safetensors_bytes},
      {"state", read_state},   {"toml", read_toml},
  };
  return all;
}

bool accepts(Reader reader, std::string_view bytes) {
  try {
    reader(bytes);
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    const bool one_line = std::ranges::none_of(message, [](unsigned char c) { return c < ' ' || c == 127; });
    if (message.empty() || !one_line) throw std::logic_error("the message is not one line: " + message);
    return false;
  }
}

}  // namespace cnf::fuzz

// Every seed and every file that once broke a reader: taken or refused in one line, whatever it holds.
#include "files.hpp"
#include "fuzz/readers.hpp"

namespace cnf::test {
namespace {

namespace fs = std::filesystem;
const fs::path folder = fs::path(CNF_TEST_DATA).parent_path() / "fuzz";

class HostileFiles : public ::testing::TestWithParam<std::string> {};

TEST_P(HostileFiles, AreTakenOrRefusedInOneLine) {
  int files = 0, taken = 0;
  for (const char* kind : {"corpus", "regressions"}) {
    if (!fs::exists(folder / kind / GetParam())) continue;
    for (const auto& entry : fs::directory_iterator(folder / kind / GetParam())) {
      SCOPED_TRACE(entry.path().string());
      ++files;
      EXPECT_NO_THROW(taken += fuzz::accepts(fuzz::readers().at(GetParam()), bytes_of(entry.path().string())));
    }
  }
  EXPECT_GE(files, 3);
  EXPECT_GE(taken, 1) << "no seed is a sound file";
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [name, reader] : fuzz::readers()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Readers, HostileFiles, ::testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

// Cut anywhere, a sound file is no sound file, and no reader reads beyond its end.
TEST_P(HostileFiles, ThatAreCutShortAreNeverReadBeyondTheirEnd) {
  for (const auto& entry : fs::directory_iterator(folder / "corpus" / GetParam())) {
    const std::string bytes = bytes_of(entry.path().string());
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 300);
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      const std::string part(bytes.data(), size);  // its own memory: a sanitizer sees its end
      EXPECT_NO_THROW(fuzz::accepts(fuzz::readers().at(GetParam()), part)) << entry.path() << " to " << size;
    }
  }
}

}  // namespace
}  // namespace cnf::test

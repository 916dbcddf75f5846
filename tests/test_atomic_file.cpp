// Files are written whole or not at all, whatever the system does.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "atomic_file.hpp"
#include "files.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A disk that takes `room` bytes, in small portions.
class SmallDisk : public SystemCalls {
 public:
  explicit SmallDisk(std::size_t room) : room_(room) {}
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    constexpr std::size_t portion = 7;
    if (room_ == 0) return errno = ENOSPC, -1;
    const ssize_t written = SystemCalls::write(file, bytes, std::min({count, portion, room_}));
    room_ -= static_cast<std::size_t>(written);
    return written;
  }

 private:
  std::size_t room_;
};

struct FailingSync : SystemCalls {
  int fsync(int) override { return errno = EIO, -1; }
};

struct FailingRename : SystemCalls {
  int rename(const char*, const char*) override { return errno = EXDEV, -1; }
};

struct KilledBeforeRename : SystemCalls {
  int rename(const char*, const char*) override { ::_exit(9); }
};

struct InterruptedWrites : SystemCalls {
  ssize_t write(int file, const void* bytes, std::size_t count) override {
    interrupted = !interrupted;
    if (interrupted) return errno = EINTR, -1;
    return SystemCalls::write(file, bytes, count);
  }
  bool interrupted = false;
};

struct RecordedOpen : SystemCalls {
  int open(const char* path, int flags, mode_t mode) override {
    if (flags & O_CREAT) created_with = flags;
    return SystemCalls::open(path, flags, mode);
  }
  int created_with = 0;
};

std::string failure(SystemCalls& calls, const std::string& path) {
  const SystemCallsOverride replaced(calls);
  return error_of([&] { write_whole_file(path, "twenty bytes of text"); });
}

TEST(AtomicFile, WritesAndReplacesWholeFiles) {
  const TemporaryDirectory directory;
  const std::string path = directory.with("file", "old and longer than the new one");

  write_whole_file(path, "new");
  write_whole_file(directory.file("empty"), "");

  EXPECT_EQ(bytes_of(path), "new");
  EXPECT_EQ(bytes_of(directory.file("empty")), "");
  EXPECT_EQ(directory.entries(), 2);
}

TEST(AtomicFile, AFullDiskLeavesTheOldFileAndNamesTheSpaceNeeded) {
  const TemporaryDirectory directory;
  const std::string path = directory.with("file", "old");
  SmallDisk disk(10);

  const std::string message = failure(disk, path);

  EXPECT_THAT(message, AllOf(HasSubstr(path), HasSubstr("writing"), HasSubstr("needs 20 bytes"), HasSubstr("free")));
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.entries(), 1);
}

TEST(AtomicFile, MoreThanTheDiskHasIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory.with("file", "old");

  const std::string message = error_of([&] { AtomicFile(path, std::uint64_t{1} << 60); });

  EXPECT_THAT(message, AllOf(HasSubstr(path), HasSubstr("needs 1152921504606846976 bytes"), HasSubstr("are free")));
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.entries(), 1);
}

TEST(AtomicFile, ShortAndInterruptedWritesGoOn) {
  const TemporaryDirectory directory;
  SmallDisk disk(1000);
  InterruptedWrites interrupted;

  EXPECT_EQ(failure(disk, directory.file("a")), "");
  EXPECT_EQ(failure(interrupted, directory.file("b")), "");

  EXPECT_EQ(bytes_of(directory.file("a")), "twenty bytes of text");
  EXPECT_EQ(bytes_of(directory.file("b")), "twenty bytes of text");
}

TEST(AtomicFile, AFailedSyncOrRenameLeavesTheOldFile) {
  const TemporaryDirectory directory;
  const std::string path = directory.with("file", "old");
  FailingSync sync;
  FailingRename rename;

  EXPECT_THAT(failure(sync, path), AllOf(HasSubstr(path), HasSubstr("syncing")));
  EXPECT_THAT(failure(rename, path), AllOf(HasSubstr(path), HasSubstr("renaming")));

  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.entries(), 1);
}

TEST(AtomicFile, AKillBeforeTheRenameLeavesTheOldFileAndTheNextWriteWorks) {
  const TemporaryDirectory directory;
  const std::string path = directory.with("file", "old");
  KilledBeforeRename killed;

  const pid_t child = ::fork();
  if (child == 0) failure(killed, path);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  EXPECT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(bytes_of(path), "old");
  EXPECT_EQ(directory.entries(), 2);  // and what the killed process left
  write_whole_file(path, "new");
  EXPECT_EQ(bytes_of(path), "new");
  EXPECT_EQ(directory.entries(), 1);
}

TEST(AtomicFile, ATemporaryThatIsBeingWrittenIsLeftToItsWriter) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("file");
  directory.with(".file.tmp-mine", "of a user");
  AtomicFile slow(path);
  slow.write("slow");

  write_whole_file(path, "quick");
  EXPECT_EQ(bytes_of(path), "quick");
  slow.commit();

  EXPECT_EQ(bytes_of(path), "slow");
  EXPECT_EQ(bytes_of(directory.file(".file.tmp-mine")), "of a user");
  EXPECT_EQ(directory.entries(), 2);
}

TEST(AtomicFile, WithoutCommitNothingIsLeft) {
  const TemporaryDirectory directory;
  {
    AtomicFile file(directory.file("file"));
    file.write("half");
  }
  EXPECT_EQ(directory.entries(), 0);
}

TEST(AtomicFile, TheTemporaryIsNewAndNeverALink) {
  const TemporaryDirectory directory;
  RecordedOpen recorded;

  failure(recorded, directory.file("file"));

  EXPECT_TRUE(recorded.created_with & O_EXCL);
  EXPECT_TRUE(recorded.created_with & O_NOFOLLOW);
}

TEST(AtomicFile, PermissionsAreOrdinaryAndNeverWiderThanBefore) {
  const TemporaryDirectory directory;
  const std::string secret = directory.with("secret", "old");
  ASSERT_EQ(::chmod(secret.c_str(), 0600), 0);
  const mode_t umask_before = ::umask(022);
  const auto mode = [](const std::string& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 0777;
  };

  write_whole_file(directory.file("plain"), "x");
  write_whole_file(secret, "x");
  ::umask(umask_before);

  EXPECT_EQ(mode(directory.file("plain")), 0644);
  EXPECT_EQ(mode(secret), 0600);
}

TEST(AtomicFile, ATargetThatIsALinkStaysOne) {
  const TemporaryDirectory directory;
  const std::string real = directory.with("real", "old");
  std::filesystem::create_symlink("real", directory.file("link"));

  write_whole_file(directory.file("link"), "new");

  EXPECT_TRUE(std::filesystem::is_symlink(directory.file("link")));
  EXPECT_EQ(bytes_of(real), "new");
}

TEST(AtomicFile, ADeviceIsWrittenToAndStaysADevice) {
  write_whole_file("/dev/null", "gone");

  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, ImpossibleTargetsAreNamed) {
  const TemporaryDirectory directory;
  const std::string file = directory.with("file", "x");

  EXPECT_THAT(error_of([&] { write_whole_file(directory.path(), "x"); }), HasSubstr("is a directory"));
  EXPECT_THAT(error_of([&] { write_whole_file(directory.file("no/such"), "x"); }),
              AllOf(HasSubstr("no/such"), HasSubstr("make the directory")));
  EXPECT_THAT(error_of([&] { write_whole_file(file + "/below", "x"); }), HasSubstr("below"));
  EXPECT_THAT(error_of([&] { write_whole_file("", "x"); }), HasSubstr("without a name"));
  EXPECT_THAT(error_of([&] { write_whole_file(directory.file(std::string(300, 'n')), "x"); }), HasSubstr("nnn"));
}

TEST(AtomicFile, ALongNameLeavesRoomForTheTemporary) {
  const TemporaryDirectory directory;
  constexpr std::size_t longest_name = 255;
  const std::string path = directory.file(std::string(longest_name, 'n'));

  write_whole_file(path, "x");

  EXPECT_EQ(bytes_of(path), "x");
}

}  // namespace
}  // namespace cnf::test

"""A system in a process of its own, asked for timed runs."""

import subprocess
import sys

from .case_list import TOLERANCE


class SystemFailed(Exception):
    pass


class SystemProcess:
    def __init__(self, command, folder):
        self.process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        words = self._answer().split()
        self.figures = dict(word.split("=") for word in words[1:])

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            told = self.process.stderr.read().strip().splitlines()
            raise SystemFailed(told[-1] if told else f"ended with {self.process.wait()}")
        return line

    def _ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self._answer().split()]

    def runs(self, count):
        """Seconds of so many runs, one after another."""
        return self._ask(f"run {count}")

    def peak(self):
        return self._ask("peak")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def start_ours(comparison, folder, program, threads):
    tolerance = ["--tolerance", TOLERANCE] if comparison.adaptive else []
    work = "train" if comparison.work == "train" else "solve"
    return SystemProcess(
        [program, folder / "model.safetensors", folder / "rows.npy", "--work", work, "--divergence", comparison.ours,
         "--adjoint", comparison.adjoint, "--threads", threads, *tolerance], folder)


def start_peer(system, comparison, folder, bench_folder, threads):
    return SystemProcess(
        [sys.executable, "-m", "peers.serve", system, folder, "--work", comparison.work, "--divergence",
         comparison.theirs, "--threads", threads, "--bound", comparison.bound(system)], bench_folder)

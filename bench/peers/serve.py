"""One system on one case, in a process of its own: checks its answers, warms up, then times runs.

usage: python -m peers.serve SYSTEM FOLDER --work train|logprob --divergence exact|hutchinson --threads N --bound B

Standard output gets `ready` with what was off, then for each line `run COUNT` of standard input the seconds of so many
runs, one after another, told when all are done.
"""

import argparse
import importlib
import os
import sys
import time


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("system")
    parser.add_argument("folder")
    parser.add_argument("--work", choices=("train", "logprob"), default="train")
    parser.add_argument("--divergence", choices=("exact", "hutchinson"), required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--bound", type=float, required=True)
    return parser.parse_args()


def hold_to_threads(threads):
    """As many processors as threads, before a library starts its own."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    # A setting for old OpenBLAS builds would slow a current one.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def hold_to_instruction_set(name):
    """The one that we are held to, where a library can be told."""
    if name == "avx2":
        os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_max_isa=AVX2"
        os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
        os.environ["ONEDNN_MAX_CPU_ISA"] = os.environ["MKL_ENABLE_INSTRUCTIONS"] = "AVX2"


def off_by(actual, expected):
    """Largest difference over the largest entry; infinite where a number is not finite."""
    import numpy

    actual, expected = numpy.asarray(actual, numpy.float64), numpy.asarray(expected, numpy.float64)
    if actual.shape != expected.shape or not numpy.isfinite(actual).all():
        return float("inf")
    return float(numpy.max(numpy.abs(actual - expected)) / numpy.max(numpy.abs(expected)))


def check(system, case, arguments):
    """How far the system's answers are from ours; leaves with an error where that is more than the bound."""
    import numpy
    import safetensors.numpy

    ours = safetensors.numpy.load_file(f"{arguments.folder}/gradient-{arguments.divergence}.safetensors")
    if arguments.work == "logprob":
        errors = {"logprob": off_by(system.log_density(), ours["logprob"])}
    else:
        loss, gradient = system.loss_and_gradient()
        joined = lambda tensors: numpy.concatenate([tensors[name].ravel() for name in sorted(case.weights)])
        errors = {"loss": off_by(loss, ours["loss"]), "gradient": off_by(joined(gradient), joined(ours))}
    for what, error in errors.items():
        if not error <= arguments.bound:
            sys.exit(f"{arguments.system}: {what} off by {error:.2e}, more than {arguments.bound:.0e}")
    return errors


def timed(run, threads):
    # As bench/stopwatch.hpp: a single thread's time is the processor's, which other programs do not stretch.
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    run()
    return clock() - start


def main():
    arguments = parse()
    hold_to_threads(arguments.threads)
    hold_to_instruction_set(os.environ.get("CNF_GPU_ISA"))
    if arguments.system not in ("diffrax", "diffrax_backsolve", "jax"):
        import torch

        torch.set_num_threads(arguments.threads)
    from .flow_case import FlowCase

    case = FlowCase.read(arguments.folder, arguments.threads, arguments.divergence)
    system = importlib.import_module(f"peers.with_{arguments.system}").prepare(case)
    errors = check(system, case, arguments)
    run = system.train_step if arguments.work == "train" else system.log_density
    run()  # compiles and warms up
    print("ready", *(f"{what}={error:.1e}" for what, error in errors.items()), flush=True)
    for line in sys.stdin:
        print(*[timed(run, arguments.threads) for _ in range(int(line.split()[1]))], flush=True)


if __name__ == "__main__":
    main()

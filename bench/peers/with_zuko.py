"""zuko's free-form Jacobian transform with its own adaptive solver and adjoint."""

import unittest.mock

import torch
import zuko

from .with_torch import TorchStep, base_log_density
from .with_torchdiffeq import field


def prepare(case):
    def log_density(weights, rows, probes):
        phi = [tensor for name, tensor in weights.items() if not name.startswith("base.")]
        transform = zuko.transforms.FreeFormJacobianTransform(
            lambda t, x: field(weights, case.layers, x, t), t0=1.0, t1=0.0, phi=phi, exact=probes is None,
            atol=case.tolerance, rtol=case.tolerance,
        )
        if probes is None:
            base, delta = transform.call_and_ladj(rows)
        else:  # zuko draws a probe by this function: it gets ours, so that answers can be compared
            with unittest.mock.patch("torch.randn_like", return_value=probes):
                base, delta = transform.call_and_ladj(rows)
        return base_log_density(weights, base) + delta

    return TorchStep(case, log_density)

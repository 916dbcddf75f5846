"""Log-density of the flow in @MODEL@, in PyTorch. Written by cnf_gpu export.

    logprob = log_density(load(), x)    # x (N, @DIM@) in the data's own units -> (N,) nats
"""
import json
import math
import struct
import sys

import numpy as np
import torch

MODEL = @MODEL_TEXT@
DEPTH = @DEPTH@  # hidden layers
T0, T1 = @T0@, @T1@  # times of base distribution and data
STEPS = @STEPS@  # @STEPS_WHY@
# Runge-Kutta: @SOLVER@
C = @C@
A = @A@
B = @B@


def load(path=MODEL):
    """The tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    types = {"F32": np.float32, "F64": np.float64}
    return {
        name: torch.tensor(np.frombuffer(data[slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"]))
        for name, entry in header.items()
        if name != "__metadata__"
    }


def field(tensors, x, t):
    """dx/dt at the point x (D,) and time t."""
    for l in range(DEPTH + 1):
        layer = {name: tensors[f"flows.0.layers.{l}.{name}"] for name in
                 ("linear.weight", "linear.bias", "gate.weight", "gate.bias", "shift.weight")}
        gate = torch.sigmoid(layer["gate.weight"] * t + layer["gate.bias"])
        x = (layer["linear.weight"] @ x + layer["linear.bias"]) * gate + layer["shift.weight"] * t
        if l < DEPTH:
            x = @ACTIVATION@
    return x


def step(tensors, state, t, h):
    """One Runge-Kutta step for the points (N, D) and the integrals (N,) of the field's divergence."""
    slopes = []
    for c, row in zip(C, A):
        x = state[0] + h * sum(a * k[0] for a, k in zip(row, slopes))
        at_t = lambda x: field(tensors, x, t + c * h)
        jacobian = torch.func.vmap(torch.func.jacrev(at_t))(x)
        slopes.append((torch.func.vmap(at_t)(x), jacobian.diagonal(dim1=1, dim2=2).sum(1)))
    return tuple(y + h * sum(b * k[i] for b, k in zip(B, slopes)) for i, y in enumerate(state))


def base_log_density(tensors, z):
@BASE@

def log_density(tensors, x):
    """Log-density in nats of each row of x (N, D)."""
    log_jacobian = 0.0
@TRANSFORM@
    h = (T0 - T1) / STEPS
    state = (x, torch.zeros(len(x), dtype=x.dtype))
    for n in range(STEPS):
        state = step(tensors, state, T1 + n * h, h)
    return base_log_density(tensors, state[0]) + state[1] + log_jacobian


if __name__ == "__main__":  # the log-densities of the rows of a .npy file
    with torch.no_grad():
        for value in log_density(load(), torch.tensor(np.load(sys.argv[1]).astype(np.@DTYPE@))):
            print(value.item())

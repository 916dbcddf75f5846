"""torchdiffeq's dopri5 with its continuous adjoint, adaptive both ways."""

from . import with_torchdiffeq


def prepare(case):
    return with_torchdiffeq.prepare(case, with_adjoint=True)

"""diffrax with the continuous adjoint."""

import diffrax

from . import with_diffrax


def prepare(case):
    return with_diffrax.prepare(case, diffrax.BacksolveAdjoint())

"""The tail of one sum given another: a double saddlepoint approximation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from drift_checker.decision.arrays import Floats
from drift_checker.decision.special import normal_upper_tail

Cumulants: TypeAlias = Callable[[float, float], tuple[float, Floats, Floats]]
"""The joint cumulant generating function of (statistic, total) at a tilt: K, its gradient (2,)
and its Hessian (2, 2). The total is centred: the one that is given is 0."""

_ITERATIONS = 50
_APPROACH, _NEARLY, _CLOSE = 0.9, 0.99, 1e-6
_DEGENERATE = 1e-9
# Closer to the mean than this many standard deviations the approximation divides 0 by 0.
_NEAR_MEAN = 0.05


def upper_tail(
    cumulants: Cumulants, observed: float, *, log_given: float, max_tilt: float = math.inf
) -> float:
    """Return P(statistic >= observed | total = 0); 1 where it is below its mean.

    Skovgaard (1987), "Saddlepoint expansions for conditional distributions", in the form of
    Barndorff-Nielsen. Unlike the normal approximation it holds far into the tail, whatever the
    skewness. `log_given` is the log of P(total = 0). Beyond `max_tilt`, where the generating
    function ends, or where no tilt reaches the observed value, the value is Chernoff's bound.
    """
    value, gradient, hessian = cumulants(0.0, 0.0)
    if observed <= gradient[0]:
        return 1.0
    tilt, target, spread = np.zeros(2), np.array([observed, 0.0]), hessian[1, 1]
    converged = False
    for _ in range(_ITERATIONS):
        if np.linalg.det(hessian) <= _DEGENERATE * hessian[0, 0] * hessian[1, 1]:
            break  # at the first tilt: the statistic is the same whatever happens
        step = np.linalg.solve(hessian, target - gradient)
        if tilt[0] + step[0] > max_tilt:
            step *= _APPROACH * (max_tilt - tilt[0]) / step[0]
        exponent = tilt @ target - value
        value, gradient, hessian = cumulants(*(tilt + step))
        while (tilt + step) @ target - value < exponent - _CLOSE:
            step /= 2
            value, gradient, hessian = cumulants(*(tilt + step))
        tilt = tilt + step
        converged = bool(step @ hessian @ step < _CLOSE)
        if converged or tilt[0] > _NEARLY * max_tilt:
            break
    exponent = float(tilt @ target - value)
    determinant = float(np.linalg.det(hessian))
    # Where nothing but one outcome is left, the least likely one, nothing varies any more.
    if not converged or tilt[0] > _NEARLY * max_tilt or determinant <= 0:
        return math.exp(min(0.0, -exponent - log_given))
    w = math.sqrt(2 * max(0.0, exponent))
    v = float(tilt[0] * math.sqrt(determinant / spread))
    if w < _NEAR_MEAN:
        return 0.5
    return normal_upper_tail(w + math.log(v / w) / w)

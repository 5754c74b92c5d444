"""Phrases: a number, a probability, a name, a change (before -> after)."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from drift_checker.decision import Floats, Ints
from drift_checker.result import ColumnResult, ColumnTrend, LastingDrift, PairResult, RowDependence

_SMALLEST = 1e-6
"""Smallest probability that is written down; below, its digits say nothing to anybody."""
_SMALLEST_P_VALUE = 1e-300
"""Smallest p-value that a table has."""
_ROUNDING = 1e-9
_REMEDIES = {
    "time": "windows tell what is normal: `sampling: windows`",
    "rows": "windows tell what is normal: name the time of each row as `columns.timestamp`",
}
_LONGEST = 60
"""Characters of a name that are written down."""


def percent(share: float) -> str:
    """Return a share as a percentage with two significant digits below ten per cent."""
    value = 100 * share
    if value == 0 or value >= 10:  # noqa: PLR2004
        return f"{value:.0f} %"
    return f"{value:.2g} %"


def p_value_phrase(p_value: float) -> str:
    """Return a p-value with two significant digits and no exponent, down to one in a million."""
    if p_value < _SMALLEST:
        return "p less than one in a million"
    return f"p = {plain_number(p_value)}"


def plain_number(value: float) -> str:
    """Return a number with two significant digits and no exponent."""
    return np.format_float_positional(float(f"{value:.1e}"), trim="-")


def p_value_cell(p_value: float) -> str:
    """Return a p-value for a table; one that is too small for a float is still not nothing."""
    return f"{p_value:.2g}" if p_value else f"< {_SMALLEST_P_VALUE:.0e}"


def changed_below_floor(p_value: float, floor: float) -> str:
    """Say that a change is certain, and too small to matter."""
    return f"changed ({p_value_phrase(p_value)}), by less than its floor of {floor:g}"


def natural_frequency(probability: float) -> str:
    """Return a probability as `1 of` so many, down to one in a million."""
    if probability < _SMALLEST:
        return "fewer than 1 in a million"
    return f"1 of {1 / probability:,.0f}"


def rounded_frequency(probability: float) -> str:
    """Return a probability as `1 of` so many in two digits, never rarer than it is."""
    if probability < _SMALLEST:
        return natural_frequency(probability)
    total = 1 / probability * (1 + _ROUNDING)
    unit = 10 ** max(0, math.floor(math.log10(total)) - 1)
    return f"1 of {math.floor(total / unit) * unit:,}"


def dependence_phrase(dependence: RowDependence, level: float) -> str:
    """Return how far the level is off since rows hang together, as an estimate, and what to do."""
    first, *others = dependence.columns
    names = shortened(first) + (f" and {len(others)} more" if others else "")
    together = f"within a {dependence.period}" if dependence.period else "with their neighbours"
    times = dependence.false_alarms / level
    often = f"about {rounded_frequency(dependence.false_alarms)} checks"
    if dependence.false_alarms > 0.5:  # noqa: PLR2004
        often = "most checks"
    return (
        f"rows are taken as independent, but in the reference they hang together {together} "
        f"({names}): expect a false alarm in {often}, "
        f"{plain_number(times)} times as many, unless {_REMEDIES[dependence.order]}"
    )


def span_phrase(span: timedelta) -> str:
    """Return a span of time in the largest unit of which it has two, such as `36 h`."""
    seconds = int(span.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or seconds == length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"


def shortened(name: str) -> str:
    """Return the name of a column or category, cut off where it is longer than 60 characters."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"


def column_label(column: ColumnResult) -> str:
    """Return the column's name, with its role where it is more than a feature."""
    name = shortened(column.name)
    return name if column.role == "feature" else f"{column.role} {name}"


def trend_phrase(trend: ColumnTrend) -> str:
    """Return how far a column was from the fixed reference, and is."""
    first, *_, last = [trend.distances[0], *trend.distances]
    ticks = f" in {len(trend.distances)} ticks" if len(trend.distances) > 1 else ""
    return f"{shortened(trend.name)} {trend.effect} {first:.2g} -> {last:.2g}{ticks}"


def numeric_change(current: Floats, reference: Floats, effect: str) -> str:
    """Describe the change of a numeric column by what its effect measures.

    Both samples are sorted, of any length.
    """
    if effect == "tail_excess":
        low, high = _quantiles(reference, 0.001, 0.999)
        before, after = (
            float(np.mean((values < low) | (values > high))) for values in (reference, current)
        )
        return f"rows beyond {low:.4g} or {high:.4g}: {percent(before)} -> {percent(after)}"
    first, middle, last = _quantiles(reference, 0.25, 0.5, 0.75)
    new_first, new_middle, new_last = _quantiles(current, 0.25, 0.5, 0.75)
    if abs(new_middle - middle) >= 0.1 * (last - first) and new_middle != middle:
        return f"median {middle:.4g} -> {new_middle:.4g}"
    half, new_half = (
        f"{low:.4g} to {high:.4g}" for low, high in ((first, last), (new_first, new_last))
    )
    return (
        f"middle half {half} -> {new_half}"
        if half != new_half
        else _share_change(current, reference)
    )


def _share_change(current: Floats, reference: Floats) -> str:
    """Describe where the two distribution functions are farthest apart."""
    values = np.concatenate([reference, current])
    before, after = (
        np.searchsorted(sample, values, side="right") / len(sample)
        for sample in (reference, current)
    )
    j = int(np.argmax(np.abs(after - before)))
    return f"rows up to {values[j]:.4g}: {percent(before[j])} -> {percent(after[j])}"


def _quantiles(ordered: Floats, *shares: float) -> Floats:
    # np.quantile() would import numpy.ma, which costs as much as the tests of all columns.
    ranks = np.multiply(shares, len(ordered) - 1)
    return np.interp(ranks, np.arange(len(ordered)), ordered)


def categorical_change(names: list[str], current: Ints, reference: Ints) -> str:
    """Describe the category whose share changed most; counts stand in the order of the names.

    Of two that changed alike, as where there are no others, it is the rarer one.
    """
    before, after = reference / reference.sum(), current / current.sum()
    change = np.abs(after - before)
    j = int(np.argmin(np.where(change < change.max() * (1 - 1e-9), np.inf, before + after)))
    return f"share of {shortened(names[j])!r} {percent(before[j])} -> {percent(after[j])}"


def correlation_change(pair: PairResult) -> str:
    """Describe the change of a pair of columns."""
    names = " and ".join(repr(shortened(name)) for name in pair.columns)
    return f"rank correlation of {names} {pair.reference:.2f} -> {pair.current:.2f}"


def lasting_change(lasting: LastingDrift) -> str:
    """Describe the change of a column over several ticks, and how sure it is."""
    change = f"{shortened(lasting.name)} over {lasting.ticks} ticks: {lasting.change}"
    return f"{change} ({p_value_phrase(lasting.p_value)})"

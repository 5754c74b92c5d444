"""What a monitors file says that is allowed, and may not be what was meant."""

from __future__ import annotations

from collections.abc import Iterator

from drift_checker.config.monitors import Monitor, Monitors
from drift_checker.config.schedule import interval


def advice(monitors: Monitors) -> Iterator[str]:
    """Yield a line for each setting that is likely to surprise, with what it means."""
    for place, monitor in enumerate(monitors.monitors):
        for line in (*_of_windows(monitors, monitor), *_of_feed(monitors, monitor)):
            yield f"monitors[{place}].{line}"


def _of_windows(monitors: Monitors, monitor: Monitor) -> Iterator[str]:
    span, step = monitors.window_of(monitor), interval(monitors.schedule_of(monitor))
    if span is None:
        return
    if span > step:
        yield (
            f"window: {span} is longer than the interval of {step}: each batch should have the "
            f"rows of the last {span}, so that ticks one after the other share rows; a batch that "
            "is shorter is ranked among as much of each window"
        )
    reach = monitor.current.window
    if reach is not None and reach >= 2 * span:
        yield (
            f"current.window: {reach} is as long as {reach // span} windows of {span}: so many are "
            f"joined, and the reference needs {monitor.min_windows * reach} of rows; set "
            f"`window` to {reach} to say so"
        )


def _of_feed(monitors: Monitors, monitor: Monitor) -> Iterator[str]:
    step, reach = interval(monitors.schedule_of(monitor)), monitor.current.window
    if monitor.freshness and monitor.freshness < step:
        yield (
            f"freshness: {monitor.freshness} is less than the interval of {step}: a source that is "
            "written as often as it is checked is `stale`, and so `invalid`, unless it was written "
            "shortly before the tick"
        )
    if reach is not None and reach > step:
        yield (
            f"current.window: {reach} is longer than the interval of {step}: batches overlap, a "
            f"row is judged in up to {-(-reach // step)} of them, drift is seen once it is a good "
            "part of the window, and what lasts over ticks is looked for in new rows alone"
        )

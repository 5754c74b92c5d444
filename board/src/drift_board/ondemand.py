"""What is read where somebody looks at one monitor or tick, and kept for a refresh."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class OnDemand:
    """Keeps a few values for a while; of several who ask for one at once, one makes it."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return a value, made by `make` where none is kept that is new enough."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                with self._lock:
                    at, value = self._kept.get(key, (float("-inf"), None))
                if time.monotonic() - at < self._seconds:
                    kept: T = value
                    return kept
                made = make()
                with self._lock:
                    self._kept[key] = time.monotonic(), made
                    self._kept.move_to_end(key)
                    while len(self._kept) > self._most:
                        self._kept.popitem(last=False)
                return made
        finally:
            with self._lock:
                self._making.pop(key, None)

    def clear(self) -> None:
        """Forget all: something was just written."""
        with self._lock:
            self._kept.clear()

"""How much a test needs at least: what settings are held against, without the test itself."""

from __future__ import annotations

LEAST_WINDOWS = 5
"""Windows beside the present one; fewer have no spread to speak of."""

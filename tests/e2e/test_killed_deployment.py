"""What a deployment has written is applied by the next one, wherever it was killed or failed."""

from __future__ import annotations

import pytest

from e2e.kills import heal, kill
from e2e.stack import Stack


@pytest.mark.parametrize(
    ("point", "drift_prob"),
    [
        # When the Drifter has its new configuration, and nothing has taken it over yet.
        ("reference : Deploy the reference", 0.25),
        # While it is taken over.
        ("supervisor : Start, restart and stop", 0.75),
    ],
)
def test_the_deployment_after_a_killed_one_ends_well(
    stack: Stack, point: str, drift_prob: float
) -> None:
    settings = {**stack.settings, "drift_prob": drift_prob}

    assert point in kill(lambda _, name: point in name, "local", settings)

    assert heal("local", settings) == ""
    stack.succeed("site.yml")

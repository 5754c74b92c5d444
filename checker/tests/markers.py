"""Names and values that would do something, were they not taken for data; none does any harm.

Each says `marker`. In a page, one that became an element is found by its class, and one that ran by
the attribute `data-marker` of the page.
"""

from __future__ import annotations

import random

import pyarrow as pa

RUN = "document.documentElement.dataset.marker = 1"
MARKERS = {
    "element": '<b class="marker">marker</b>',
    "event": f"<img class=marker src='data:,' onerror='{RUN}'>",
    "script end": f"</script><script>{RUN}</script>",
    "attribute": f"""marker" onmouseover="{RUN}" x='""",
    "link": "[marker](http://marker.invalid) ![marker](http://marker.invalid/i.png)",
    "bare link": "http://marker.invalid www.marker.invalid marker@marker.invalid @marker",
    "markup": "**marker** `marker` ~~marker~~ | marker | # marker &lt;marker&gt; $marker$",
    "braces": "{{ 6 * 7 }} {% marker %} ${marker} %(marker)s %{marker} {marker}",
    "terminal": "\x1b[31mmarker\x1b[0m\x1b]0;marker\x07\x9b31m",
    "newline": "marker\r\nError: marker\u2028marker\x00",
    "direction": "marker\u202egnp.marker\u2066\u200b",
    "long": "marker" * 2000,
}


def marked(rows: int, *, seed: int, shift: float = 0) -> pa.Table:
    """Numbers in columns that are named by markers, and categories that are markers."""
    rng = random.Random(seed)  # noqa: S311  no secret; the other users of this file have no numpy
    names = list(MARKERS.values())
    content = {name: [rng.gauss(shift, 1) for _ in range(rows)] for name in names}
    weights = [1 + shift * number for number in range(len(names))]
    kinds = rng.choices(names, weights, k=rows)
    return pa.table({**content, f"kind of {names[0]}": kinds})

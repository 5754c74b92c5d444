"""What servers are known by over HTTPS."""

from __future__ import annotations

import ssl
from functools import cache


@cache
def authorities() -> ssl.SSLContext:
    """The certificate authorities; to read them takes longer than to ask for a small batch."""
    import httpx  # noqa: PLC0415  # takes long, and the settings alone need none

    return httpx.create_ssl_context()

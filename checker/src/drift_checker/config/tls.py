"""What servers are known by over HTTPS."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """The certificate authorities; to read them takes longer than to ask for a small batch."""
    return httpx.create_ssl_context()

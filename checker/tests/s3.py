"""An S3 of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from drift_checker.config import Settings
from drift_checker.state import open_s3


@contextmanager
def serve_s3(bucket: str) -> Iterator[str]:
    """An S3 with an empty bucket; gives its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    scope = "Credential=key/20260101/us-east-1/s3/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    httpx.put(f"{url}/{bucket}", headers=signed, timeout=60).raise_for_status()
    try:
        yield url
    finally:
        server.stop()


@contextmanager
def serve_lake(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[S3Store]:
    """The empty bucket `lake`, of which the environment names the login as that of `lake`."""
    with serve_s3("lake") as endpoint:
        for name, value in {"ENDPOINT": endpoint, "ACCESS_KEY": "k", "SECRET_KEY": "s"}.items():
            monkeypatch.setenv(f"DRIFT_SOURCE_LAKE_{name}", value)
        yield open_s3(settings.source("lake"), "lake", "", settings)

"""The real command over a real socket."""

import json
import signal
import sys
from pathlib import Path

import httpx2
import pytest
from conftest import URL, Server

ROWS = 500_000


def peak_memory(pid: int) -> int:
    """Peak resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
def test_large_answers_are_streamed_in_bounded_memory(server: Server) -> None:
    at_rest = peak_memory(server.process.pid)
    sizes = {}
    for form in ("json", "csv", "parquet"):
        params = {"rows": ROWS, "format": form, "seed": 1}
        with httpx2.stream("GET", server.url + URL, params=params, timeout=60) as answer:
            sizes[form] = sum(len(part) for part in answer.iter_raw())
    assert sizes["json"] > 90e6
    assert peak_memory(server.process.pid) - at_rest < 60


def test_answer_under_way_is_finished_when_told_to_stop(server: Server) -> None:
    params = {"rows": 100_000, "format": "csv"}
    with httpx2.stream("GET", server.url + URL, params=params, timeout=60) as answer:
        server.process.send_signal(signal.SIGTERM)
        lines = sum(part.count(b"\n") for part in answer.iter_raw())
    assert lines == 100_001
    assert server.process.wait(timeout=20) in {0, -signal.SIGTERM}


def test_requests_and_batches_are_logged_as_json(server: Server) -> None:
    answer = httpx2.get(server.url + URL, params={"rows": 3, "seed": 8})
    httpx2.get(f"{server.url}/healthz")
    server.process.terminate()
    _, written = server.process.communicate(timeout=20)
    events = [json.loads(line) for line in written.splitlines()]
    batch = next(event for event in events if event["event"] == "batch")
    assert (batch["rows"], batch["seed"]) == (3, 8)
    assert batch["scenario"] == answer.headers["x-drift-scenario"]
    requests = [event for event in events if event["event"] == "request"]
    assert [request["path"] for request in requests] == [URL]
    assert requests[0]["status"] == 200

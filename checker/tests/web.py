"""Real HTTP servers for tests: one that answers as told, and a small MLflow."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PATIENCE = 60
"""Seconds after which a test that waits for what never comes fails."""


class Web:
    """A server whose routes are functions that answer through the handler they are given."""

    def __init__(self) -> None:
        self.routes: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []
        self.url = ""

    def answer(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        content_type: str = "application/octet-stream",
        headers: dict[str, str] | None = None,
    ) -> str:
        """Answer requests for a path with this; returns its URL."""

        def respond(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Type", content_type)
            handler.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        self.routes[path] = respond
        return self.url + path

    @contextmanager
    def dripping(self, path: str) -> Iterator[None]:
        """Answer requests for a path with headers that come one by one, without end."""
        end = threading.Event()

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.flush_headers()
            while not end.wait(0.02):
                try:
                    handler.wfile.write(b"X-Long: 1\r\n")
                except OSError:
                    return

        self.routes[path] = drip
        try:
            yield
        finally:
            end.set()

    @contextmanager
    def serve(self) -> Iterator[Web]:
        routes, requests = self.routes, self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # a name of http.server
                requests.append(self.path)
                route = routes.get(urlsplit(self.path).path)
                if route is None:
                    self.send_error(404)
                    return
                route(self)

            do_POST = do_GET  # noqa: N815  # a name of http.server

            def log_message(self, *args: object) -> None:
                pass

        with _serving(Handler) as self.url:
            yield self


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was killed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Receiver:
    """An address that takes apprise's JSON, and answers with a status."""

    def __init__(self, web: Web, path: str, status: int = 200) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = status
        self.requests = 0
        self.url = f"{web.url.replace('http:', 'json:')}{path}"
        web.routes[path] = self._take

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.requests += 1
        if self.status == HTTPStatus.OK:
            self.messages.append(json.loads(body))
        handler.send_response(self.status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


SERIES = "drift over time"
"""The experiment with a run for each monitor."""


class FakeMlflow:
    """As much of MLflow's REST interface as publishing uses; it makes a new run when asked to.

    `stop_at` names a request, of which the first that comes is held after it has taken effect and
    before it is answered.
    """

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.experiment_tags: dict[str, list[dict[str, str]]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, bytes] = {}
        self.calls: dict[str, int] = defaultdict(int)
        self.failing = 0
        """How many of the next requests are answered with 503."""
        self.url = ""
        self.reached = threading.Event()
        self._released = threading.Event()
        self._stop = ""
        self._passing = 0
        self._lock = threading.Lock()

    def stop_at(self, request: str, *, after: int = 0) -> None:
        """Hold the next such request, or one that comes `after` so many of them."""
        self._stop = request
        self._passing = after

    def release(self) -> None:
        self._released.set()

    @property
    def active(self) -> list[dict[str, Any]]:
        """The runs of ticks and drills."""
        series = self.experiments.get(SERIES)
        return [run for run in self._active if run["experiment"] != series]

    @property
    def series(self) -> list[dict[str, Any]]:
        """The runs that have all ticks of a monitor."""
        return [run for run in self._active if run["experiment"] == self.experiments.get(SERIES)]

    @property
    def _active(self) -> list[dict[str, Any]]:
        return [run for run in self.runs.values() if run["stage"] == "active"]

    def lose(self) -> None:
        """Forget everything, but for which ids were given: a real one gives none of them again."""
        for run in self.runs.values():
            run["stage"] = "lost"
        self.experiments.clear()
        self.artifacts.clear()

    def handle(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        request = re.sub(r"^/api/2.0/mlflow(-artifacts)?/", "", path).partition("?")[0]
        kind, _, what = request.partition("/")
        name = "artifact" if kind == "artifacts" else request
        with self._lock:
            self.calls[name] += 1
            if self.failing:
                self.failing -= 1
                return 503, {}
            if request == "artifacts/list":
                answer: tuple[int, dict[str, Any]] = 200, self._files(path)
            elif kind == "artifacts":
                self.artifacts[what] = body
                answer = 200, {}
            elif kind == "experiments":
                answer = self._experiments(path, body)
            else:
                asked = json.loads(body)
                run = self.runs.get(asked.get("run_id", ""))
                if what == "log-batch" and (run is None or run["stage"] != "active"):
                    gone = "RESOURCE_DOES_NOT_EXIST" if run is None else "INVALID_PARAMETER_VALUE"
                    answer = 400, {"error_code": gone, "message": "not there"}
                else:
                    answer = 200, self._runs(what, asked)
            held = self._stop == name and not self._passing
            self._passing -= self._stop == name and not held
            if held:
                self._stop = ""
        if held:
            self.reached.set()
            assert self._released.wait(PATIENCE)
        return answer

    def _experiments(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        known = self.experiments
        if "experiments/search" in path:
            begin = json.loads(body)["filter"].split("'")[1].rstrip("%")
            found = [
                {"experiment_id": i, "name": n} for n, i in known.items() if n.startswith(begin)
            ]
            return 200, {"experiments": found}
        if not body:
            wanted = parse_qs(urlsplit(path).query)["experiment_name"][0]
            if wanted in known:
                tags = self.experiment_tags.get(known[wanted], [])
                return 200, {"experiment": {"experiment_id": known[wanted], "tags": tags}}
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}
        asked = json.loads(body)
        if "set-experiment-tag" in path:
            tags = self.experiment_tags.setdefault(asked.pop("experiment_id"), [])
            tags[:] = [*(tag for tag in tags if tag["key"] != asked["key"]), asked]
            return 200, {}
        wanted = asked["name"]
        if wanted in known:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "twice"}
        known[wanted] = str(len(known) + 1)
        self.experiment_tags[known[wanted]] = asked.get("tags", [])
        return 200, {"experiment_id": known[wanted]}

    def _files(self, path: str) -> dict[str, Any]:
        (run,) = parse_qs(urlsplit(path).query)["run_id"]
        found = {n: data for n, data in self.artifacts.items() if f"/{run}/" in n}
        return {"files": [{"path": n, "file_size": len(data)} for n, data in found.items()]}

    def _runs(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        if what == "search":
            wanted = re.findall(r"tags\.(\w+) = '([^']*)'", asked["filter"])
            (experiment,) = asked["experiment_ids"]
            before = re.search(r"start_time < (\d+)", asked["filter"])
            found = [
                run
                for run in self._active
                if run["experiment"] == experiment
                and all(run["tags"].get(k) == v for k, v in wanted)
                and (before is None or run["start_time"] < int(before[1]))
            ]
            first = int(asked.get("page_token", 0))
            last = first + asked["max_results"]
            more = {"next_page_token": str(last)} if last < len(found) else {}
            return {"runs": [_public(run) for run in found[first:last]], **more}
        if what == "create":
            of_series = asked["experiment_id"] == self.experiments.get(SERIES)
            alike = [name for name in self.runs if name.startswith("series") == of_series]
            run = {
                "id": f"{'series' if of_series else 'run'}{1 + len(alike)}",
                "experiment": asked["experiment_id"],
                "name": asked["run_name"],
                "start_time": asked["start_time"],
                "tags": {tag["key"]: tag["value"] for tag in asked["tags"]},
                "metrics": {},
                "points": [],
                "inputs": {},
                "status": "RUNNING",
                "stage": "active",
            }
            self.runs[run["id"]] = run
            return {"run": _public(run)}
        run = self.runs[asked["run_id"]]
        match what:
            case "log-batch":
                run["metrics"] |= {m["key"]: m["value"] for m in asked["metrics"]}
                points = [list(metric.values()) for metric in asked["metrics"]]
                run["points"] += [point for point in points if point not in run["points"]]
            case "log-inputs":
                for one in asked["datasets"]:
                    run["inputs"][one["tags"][0]["value"]] = one["dataset"]["digest"]
            case "update":
                run["status"] = asked["status"]
            case "delete":
                run["stage"] = "deleted"
        return {}

    @contextmanager
    def serve(self) -> Iterator[FakeMlflow]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else each answer waits for the client's delayed acknowledgement of its head: 40 ms.
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the client was killed
                    self.close_connection = True
                    return
                status, answer = fake.handle(self.path, body)
                data = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # the client was killed
                    self.close_connection = True

            do_GET = do_POST = do_PUT = _answer  # noqa: N815  # names of http.server

            def log_message(self, *args: object) -> None:
                pass

        with _serving(Handler) as self.url:
            try:
                yield self
            finally:
                self.release()


def _public(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "info": {
            "run_id": run["id"],
            "experiment_id": run["experiment"],
            "artifact_uri": f"mlflow-artifacts:/{run['experiment']}/{run['id']}/artifacts",
        },
        "data": {"tags": [{"key": key, "value": value} for key, value in run["tags"].items()]},
    }

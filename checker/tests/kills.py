"""Commands, and services that they ask, killed at random moments, and what comes of it.

A block of kills has a store of its own. `python kills.py --output FILE` goes through as many blocks
as are asked for, writes a line of JSON for each, and goes on where it was interrupted; its figures
say where the kills fell.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeAlias

import click
from deployment import DATE, Deployment, write_settings
from s3 import serve_s3
from samples import parquet, table
from services import MLFLOW, Gate, MlflowServer, Service
from web import FakeMlflow, Web

from drift_checker.cli import main
from drift_checker.config import date_key, load_monitors, load_settings
from drift_checker.errors import ServiceAwayError
from drift_checker.references import versions
from drift_checker.state import keys, read_latest_result, read_recent

SCHEDULE = "*/5 * * * *"
OLD = timedelta(days=40)
"""Age of what `prune` has to remove."""
AGED = 3
"""Ticks that become so old before each prune."""
BLOCKS = {"tick": 20, "accept": 5, "prune": 5, "store": 10, "mlflow": 5}
"""What is killed, and how often in one block: a command; or, while a tick runs, a service."""
SOON = 0.02
"""Seconds after a write within which half of the kills fall."""
AWAY = 2.0
"""The most seconds after which a service that was killed is started again."""
PATIENCE = 60
"""Seconds after which a command that does not end is taken for one that hangs."""

_context = multiprocessing.get_context("forkserver")
# So that kills fall into what a command does, and not into its imports.
_context.set_forkserver_preload(
    [
        "drift_checker.cli.baseline",
        "drift_checker.cli.prune",
        "drift_checker.cli.run",
        "drift_checker.profiles.stored",
    ]
)


def _command(begun: Connection, env_file: str, arguments: list[str]) -> None:
    with Path(env_file).with_name("killed.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    begun.send(None)
    main(["--settings", env_file, *arguments])


@dataclass
class Block:
    """Kills of one thing in one store; `problems` is what went wrong, which is nothing."""

    command: str
    seed: int
    kills: int
    problems: list[str] = field(default_factory=list)
    fell: Counter[str] = field(default_factory=Counter)
    """How often a kill fell where, by the last that the killed command had written."""
    seconds: float = 0.0

    def run(self, folder: Path) -> Block:
        """Kill, look and go on, as often as is asked for."""
        start = time.perf_counter()
        kinds: dict[str, type[Trials]] = {
            "tick": Ticks,
            "accept": Accepts,
            "prune": Prunes,
            "store": StoreKills,
            "mlflow": MlflowKills,
        }
        trials = kinds[self.command]
        with Web().serve() as web, trials.deployed(folder, web, self.seed) as deployed:
            trials(self, web, *deployed).run()
        self.seconds = round(time.perf_counter() - start, 1)
        return self

    def as_json(self) -> str:
        return json.dumps(vars(self) | {"fell": dict(self.fell)})


Mlflow: TypeAlias = FakeMlflow | MlflowServer
Deployed: TypeAlias = tuple[Deployment, Mlflow, Service | None]
"""What trials are made in, and the service that is killed, if one is."""


class Trials(ABC):
    """What all kinds of trials have in common."""

    def __init__(
        self,
        block: Block,
        web: Web,
        deployment: Deployment,
        mlflow: Mlflow,
        service: Service | None,  # noqa: ARG002  of those that kill one
    ) -> None:
        self.block, self.deployment, self.web, self.mlflow = block, deployment, web, mlflow
        self.store = deployment.store
        self.random = random.Random(f"{block.command}/{block.seed}")  # noqa: S311  no secret
        self.dates: list[datetime] = []
        """Of the ticks that have to be there."""
        self.made = 0
        self.duration, self.writes = 0.0, 0

    @classmethod
    @contextmanager
    def deployed(cls, folder: Path, web: Web, seed: int) -> Iterator[Deployed]:  # noqa: ARG003
        """Deploy a checker in a folder."""
        with FakeMlflow().serve() as mlflow:
            yield deploy(write_settings(folder, web, mlflow)), mlflow, None

    def run(self) -> None:
        self.prepare()
        self.unharmed(self.arguments())
        self.go_on()
        for _ in range(self.block.kills):
            self.prepare()
            with self.begun(self.arguments()) as child:
                self.wait(child)
                self.block.fell[self.kill(child)] += 1
            self.go_on()
        self.whole()

    @abstractmethod
    def prepare(self) -> None: ...

    @abstractmethod
    def arguments(self) -> list[str]: ...

    @abstractmethod
    def fell(self) -> str: ...

    @abstractmethod
    def go_on(self) -> None: ...

    @contextmanager
    def begun(self, arguments: list[str]) -> Iterator[BaseProcess]:
        """Run a command in a process of its own, from when it has begun."""
        ours, theirs = _context.Pipe(duplex=False)
        child = _context.Process(
            target=_command, args=(theirs, str(self.deployment.env_file), arguments)
        )
        child.start()
        theirs.close()
        try:
            if not ours.poll(PATIENCE):
                raise AssertionError("the command did not begin")
            ours.recv()
            yield child
        finally:
            child.kill()
            child.join(PATIENCE)
            ours.close()

    def unharmed(self, arguments: list[str]) -> None:
        """See how long a command takes, and how often it writes something that is looked at."""
        with self.begun(arguments) as child:
            start = time.perf_counter()
            self.writes = sum(1 for _ in self.changes(child))
            self.duration = time.perf_counter() - start
            child.join()
            self.expect(child.exitcode == 0, f"{arguments}: exit code {child.exitcode}")

    def wait(self, child: BaseProcess) -> None:
        """Wait for any moment, or for one soon after a write, which takes a small part of all."""
        if self.random.random() < 1 / 2:
            time.sleep(self.random.uniform(0, 1.05 * self.duration))
            return
        which = self.random.randrange(max(1, self.writes))
        next(islice(self.changes(child), which, None), None)
        time.sleep(self.random.uniform(0, SOON))

    def kill(self, child: BaseProcess) -> str:
        """Kill what is to be killed; returns where that fell."""
        child.kill()
        child.join(PATIENCE)
        return self.fell()

    def changes(self, child: BaseProcess) -> Iterator[str]:
        """Yield what a command has written last, as it writes it, until it ends."""
        written, end = self.fell(), time.perf_counter() + PATIENCE
        while child.is_alive() and time.perf_counter() < end:
            if (now := self.fell()) != written:
                written = now
                yield written

    def expect(self, holds: bool, problem: str) -> None:  # noqa: FBT001
        if not holds:
            self.block.problems.append(problem)

    def cli(self, *arguments: str) -> Any:
        """Run a command to its end, which has to be a good one; 5 says that a monitor is silent."""
        ended = self.deployment.cli(*arguments)
        good = {0, 5} if arguments == ("status",) else {0}
        self.expect(ended.exit_code in good, f"{arguments}: {ended.exit_code}: {ended.output}")
        return ended

    def tick_arguments(self, date: datetime) -> list[str]:
        moment = date.isoformat()
        return ["run", "--monitor", "m", "--trigger", "scheduled", "--logical-date", moment]

    def new_date(self) -> datetime:
        date = DATE + self.made * timedelta(minutes=5)
        self.made += 1
        self.dates.append(date)
        self.web.answer("/data", parquet(table(300, seed=self.block.seed * 1000 + self.made)))
        return date

    def tick(self) -> datetime:
        date = self.new_date()
        self.cli(*self.tick_arguments(date))
        return date

    def whole(self) -> None:
        """Each tick has one result, batch and run, and what is made of them is there."""
        stored = [entry.key for entry in self.store.list("results") if "/result" in entry.key]
        self.expect(stored == [keys.result("m", date) for date in self.dates], f"{stored}")
        batches = [e.key for e in self.store.list("batches") if e.key.endswith(".parquet")]
        wanted = [keys.batch("m", date, "current.parquet") for date in self.dates]
        self.expect(batches == wanted, f"{batches}")
        runs = sorted(run["tags"]["logical_date"] for run in self.mlflow.active)
        self.expect(runs == [f"{date:%Y-%m-%dT%H:%M:%SZ}" for date in self.dates], f"{runs}")
        unfinished = [run["name"] for run in self.mlflow.active if run["status"] != "FINISHED"]
        self.expect(not unfinished, f"unfinished: {unfinished}")
        points = [
            point[2] for run in self.mlflow.series for point in run["points"] if point[0] == "rows"
        ]
        # Of ticks that were removed, too.
        wanted = {int(date.timestamp()) * 1000 for date in self.dates}
        self.expect(len(self.mlflow.series) == 1 and wanted <= set(points), f"{points}")
        self.expect(len(points) == len(set(points)), f"doubled: {points}")
        self.expect(not self.store.list("pending"), "results wait to be published")
        latest = read_latest_result(self.store, "m")
        self.expect(latest is not None and latest.logical_date == self.dates[-1], f"{latest}")
        recent = {tick.logical_date for tick in read_recent(self.store, "m", SCHEDULE).ticks}
        self.expect(recent >= set(self.dates), f"{len(recent)} of {len(self.dates)} ticks")
        self.cli("store", "check")
        self.expect(not self.store.list(keys.damaged()), "something was damaged")


class Ticks(Trials):
    """A tick is killed; what follows is left to chance, and its repetition comes last."""

    def prepare(self) -> None:
        self.new_date()

    def arguments(self) -> list[str]:
        return self.tick_arguments(self.dates[-1])

    def fell(self) -> str:
        date = self.dates[-1]
        latest = read_latest_result(self.store, "m")
        written = {
            "published": keys.result("m", date, "published.json"),
            "result": keys.result("m", date),
            "pending": keys.pending("m", date),
            "batch": keys.batch("m", date, "current.parquet"),
        }
        last = next((name for name, key in written.items() if self.store.exists(key)), "nothing")
        if last == "result" and latest is not None and latest.logical_date == date:
            return "pointer"
        if last == "published" and not self.store.exists(keys.pending("m", date)):
            return "all"
        return last

    def go_on(self) -> None:
        date = self.dates[-1]
        before = self.store.get(keys.result("m", date))
        follows: list[Callable[[], Any]] = [
            lambda: None,
            lambda: self.cli("status"),
            lambda: self.cli("publish", "--pending"),
            self.tick,
        ]
        self.random.choice(follows)()
        self.cli(*self.tick_arguments(date))
        after = self.store.get(keys.result("m", date))
        self.expect(after is not None and before in {None, after}, f"{date}: another result")


class ServiceKills(Ticks):
    """A service is killed while a tick runs, and comes back at once or a little later.

    The tick goes on by itself where it has the time to ask again, and else ends by saying so.
    """

    PATIENT: ClassVar[dict[str, int]] = {"DRIFT_RETRY_SECONDS": PATIENCE}

    def __init__(self, block: Block, web: Web, *deployed: Any) -> None:
        super().__init__(block, web, *deployed)
        self.service: Service = deployed[-1]
        self.good = {0} if block.seed % 2 else {0, ServiceAwayError.exit_code}

    def kill(self, child: BaseProcess) -> str:
        fell = self.fell()
        self.service.kill()
        time.sleep(self.random.uniform(0, AWAY))
        self.service.start()
        child.join(2 * PATIENCE)
        self.expect(child.exitcode in self.good, f"{self.dates[-1]}: exit code {child.exitcode}")
        return fell


class StoreKills(ServiceKills):
    """An S3, which keeps what it has taken."""

    @classmethod
    @contextmanager
    def deployed(cls, folder: Path, web: Web, seed: int) -> Iterator[Deployed]:
        bucket = f"bucket-{seed}"
        with (
            FakeMlflow().serve() as mlflow,
            serve_s3(bucket) as s3,
            Gate(s3).serve() as gate,
        ):
            access = {"ENDPOINT": gate.url, "ACCESS_KEY": "key", "SECRET_KEY": "secret"}
            env_file = write_settings(
                folder,
                web,
                mlflow,
                DRIFT_STORE_URL=f"s3://{bucket}/store",
                **{f"DRIFT_S3_{name}": value for name, value in access.items()},
                **(cls.PATIENT if seed % 2 else {}),
            )
            yield deploy(env_file), mlflow, gate


class MlflowKills(ServiceKills):
    """A real MLflow, which keeps what it has on disk."""

    @classmethod
    @contextmanager
    def deployed(cls, folder: Path, web: Web, seed: int) -> Iterator[Deployed]:
        home = folder / "mlflow"
        home.mkdir()
        with MlflowServer(home).serve() as mlflow:
            env_file = write_settings(folder, web, mlflow, **(cls.PATIENT if seed % 2 else {}))
            yield deploy(env_file), mlflow, mlflow


def deploy(env_file: Path) -> Deployment:
    settings = load_settings(env_file)
    return Deployment(env_file, settings, load_monitors(settings.monitors_file))


class Accepts(Trials):
    """An acceptance is killed; it is asked for again, and is made once."""

    def prepare(self) -> None:
        self.tick()
        self.entries = len(self.store.list(keys.in_force("m")))

    def arguments(self) -> list[str]:
        moment = self.dates[-1].isoformat()
        return ["baseline", "accept", "--monitor", "m", "--logical-date", moment]

    def fell(self) -> str:
        if len(self.store.list(keys.in_force("m"))) > self.entries:
            return "in force"
        stored = self.store.folders("reference/m")
        named = {entry.version for entry in versions.versions_in_force(self.store, "m")}
        return "version" if set(stored) - named - {"in-force"} else "nothing"

    def go_on(self) -> None:
        self.cli(*self.arguments())
        history = versions.versions_in_force(self.store, "m")
        self.expect(len(history) == self.entries + 1, f"{len(history)} versions were in force")
        summary = versions.summary_in_force(self.store, "m")
        self.expect(date_key(self.dates[-1]) in summary.source, f"{summary.source} is in force")
        versions.load_reference(self.store, "m", summary)


class Prunes(Trials):
    """A removal of old data is killed, and asked for again."""

    def prepare(self) -> None:
        while len(self.dates) < AGED + 2:
            self.tick()
        folder = Path(self.store.url.removeprefix("file://"))
        aged, self.dates = self.dates[:AGED], self.dates[AGED:]
        for date in aged:
            for path in folder.glob(f"*/m/{date_key(date)}/*"):
                then = time.time() - OLD.total_seconds()
                os.utime(path, (then, then))
            for run in self.mlflow.active:
                if run["tags"]["logical_date"] == f"{date:%Y-%m-%dT%H:%M:%SZ}":
                    run["start_time"] -= int(OLD.total_seconds() * 1000)
        self.aged = aged

    def arguments(self) -> list[str]:
        return ["prune"]

    def fell(self) -> str:
        there = [
            [
                kind
                for kind in ("batches", "results")
                if self.store.list(f"{kind}/m/{date_key(date)}")
            ]
            for date in self.aged
        ]
        runs = len(self.mlflow.active) - len(self.dates)
        if all(len(kinds) == 2 for kinds in there) and runs:
            return "nothing"
        return "some" if any(there) or runs > 0 else "all"

    def go_on(self) -> None:
        self.cli("prune")
        self.whole()


@contextmanager
def blocks(folder: Path | None = None) -> Iterator[Callable[[str, int, int], Block]]:
    """Run blocks below a folder that is removed in the end."""
    with TemporaryDirectory(dir=folder) as place:

        def run(command: str, seed: int, kills: int) -> Block:
            own = Path(place, f"{command}-{seed}")
            own.mkdir()
            return Block(command, seed, kills).run(own)

        yield run


def figures(every: list[Block]) -> str:
    """How many kills there were, where they fell, and what came of them."""
    lines = []
    for command in BLOCKS:
        of_command = [block for block in every if block.command == command]
        fell: Counter[str] = sum((block.fell for block in of_command), Counter())
        problems = [problem for block in of_command for problem in block.problems]
        places = ", ".join(f"{count} after {place}" for place, count in fell.most_common())
        lines.append(f"{command}: {fell.total()} kills ({places}): {len(problems)} problems")
        lines += [f"  {problem}" for problem in problems]
    return "\n".join(lines)


@click.command()
@click.option("--tick", default=200, help="Kills of a tick.")
@click.option("--accept", default=20, help="Kills of an acceptance.")
@click.option("--prune", default=20, help="Kills of a removal.")
@click.option("--store", default=40, help="Kills of an S3 while a tick runs.")
@click.option("--mlflow", default=20 if MLFLOW else 0, help="Kills of MLflow while a tick runs.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
def kill(output: Path, **kills: int) -> None:
    """Kill, and say what came of it; the same output again goes on with what is missing."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # of the S3, which tells each request
    lines = output.read_text().splitlines() if output.exists() else []
    every = [
        Block(**{**json.loads(line), "fell": Counter(json.loads(line)["fell"])}) for line in lines
    ]
    done = {(block.command, block.seed) for block in every}
    with blocks() as run:
        for command, size in BLOCKS.items():
            for seed in range(-(-kills[command] // size)):
                if (command, seed) in done:
                    continue
                block = run(command, seed, min(size, kills[command] - seed * size))
                every.append(block)
                with output.open("a") as file:
                    file.write(block.as_json() + "\n")
    click.echo(figures(every))
    if any(block.problems for block in every):
        raise SystemExit(1)


if __name__ == "__main__":
    kill()

"""Whatever object of a store is damaged, it is named, and the next commands go on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from deployment import DATE, Deployment
from samples import parquet, table
from ticks import Ticks, date
from web import FakeMlflow, Receiver, Web

from drift_checker import integrity
from drift_checker.config import date_key, settings_of
from drift_checker.errors import ServiceAwayError
from drift_checker.references import versions
from drift_checker.result import Verdict
from drift_checker.sources import fetch
from drift_checker.state import keys, read_latest_result

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "garbage": lambda data: bytes(255 - byte for byte in data),
}
LAST = 5
"""The tick that follows on the damage."""


class Store(Ticks):
    """A store with an accepted reference, an open episode, and a result that MLflow has missed."""

    def __init__(self, deployment: Deployment, web: Web, mlflow: FakeMlflow) -> None:
        super().__init__(deployment, web)
        self.mlflow = mlflow
        self.folder = Path(deployment.store.url.removeprefix("file://"))

    def fill(self) -> None:
        self.tick(0)
        self.tick(1, shift=2)
        assert self.cli("baseline", "accept", "--monitor", "m").exit_code == 0
        self.tick(2, shift=2)
        self.tick(3, shift=4)
        self.mlflow.failing = 100
        with pytest.raises(ServiceAwayError):
            self.tick(4, shift=4)
        self.mlflow.failing = 0
        event = {"kind": "alarm_opened", "monitor": "m", "date": date(3).isoformat()}
        event |= {"title": "drift", "message": "it drifted"}
        name = f"m-{date_key(date(3))}-alarm_opened"
        self.deployment.store.put(keys.outbox("m", name), json.dumps(event).encode())

    def cli(self, *arguments: str) -> Any:
        return self.deployment.cli(*arguments)

    def tick_by_command(self, number: int, shift: float) -> Any:
        self.web.answer("/data", parquet(table(300, seed=number + 10, shift=shift)))
        words = ["run", "--monitor", "m", "--trigger", "scheduled"]
        return self.cli(*words, "--logical-date", date(number).isoformat())

    def only(self, pattern: str) -> str:
        """The key of the last object that a pattern names."""
        found = [e.key for e in self.deployment.store.walk("") if fnmatch(e.key, pattern)]
        return max(found)

    def damage(self, key: str, how: str) -> None:
        path = self.folder / key
        path.write_bytes(DAMAGES[how](path.read_bytes()))


KINDS = {
    "pending marker": f"pending/m/{date_key(date(4))}",
    "pointer": "results/m/latest.json",
    "recent past": "results/m/recent.json",
    "seen rows": "results/m/rows.bin",
    "tick counts": "results/m/*/profile.json",
    "publication": f"results/m/{date_key(date(3))}/published.json",
    "version in force": "reference/m/in-force/000002.json",
    "version before": "reference/m/in-force/000001.json",
    "summary in force": "reference/m/{accepted}/profile.json",
    "rows of the version before": "reference/m/{fitted}/data.parquet",
    "latest result": f"results/m/{date_key(date(4))}/result.json",
    "earlier result": f"results/m/{date_key(date(3))}/result.json",
    "latest batch": f"batches/m/{date_key(date(4))}/current.parquet",
    "what is known of a batch": f"batches/m/{date_key(date(4))}/meta.json",
}
TRUTHS = {"rows of the version before", "latest result", "earlier result", "latest batch"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the store is kept that the tests damage copies of."""
    return tmp_path_factory.mktemp("filled") / "store"


@pytest.fixture
def store(deployment: Deployment, web: Web, mlflow: FakeMlflow, filled: Path) -> Store:
    store = Store(deployment, web, mlflow)
    if not filled.exists():
        store.fill()
        shutil.copytree(store.folder, filled)
    else:
        shutil.rmtree(store.folder)
        shutil.copytree(filled, store.folder)
    return store


def key_of(store: Store, kind: str) -> str:
    entries = [e.key for e in store.deployment.store.list(keys.in_force("m"))]
    fitted, accepted = (
        json.loads(store.deployment.store.get(key) or b"")["version"] for key in entries
    )
    return store.only(KINDS[kind].format(fitted=fitted, accepted=accepted))


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_goes_on(store: Store, kind: str, how: str) -> None:
    accepted = versions.version_in_force(store.deployment.store, "m")
    before = store.deployment.store.get(keys.latest("m"))
    key = key_of(store, kind)
    store.damage(key, how)

    ran = store.tick_by_command(LAST, shift=4)
    ended = [
        ran,
        store.cli("run", "--monitor", "m", "--logical-date", date(4).isoformat()),
        store.cli("status"),
        store.cli("publish", "--pending"),
        store.cli("baseline", "show", "--monitor", "m"),
        store.cli("baseline", "fit", "--monitor", "m"),
        store.cli("prune"),
    ]

    assert [
        (each.exit_code, each.exception) for each in ended if each.exit_code not in {0, 5}
    ] == []
    latest = read_latest_result(store.deployment.store, "m")
    assert latest is not None
    assert (latest.logical_date, latest.verdict) == (date(LAST), Verdict.DRIFT)
    assert before is not None
    # The episode goes on, against the version that was accepted.
    assert (latest.alarm.state, latest.alarm.since) == ("ongoing", date(3))
    assert accepted is not None
    now = versions.version_in_force(store.deployment.store, "m")
    assert now is not None
    assert now.version == accepted.version
    assert store.deployment.store.list("pending") == []
    store.cli("store", "check")
    aside = [entry.key for entry in store.deployment.store.list(keys.damaged())]
    if kind in TRUTHS and store.deployment.store.exists(keys.damaged(key)):
        assert aside == [keys.damaged(key)]
        assert keys.damaged(key) in store.cli("status").stdout


@pytest.mark.parametrize("how", DAMAGES)
def test_what_is_made_anew_says_the_same(store: Store, how: str) -> None:
    """Caches are what they were; nothing of what they were made of is touched."""
    deployment = store.deployment
    pointers = [keys.latest("m"), key_of(store, "what is known of a batch")]
    pointers += [key_of(store, "summary in force")]
    before = {key: json.loads(deployment.store.get(key) or b"") for key in pointers}
    for key in pointers:
        store.damage(key, how)

    store.cli("status")
    store.cli("baseline", "show", "--monitor", "m")
    store.cli("baseline", "accept", "--monitor", "m", "--logical-date", date(4).isoformat())

    for key in pointers:
        assert json.loads(deployment.store.get(key) or b"") == before[key], key


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_reference_is_fitted_anew_where_its_source_has_it(store: Store, how: str) -> None:
    target = store.deployment.store
    version = versions.versions_in_force(target, "m")[0].version
    store.cli("baseline", "use", "--monitor", "m", version)
    key = keys.reference("m", version, "data.parquet")
    whole = versions.load_reference(target, "m", versions.summary_in_force(target, "m"))
    store.damage(key, how)

    ran = store.tick_by_command(LAST, shift=0)

    assert ran.exit_code == 0, ran.output
    anew = versions.load_reference(target, "m", versions.summary_in_force(target, "m"))
    assert anew.table.equals(whole.table)
    assert target.exists(keys.damaged(key))


def test_a_damaged_reference_that_was_accepted_is_named_with_the_ways_out(store: Store) -> None:
    accepted = versions.version_in_force(store.deployment.store, "m")
    assert accepted is not None
    key = keys.reference("m", accepted.version, "data.parquet")
    store.damage(key, "truncated")

    ran = store.tick_by_command(LAST, shift=4)

    assert ran.exit_code == 2
    assert key in ran.output
    assert "drift-checker baseline use VERSION --monitor m" in ran.output
    assert keys.damaged(key) in store.cli("status").stdout
    first = versions.versions_in_force(store.deployment.store, "m")[0].version
    assert store.cli("baseline", "use", "--monitor", "m", first).exit_code == 0
    assert store.tick_by_command(LAST, shift=4).exit_code == 0


def test_a_byte_that_was_turned_in_a_batch_is_told_by_its_checksum(store: Store) -> None:
    key = key_of(store, "latest batch")
    path = store.folder / key
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.write_bytes(bytes(data))

    store.cli("baseline", "accept", "--monitor", "m", "--logical-date", date(4).isoformat())

    assert store.deployment.store.exists(keys.damaged(key))
    assert not store.deployment.store.exists(key)


def test_a_damaged_object_that_comes_again_is_kept_beside_the_first(store: Store) -> None:
    key = key_of(store, "latest result")
    for _ in range(2):
        store.damage(key, "truncated")
        ran = store.cli("run", "--monitor", "m", "--logical-date", date(4).isoformat())
        assert ran.exit_code == 0, ran.output
    aside = [entry.key for entry in store.deployment.store.list(keys.damaged())]
    assert aside == [keys.damaged(key), f"{keys.damaged(key)}.1"]


@pytest.mark.parametrize("command", ["status", "publish", "repeated tick", "next tick"])
def test_a_pointer_that_was_left_behind_is_moved(store: Store, command: str) -> None:
    """As after a kill between the result and the pointer."""
    target, number = store.deployment.store, LAST
    old = {key: target.get(key) for key in (keys.latest("m"), keys.recent("m"))}
    store.mlflow.failing = 100
    with pytest.raises(ServiceAwayError):
        store.tick(LAST, shift=4)
    store.mlflow.failing = 0
    for key, data in old.items():
        assert data is not None
        target.put(key, data)

    match command:
        case "status":
            store.cli("status")
        case "publish":
            store.cli("publish", "--pending")
        case "repeated tick":
            store.tick(LAST, shift=4)
            assert findings(store) == []
        case "next tick":
            store.tick(LAST + 1, shift=4)
            number = LAST + 1

    latest = json.loads(target.get(keys.latest("m")) or b"")
    assert datetime.fromisoformat(latest["logical_date"]) == date(number)


def test_a_result_that_replaced_another_moves_the_pointer(store: Store) -> None:
    reference = store.deployment.settings.monitors_file.parent / "reference.parquet"
    reference.write_bytes(parquet(table(1000, seed=1, shift=4)))
    store.cli("baseline", "fit", "--monitor", "m")
    store.tick(4, force=True)
    latest = read_latest_result(store.deployment.store, "m")
    assert latest is not None
    assert (latest.logical_date, latest.verdict) == (date(4), Verdict.OK)


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "is killed before its table"])
def test_two_runs_of_one_date_leave_one_batch_and_what_is_known_of_it(
    deployment: Deployment,
    web: Web,
    mlflow: FakeMlflow,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ends: bool,
) -> None:
    """One overtakes the other between its answer and its table."""
    put = fetch.Store.put_if_absent
    other = parquet(table(300, seed=77))

    def dying(self: Any, key: str, data: bytes) -> bool:
        raise KilledError

    def overtaken(self: Any, key: str, data: bytes) -> bool:
        if not key.endswith("/current.parquet"):
            return put(self, key, data)
        monkeypatch.setattr(fetch.Store, "put_if_absent", put if ends else dying)
        web.answer("/data", other)
        with suppress(KilledError):
            deployment.run()
        monkeypatch.setattr(fetch.Store, "put_if_absent", put)
        return put(self, key, data)

    monkeypatch.setattr(fetch.Store, "put_if_absent", overtaken)
    deployment.run()

    beside = json.loads(deployment.store.get(keys.batch("m", DATE, "meta.json")) or b"")
    loaded = fetch.load_batch(deployment.store, "m", DATE)
    assert loaded is not None
    assert beside["digest"] == loaded.batch.digest
    assert deployment.run().current.digest == loaded.batch.digest


def test_what_is_known_of_another_batch_is_made_anew(store: Store) -> None:
    """As older versions have left it: of two runs, the table of one and the words of the other."""
    target = store.deployment.store
    ours, others = (keys.batch("m", date(number), "meta.json") for number in (4, 3))
    before = target.get(ours)
    foreign = json.loads(target.get(others) or b"") | {"sha256": None}
    target.put(ours, json.dumps(foreign).encode())

    store.cli("baseline", "accept", "--monitor", "m", "--logical-date", date(4).isoformat())

    assert target.get(ours) == before
    assert target.list(keys.damaged()) == []


def test_ticks_go_on_for_long_after(store: Store) -> None:
    """Nothing damaged comes up again later: all caches at once."""
    for kind in ("pointer", "recent past", "seen rows", "tick counts", "pending marker"):
        store.damage(key_of(store, kind), "garbage")
    for number in range(LAST, LAST + 4):
        assert store.tick(number, shift=4).alarm.since == date(3)
    assert timedelta(0) < date(LAST) - DATE


def findings(store: Store, *options: str) -> list[dict[str, Any]]:
    ended = store.cli("store", "check", "--format", "json", *options)
    assert ended.exit_code in {0, 7}, ended.output
    found: list[dict[str, Any]] = json.loads(ended.stdout)["findings"]
    assert (ended.exit_code == 7) == (not all(each["repaired"] for each in found))
    return found


def test_a_sound_store_is_called_so(store: Store) -> None:
    ended = store.cli("store", "check")
    assert ended.exit_code == 0, ended.output
    every = len(list(store.deployment.store.walk("")))
    assert ended.stdout == f"{every} objects: all is sound; 0 set aside below damaged/\n"


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", [*KINDS, "event"])
def test_what_is_damaged_is_found_and_repaired_as_it_is_said(
    store: Store, kind: str, how: str
) -> None:
    target = store.deployment.store
    key = store.only("outbox/*") if kind == "event" else key_of(store, kind)
    store.damage(key, how)
    damaged = target.get(key)

    said = findings(store)

    assert (key, "damaged") in [(each["key"], each["problem"]) for each in said]
    assert target.get(key) == damaged
    repaired = findings(store, "--repair")
    assert [{**each, "repaired": False} for each in repaired[: len(said)]] == said
    # What nobody can make anew is missed from then on.
    lost = [(key, "missing")] if kind == "rows of the version before" else []
    assert [(each["key"], each["problem"]) for each in findings(store)] == lost
    if kind in TRUTHS:
        assert target.get(keys.damaged(key)) == damaged
    assert store.tick_by_command(LAST, shift=4).exit_code == 0
    assert [(each["key"], each["problem"]) for each in findings(store)] == lost


def test_a_checksum_tells_of_a_byte_that_was_turned(store: Store) -> None:
    key = key_of(store, "latest batch")
    path = store.folder / key
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 1
    path.write_bytes(bytes(data))
    assert [(each["key"], each["problem"]) for each in findings(store)] == [(key, "damaged")]


LOST = {
    "pointer": "missing",
    "recent past": "missing",
    "what is known of a batch": "missing",
    "summary in force": "missing",
    "pending marker": "missing",
}


@pytest.mark.parametrize("kind", LOST)
def test_what_is_lost_is_made_anew(store: Store, kind: str) -> None:
    target, key = store.deployment.store, key_of(store, kind)
    before = json.loads(target.get(key) or b"")
    target.delete(key)

    (said,) = findings(store, "--repair")

    assert (said["key"], said["problem"]) == (key, LOST[kind])
    anew = json.loads(target.get(key) or b"")
    told = {name: value for name, value in before.items() if name != "dag_run_id"}
    assert {name: anew[name] for name in told} == told
    assert findings(store) == []


def test_what_nobody_can_repair_is_named_and_stays(store: Store) -> None:
    key = key_of(store, "latest batch")
    folder = store.folder / key.rpartition("/")[0]
    shutil.rmtree(folder)
    for _ in range(2):
        (said,) = findings(store, "--repair")
        assert (said["key"], said["problem"]) == (key.rpartition("/")[0], "missing")
        assert not said["repaired"]


def test_what_was_left_behind_is_moved_and_what_belongs_to_nothing_goes(store: Store) -> None:
    target, key = store.deployment.store, keys.latest("m")
    pointer = json.loads(target.get(key) or b"") | {"logical_date": date(3).isoformat()}
    target.put(key, json.dumps(pointer).encode())
    marker = keys.pending("m", date(9))
    target.put(marker, b"{}")
    long_ago = (DATE - timedelta(days=2)).timestamp()
    os.utime(store.folder / marker, (long_ago, long_ago))

    assert [(each["key"], each["problem"]) for each in findings(store, "--repair")] == [
        (key, "behind"),
        (marker, "orphaned"),
    ]
    latest = read_latest_result(target, "m")
    assert latest is not None
    assert latest.logical_date == date(4)
    assert findings(store) == []


def test_a_large_store_says_how_far_the_check_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity, "PROGRESS", 10)
    ended = store.cli("store", "check")
    assert (
        ended.stderr.count('"event": "checked"') == len(list(store.deployment.store.walk(""))) // 10
    )


@pytest.mark.parametrize("how", DAMAGES)
def test_an_event_that_is_damaged_is_told_by_its_name_and_result(
    store: Store, web: Web, how: str
) -> None:
    receiver = Receiver(web, "/people")
    with store.deployment.env_file.open("a") as env:
        env.write(f"DRIFT_NOTIFICATION_URLS={receiver.url}\n")
    store.damage(store.only("outbox/*"), how)

    assert store.cli("notify", "due").exit_code == 0

    (told,) = receiver.messages
    assert told["title"] == "m: 1 new alarm, 1 silent"
    assert f"- m: drift since {date(3):%Y-%m-%d %H:%M:%SZ}\n" in told["message"]
    assert "drift in x" in told["message"]
    assert store.deployment.store.list("outbox") == []


@pytest.mark.parametrize("how", DAMAGES)
def test_an_attempt_that_is_damaged_is_not_repeated(store: Store, web: Web, how: str) -> None:
    receiver = Receiver(web, "/people", status=500)
    with store.deployment.env_file.open("a") as env:
        env.write(f"DRIFT_NOTIFICATION_URLS={receiver.url}\n")
    store.cli("notify", "due")
    store.damage(store.only(f"notifications/m/{date_key(date(3))}/*"), how)
    receiver.status = 200

    assert store.cli("notify", "due").exit_code == 0

    assert not any("drift since" in each["message"] for each in receiver.messages)
    assert findings(store, "--repair")
    assert findings(store) == []


@pytest.mark.parametrize("how", DAMAGES)
def test_a_profile_of_the_reference_that_is_damaged_is_fitted_again(store: Store, how: str) -> None:
    """That of a large one, which a tick reads in place of the rows."""
    settings = settings_of(store.deployment.monitors, store.deployment.monitor)
    large = replace(settings, large_values=0)
    store.tick(LAST, shift=4, compare_settings=large)
    key = store.only("reference/m/*/columns-*.npz")
    whole = store.deployment.store.get(key)
    store.damage(key, how)

    store.tick(LAST + 1, shift=4, compare_settings=large)

    assert store.deployment.store.get(key) == whole
    store.damage(key, how)
    assert [(each["key"], each["problem"]) for each in findings(store)] == [(key, "damaged")]

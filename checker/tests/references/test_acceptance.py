"""The new normal becomes the reference, and nothing of the old is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from deployment import DATE, Deployment
from samples import parquet, table
from ticks import Ticks, date
from web import Web

from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.references import (
    accept_ticks,
    last_valid_ticks,
    latest_normal_ticks,
    use_version,
    versions,
)
from drift_checker.state import keys

SCHEDULE = "*/5 * * * *"


class Normal(Ticks):
    """Ticks of which some are the new normal."""

    def chosen(self) -> list[int]:
        found = latest_normal_ticks(self.deployment.store, self.deployment.monitor, SCHEDULE)
        return [int((moment - DATE) / timedelta(minutes=5)) for moment in found]

    def stored(self) -> list[str]:
        return [entry.key for entry in self.deployment.store.walk("")]

    def accept(self, *arguments: str) -> dict[str, Any]:
        ended = self.deployment.cli(
            "baseline", "accept", "--monitor", "m", "--format", "json", *arguments
        )
        assert ended.exit_code == 0, ended.output
        found: dict[str, Any] = json.loads(ended.stdout)
        return found


@pytest.fixture
def ticks(deployment: Deployment, web: Web) -> Normal:
    return Normal(deployment, web)


def test_after_acceptance_the_next_tick_is_ok_and_the_episode_closes(ticks: Normal) -> None:
    store = ticks.deployment.store
    assert ticks.tick(0).verdict == "ok"
    alarms = [ticks.tick(number, shift=2).alarm for number in (1, 2)]
    assert [alarm.state for alarm in alarms] == ["opened", "ongoing"]
    old = versions.load_reference(store, "m", versions.summary_in_force(store, "m")).table

    accepted = ticks.accept()

    assert accepted["changed"]
    assert (accepted["rows"], len(accepted["ticks"])) == (600, 2)
    after = ticks.tick(3, shift=2)
    assert (after.verdict, after.reference.version) == ("ok", accepted["version"])
    assert (after.alarm.state, after.alarm.id) == ("closed", alarms[0].id)
    assert ticks.tick(4).verdict == "drift"
    before = store.get(keys.reference("m", accepted["before"], "data.parquet"))
    assert pa.parquet.read_table(pa.BufferReader(before)).equals(old)


def test_accepting_twice_changes_nothing(ticks: Normal) -> None:
    ticks.tick(1, shift=2)
    first = ticks.accept()

    assert ticks.accept() == first | {
        "changed": False, "before": first["version"], "ticks": []
    }  # fmt: skip
    named = ticks.accept("--logical-date", date(1).isoformat())
    assert (named["changed"], named["version"]) == (False, first["version"])
    assert len(versions.versions_in_force(ticks.deployment.store, "m")) == 2


def test_fitting_undoes_no_acceptance_but_follows_another_reference(ticks: Normal) -> None:
    deployment = ticks.deployment
    configured = versions.summary_in_force(deployment.store, "m").version
    ticks.tick(1, shift=2)
    version = ticks.accept()["version"]

    fitted = versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)
    assert (fitted.changed, fitted.version) == (False, version)

    file = deployment.settings.monitors_file.parent / "reference.parquet"
    file.write_bytes(parquet(table(1000, seed=7)))
    fitted = versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)
    assert fitted.changed
    assert fitted.version == versions.summary_in_force(deployment.store, "m").version
    history = [entry.version for entry in versions.versions_in_force(deployment.store, "m")]
    assert history == [configured, version, fitted.version]


def test_an_older_version_can_be_put_in_force_again(ticks: Normal) -> None:
    ticks.tick(1, shift=2)
    accepted = ticks.accept()

    said = ticks.deployment.cli("baseline", "use", "--monitor", "m", accepted["before"]).output

    assert f"{accepted['before']} in force instead of {accepted['version']}: 1000 rows" in said
    assert ticks.tick(2, shift=2).verdict == "drift"
    shown = ticks.deployment.cli("baseline", "show", "--monitor", "m").output
    assert shown.count("since 20") == 3
    assert "from the batch of 20261123T090500Z" in shown


def test_within_an_episode_its_own_valid_ticks_are_chosen(ticks: Normal) -> None:
    ticks.tick(0)
    ticks.tick(1, shift=2)
    ticks.tick(2, shift=2, rows=20)
    ticks.tick(3, shift=2)
    ticks.tick(4, shift=2, trigger="manual")

    assert ticks.chosen() == [3, 1]


def test_without_an_episode_ticks_that_were_ok_are_chosen(ticks: Normal) -> None:
    for number, shift in enumerate([0, 2, 0, 0, 0]):
        ticks.tick(number, shift=shift)
    assert ticks.chosen() == [4, 3, 2, 0]

    ticks.accept()
    assert ticks.chosen() == []
    ticks.tick(5)
    assert ticks.chosen() == [5]


def test_no_more_ticks_are_chosen_than_make_a_good_reference(ticks: Normal) -> None:
    for number in range(4):
        ticks.tick(number, rows=2500)

    assert ticks.chosen() == [3, 2]


def test_the_last_ticks_are_valid_ones_of_the_schedule(ticks: Normal) -> None:
    deployment = ticks.deployment
    for number, rows in enumerate([300, 300, 20]):
        ticks.tick(number, rows=rows)

    chosen = last_valid_ticks(deployment.store, deployment.monitor, SCHEDULE, 2)
    assert chosen == [date(1), date(0)]
    with pytest.raises(UsageError, match="--last 3: m has 2 valid scheduled ticks"):
        last_valid_ticks(deployment.store, deployment.monitor, SCHEDULE, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--last", "1", "--logical-date", DATE.isoformat()], "either --logical-date or --last"),
        (["--logical-date", date(7).isoformat()], "no result and batch of 20261123T093500Z"),
        (["--logical-date", date(1).isoformat()], "the batch of 20261123T090500Z is invalid"),
    ],
)
def test_what_cannot_be_accepted_is_named(ticks: Normal, arguments: list[str], said: str) -> None:
    ticks.tick(1, rows=20)

    refused = ticks.deployment.cli("baseline", "accept", "--monitor", "m", *arguments)

    assert refused.exit_code == 2
    assert said in refused.output


def test_a_batch_without_types_takes_those_of_the_reference(ticks: Normal) -> None:
    """Codes that look like numbers stay categories, whole numbers may become fractions."""
    deployment = ticks.deployment
    file = deployment.settings.monitors_file.parent / "reference.parquet"
    codes = pa.array(["1", "2", "3"] * 100)
    file.write_bytes(parquet(pa.table({"code": codes, "count": pa.array(range(300))})))
    versions.fit_reference(deployment.store, deployment.monitor, deployment.settings)
    sink = pa.BufferOutputStream()
    batch = pa.table({"code": codes, "count": pa.array([n + 0.5 for n in range(300)])})
    pa.csv.write_csv(batch, sink)
    ticks.web.answer("/data", sink.getvalue().to_pybytes(), content_type="text/csv")
    deployment.run(date(1), "scheduled")

    accepted = accept_ticks(deployment.store, deployment.monitor, [date(1)])

    assert accepted.changed
    profile = versions.summary_in_force(deployment.store, "m")
    reference = versions.load_reference(deployment.store, "m", profile)
    assert profile.columns == {"code": "string", "count": "double"}
    assert not profile.untyped
    assert reference.table.column("count").to_pylist()[:2] == [0.5, 1.5]


def test_of_two_acceptances_at_once_one_is_refused(
    ticks: Normal, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = ticks.deployment
    ticks.tick(1, shift=2)
    put, store = versions.store_version, deployment.store

    def overtaken(*arguments: Any) -> None:
        put(*arguments)
        monkeypatch.setattr(versions, "store_version", put)
        accept_ticks(store, deployment.monitor, [date(2)])

    ticks.tick(2, shift=2)
    monkeypatch.setattr(versions, "store_version", overtaken)

    with pytest.raises(UsageError, match="came into force meanwhile"):
        accept_ticks(store, deployment.monitor, [date(1)])
    assert versions.summary_in_force(store, "m").source.endswith("20261123T091000Z")


def test_a_version_that_is_not_there_cannot_be_used(deployment: Deployment) -> None:
    with pytest.raises(BadReferenceError, match="m has no version 123"):
        use_version(deployment.store, "m", "123")


def test_a_preview_says_what_would_become_the_reference_and_changes_nothing(ticks: Normal) -> None:
    ticks.tick(0)
    for number in (1, 2):
        ticks.tick(number, shift=2)
    before, kept = versions.summary_in_force(ticks.deployment.store, "m"), ticks.stored()

    preview = ticks.accept("--dry-run")

    assert ticks.stored() == kept
    assert preview["changed"]
    assert preview["before"] == {
        "version": before.version, "rows": 1000, "source": before.source
    }  # fmt: skip
    assert preview["after"]["rows"] == 600
    dates = [date(1), date(2)]
    assert [tick["logical_date"] for tick in preview["ticks"]] == [
        f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in dates
    ]
    assert [(tick["rows"], tick["verdict"]) for tick in preview["ticks"]] == [(300, "drift")] * 2
    assert all("x" in tick["drifted_columns"] for tick in preview["ticks"])
    shifts = {shift["name"]: shift for shift in preview["columns"]}
    assert shifts["x"]["change"].startswith("median ")
    assert shifts["x"]["effect_size"] > 0.5
    assert shifts["x"]["missing"] == [0, 0]
    # What is shown is what is accepted.
    assert ticks.accept()["version"] == preview["after"]["version"]


def test_a_preview_is_read_by_people(ticks: Normal) -> None:
    ticks.tick(0)
    ticks.tick(1, shift=2)
    before = versions.summary_in_force(ticks.deployment.store, "m").version

    said = ticks.deployment.cli("baseline", "accept", "--monitor", "m", "--dry-run").output

    assert f"would become the reference instead of {before}" in said
    assert "1 of 1 ticks drifted:" in said
    assert "2026-11-23T09:05:00Z  300   drift    x" in said
    assert "0 % -> 0 %  median " in said
    back = f"drift-checker baseline use --monitor m {before}"
    assert said.endswith(f"to go back afterwards: {back}\n")
    accepted = ticks.deployment.cli("baseline", "accept", "--monitor", "m").output
    assert accepted.endswith(f"to go back: {back}\n")


def test_a_preview_of_nothing_new_says_so(ticks: Normal) -> None:
    ticks.tick(1, shift=2)
    accepted = ticks.accept()

    preview = ticks.accept("--dry-run")
    assert (preview["changed"], preview["ticks"], preview["columns"]) == (False, [], [])
    assert "stays in force, 300 rows: there is nothing newer" in preview["text"]
    named = ticks.accept("--dry-run", "--logical-date", date(1).isoformat())
    assert not named["changed"]
    assert named["text"].endswith("its ticks are the reference already")

    back = ticks.deployment.cli(
        "baseline", "use", "--monitor", "m", "--dry-run", accepted["before"]
    ).output
    assert f"m: {accepted['before']} would become the reference" in back
    assert "ticks drifted" not in back


@pytest.mark.parametrize("command", [("accept",), ("use", "{first}")])
def test_what_was_shown_is_not_put_in_force_instead_of_something_else(
    ticks: Normal, command: tuple[str, ...]
) -> None:
    ticks.tick(1, shift=2)
    first = ticks.accept()["before"]
    ticks.tick(2, shift=2)

    words = [word.format(first=first) for word in command]
    refused = ticks.deployment.cli("baseline", *words, "--monitor", "m", "--instead-of", first)

    assert refused.exit_code == 2
    assert "another version came into force meanwhile" in refused.output

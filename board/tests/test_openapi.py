"""The whole API by its own document: whatever it allows is answered as it says, never by a 5xx."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from conftest import BEARER, Deployment
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import FatalError, NonFatalError, PhaseFinished, ScenarioFinished
from schemathesis.schemas import BaseSchema
from stored import MonitorFeed, write

EXAMPLES = 25
"""Of each operation, beside those of all limits: seconds in all."""
HOST = {"Host": "localhost"}


@pytest.fixture
def document(deployment: Deployment, preview: object, runs: object) -> Iterator[BaseSchema]:
    """The document of a board with monitors of both kinds, whose Airflow takes every run."""
    feeds = [
        MonitorFeed("flights", drift=9, by_hand=True),
        MonitorFeed("pushed", settings={"current": "push"}),
    ]
    write(deployment.store, deployment.folder, feeds, all_results=True)
    config = SchemathesisConfig.from_dict(
        {
            "headers": HOST | BEARER,
            "seed": 1,
            "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
        }
    )
    with deployment.client() as client:
        yield schemathesis.openapi.from_asgi(
            "/openapi.json", client.app, headers=HOST, config=config
        )


def test_every_answer_is_as_the_document_says(document: BaseSchema) -> None:
    """Examples, limits, what is drawn, and sequences that go on from what was answered."""
    found, tried, phases = set[str](), set[str](), dict[str, Status]()
    for event in from_schema(document).execute():
        match event:
            case PhaseFinished():
                phases[event.phase.name.value] = event.status
            case FatalError():
                raise event.exception
            case NonFatalError():
                found.add(f"{event.label}: {event.value}")
            case ScenarioFinished():
                tried.add(event.recorder.label)
                found |= {
                    f"{event.recorder.label}: {failed.failure}\n{failed.code_sample}"
                    for checks in event.recorder.checks.values()
                    for failed in (check.failure_info for check in checks)
                    if failed
                }
    assert not found, "\n\n".join(sorted(found))
    assert tried >= {each.ok().label for each in document.get_all_operations()}
    for phase in ("coverage", "fuzzing", "stateful"):
        assert phases[phase] is Status.SUCCESS

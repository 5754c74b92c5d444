import io
import json
import re
from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import URL
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

MAX_ROWS = 1_000_000


def parse(form: str, content: bytes, schema: pa.Schema) -> pa.Table:
    if form == "parquet":
        return pq.read_table(io.BytesIO(content))
    if form == "csv":
        options = pyarrow.csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, quoted_strings_can_be_null=False
        )
        return pyarrow.csv.read_csv(io.BytesIO(content), convert_options=options)
    records = json.loads(content)
    for record in records:
        record["time_hour"] = datetime.fromisoformat(record["time_hour"])
    return pa.Table.from_pylist(records, schema)


def test_nothing_needs_to_be_asked_for(client: TestClient) -> None:
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.json()) == 1000
    assert answer.headers["x-drift-injected"] in {"true", "false"}


@pytest.mark.parametrize("scenario", ["none", "missing_values"])
@pytest.mark.parametrize("rows", [1, 1000, 20_000])
def test_formats_hold_the_same_table(
    client: TestClient, base: pa.Table, rows: int, scenario: str
) -> None:
    tables = [
        parse(
            form,
            client.get(
                URL, params={"rows": rows, "seed": 3, "format": form, "scenario": scenario}
            ).content,
            base.schema,
        )
        for form in ("json", "csv", "parquet")
    ]
    assert tables[0] == tables[1] == tables[2]
    assert tables[0].schema == base.schema
    assert tables[0].num_rows == rows


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_told_seed_gives_the_same_bytes(client: TestClient, form: str) -> None:
    first = client.get(URL, params={"format": form})
    again = client.get(URL, params={"format": form, "seed": first.headers["x-drift-seed"]})
    assert again.content == first.content
    for name in ("x-drift-injected", "x-drift-scenario", "x-drift-columns"):
        assert again.headers.get(name) == first.headers.get(name)


def test_told_time_gives_the_same_replay(client: TestClient) -> None:
    first = client.get(URL, params={"mode": "replay"})
    again = client.get(URL, params={"mode": "replay", "at": first.headers["x-drift-at"]})
    assert again.content == first.content


def test_headers_tell_the_truth(client: TestClient) -> None:
    clean = client.get(URL, params={"scenario": "none", "seed": 1})
    assert clean.headers["x-drift-injected"] == "false"
    assert "x-drift-scenario" not in clean.headers
    assert "x-drift-columns" not in clean.headers
    drifted = client.get(URL, params={"scenario": "missing_values", "seed": 1})
    assert drifted.headers["x-drift-injected"] == "true"
    assert drifted.headers["x-drift-scenario"] == "missing_values"
    nulls = {
        name
        for name in drifted.json()[0]
        if sum(record[name] is None for record in drifted.json()) > 200
    }
    assert set(drifted.headers["x-drift-columns"].split(",")) == nulls


def test_override_is_refused_unless_allowed(serve: Callable[..., TestClient]) -> None:
    answer = serve().get(URL, params={"scenario": "scale"})
    assert answer.status_code == 403
    assert "DRIFT_ALLOW_OVERRIDE=true" in answer.json()["detail"]


@given(
    rows=st.integers(max_value=0)
    | st.integers(min_value=MAX_ROWS + 1)
    | st.floats(0.1, 0.9)
    | st.text(alphabet="abc-", min_size=1)
)
def test_rows_out_of_bounds_are_refused(client: TestClient, rows: object) -> None:
    answer = client.get(URL, params={"rows": str(rows)})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("rows: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", "-1"),
        ("seed", str(2**63)),
        ("format", "xml"),
        ("mode", "rewind"),
        ("at", "yesterday"),
        ("at", "0001-01-01T00:00:00+02:00"),
        ("scenario", "earthquake"),
        ("strength", "0"),
        ("strength", "inf"),
        ("row", "10"),
    ],
)
def test_wrong_parameter_is_named(client: TestClient, name: str, value: str) -> None:
    answer = client.get(URL, params={name: value})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{name}")
    assert value in answer.json()["detail"]


def test_fewer_rows_than_usual_may_be_the_most(serve: Callable[..., TestClient]) -> None:
    small = serve(max_rows=10)
    assert len(small.get(URL).json()) == 10
    assert small.get(URL, params={"rows": 11}).status_code == 422


def test_health_and_readiness(client: TestClient, base: pa.Table, stream: pa.Table) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {
        "base_rows": base.num_rows,
        "stream_rows": stream.num_rows,
    }


def test_metrics_count_requests_batches_and_rows(serve: Callable[..., TestClient]) -> None:
    client = serve(allow_override=True)
    client.get(URL, params={"scenario": "scale", "rows": 7})
    client.get(URL, params={"scenario": "none", "rows": 5})
    client.get(URL, params={"rows": 0})
    client.get("/no/such/page")
    lines = client.get("/metrics").text.splitlines()
    for line in (
        'drifter_requests_total{path="/api/v1/data",status="200"} 2.0',
        'drifter_requests_total{path="/api/v1/data",status="422"} 1.0',
        'drifter_requests_total{path="other",status="404"} 1.0',
        'drifter_batches_total{mode="resample",scenario="scale"} 1.0',
        'drifter_batches_total{mode="resample",scenario="none"} 1.0',
        'drifter_rows_total{mode="resample"} 12.0',
        'drifter_request_seconds_count{path="/api/v1/data"} 3.0',
    ):
        assert line in lines


def test_openapi_describes_every_parameter_answer_and_header(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"][URL]["get"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert parameters.keys() == {
        "rows", "seed", "format", "mode", "at", "scenario", "strength",
    }  # fmt: skip
    assert all(parameter["description"] for parameter in parameters.values())
    assert not any(parameter["required"] for parameter in parameters.values())
    assert parameters["rows"]["schema"]["maximum"] == MAX_ROWS
    assert operation["responses"].keys() == {"200", "403", "422"}
    assert "X-Drift-Columns" in operation["responses"]["200"]["headers"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "LOCALHOST:18000"])
def test_it_answers_by_its_own_names(client: TestClient, host: str) -> None:
    assert client.get("/readyz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:8000",
        "localhost.rebound.example",
        "127.0.0.1.example",
        "",
    ],
)
@pytest.mark.parametrize("path", [URL, "/docs", "/metrics", "/healthz"])
def test_it_refuses_other_names(client: TestClient, host: str, path: str) -> None:
    """A page whose name was made to lead to this machine asks by that name."""
    assert client.get(path, headers={"Host": host}).status_code == 400


def test_further_names_are_a_setting(serve: Callable[..., TestClient]) -> None:
    further = serve(allowed_hosts="drifter,*.internal.example")

    def status(host: str) -> int:
        return further.get("/readyz", headers={"Host": host}).status_code

    assert [status(host) for host in ("drifter:80", "a.internal.example", "localhost")] == [
        200,
        200,
        400,
    ]


def test_the_documentation_needs_no_internet(client: TestClient) -> None:
    page = client.get("/docs").text

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/swagger/")
        assert client.get(address).status_code == 200
    assert '"validatorUrl": null' in page

"""What `make status` prints of names that come from a source."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
MARKERS: dict[str, str] = runpy.run_path(str(ROOT / "checker/tests/markers.py"))["MARKERS"]
STATUS = {
    "monitors": [
        {
            "name": "m",
            "verdict": "drift",
            "logical_date": "2026-11-23T09:00:00Z",
            "drifted_columns": list(MARKERS.values()),
            "faults": [],
            "run_url": None,
            "silent": False,
            "alarm": "ongoing",
            "open_alarm": {
                "id": "m-20261123T085500Z",
                "since": "2026-11-23T08:55:00Z",
                "columns": ["temp", MARKERS["braces"]],
            },
            "muted_until": "2026-11-24T00:00:00Z",
        }
    ],
    "waiting": [
        {
            "event": "m-20261123T090000Z-alarm_opened",
            "address": "json-0123abcd",
            "since": "2026-11-23T09:00:00Z",
            "attempts": 3,
            "reason": "it redirects",
        }
    ],
}
PLAY = [
    {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "platform": "local",
            "mlflow_url": "http://mlflow",
            "mlflow_page_url": "http://mlflow",
            "board_page_url": "http://board",
            "pages": ["the pages"],
        },
        "tasks": [
            {
                "ansible.builtin.command": {"argv": ["cat", "status.json"]},
                "register": "checker_run",
            },
            {
                "ansible.builtin.set_fact": {
                    "checker_status": "{{ checker_run.stdout | from_json }}"
                }
            },
            {"ansible.builtin.include_role": {"name": "checker", "tasks_from": "show"}},
        ],
    }
]


def test_names_of_a_source_are_text_and_what_waits_is_shown(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(json.dumps(STATUS))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))

    ended = subprocess.run(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "--inventory",
            "localhost,",
            "play.yml",
        ],
        cwd=tmp_path,
        env=os.environ
        | {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
            "ANSIBLE_NOCOLOR": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout
    shown = ended.stdout.partition("Show the last verdicts")[2]
    assert all(line.isprintable() for line in shown.split("\n"))
    assert not any(line.strip().startswith("Error: marker") for line in shown.split("\n"))
    assert MARKERS["braces"] in shown
    assert "alarm open since 2026-11-23T08:55:00Z, muted until 2026-11-24T00:00:00Z: " in shown
    assert ", http://board/monitors/m" in shown
    assert (
        "not told: m-20261123T090000Z-alarm_opened to json-0123abcd, "
        "since 2026-11-23T09:00:00Z, attempts: 3: it redirects"
    ) in shown

"""Mistakes that people make in group_vars/all/main.yml, and what they are told of each.

Also read by the checker's tests, which give them to what checks the settings, without Ansible.
"""

from __future__ import annotations

from typing import NamedTuple


class Wrong(NamedTuple):
    """An edit of the file."""

    old: str
    new: str
    told: str
    """How its line begins behind the name of the file; there is no other line."""


CRON = "allowed: a cron expression of five fields in UTC"

WRONG = (
    Wrong(
        "alarms_per_week:",
        "alarms_per_weak:",
        "alarms_per_weak: unknown setting; did you mean alarms_per_week?",
    ),
    Wrong("drift_prob:", "drift_porb:", "drift_porb: unknown setting; did you mean drift_prob?"),
    Wrong(
        "mlflow_port: 5000",
        "mlflow_prot: 5000",
        "mlflow_prot: unknown setting; did you mean mlflow_port?",
    ),
    Wrong(
        "report: episode",
        "report: episode\ncolour: red",
        "colour: unknown setting; nothing reads it",
    ),
    Wrong("drift_prob: 0.1", "drift_prob: 1.5", "drift_prob: allowed: 1 or less (got 1.5)"),
    Wrong(
        "drift_strength: 1.0", "drift_strength: 0", "drift_strength: allowed: more than 0 (got 0)"
    ),
    Wrong("[mean_shift, ", "[mean_shfit, ", "drift_scenarios[0]: allowed: 'mean_shift', 'scale', "),
    Wrong(
        "alarms_per_week: 1",
        "alarms_per_week: .inf",
        "alarms_per_week: allowed: a finite number (got inf)",
    ),
    Wrong(
        "alarms_per_week: 1",
        "alarms_per_week: many",
        "alarms_per_week: allowed: a number (got 'many')",
    ),
    Wrong(
        "retention_days: 30", "retention_days: 0", "retention_days: allowed: more than 0 (got 0)"
    ),
    Wrong(
        "report: episode",
        "report: sometimes",
        "report: allowed: 'episode', 'always' or 'never' (got 'sometimes')",
    ),
    Wrong('check_schedule: "*/5 ', 'check_schedule: "61 ', f"check_schedule: {CRON}"),
    Wrong('check_schedule: "*/5 * * * *"', "check_schedule: hourly", f"check_schedule: {CRON}"),
    Wrong(
        "15 3 * * *",
        "0 0 31 2 *",
        "maintenance_schedule: it names no day that there is; allowed: a cron",
    ),
    Wrong("report: episode", "report: episode\nreport: always", "report: stands twice, in lines "),
    Wrong(
        "airflow_port: 8080",
        "airflow_port: 5000",
        "airflow_port: port 5000 is that of mlflow_port too: choose another one",
    ),
    Wrong(
        "airflow_port: 8080",
        "airflow_port: 80800",
        "airflow_port: allowed: 65535 or less (got 80800)",
    ),
    Wrong(
        '"{{ project_dir }}/.state"', "state", "state_dir: allowed: an absolute path (got 'state')"
    ),
    Wrong("url: ", "uri: ", "monitors[0].current.uri: unknown key; did you mean url?"),
    Wrong(
        "reference:\n", "refrence:\n", "monitors[0].refrence: unknown key; did you mean reference?"
    ),
    Wrong(
        "/api/v1/data",
        "/api/v1/{logical_date.year}",
        "monitors[0].current.url: {logical_date.year} stands for nothing; allowed ",
    ),
    Wrong(
        "- name: flights",
        "- name: Flights of today",
        "monitors[0].name: allowed: at most 40 of `a-z`, `0-9` and `-`",
    ),
    Wrong(
        "data/reference.parquet",
        "data/refrence.parquet",
        "monitors[0].reference.path: there is no such file or directory (got '",
    ),
    Wrong(
        "target: arr_delay",
        "target: arr_dealy",
        "monitors[0].columns.target: the reference has no column arr_dealy; did you mean arr_delay",
    ),
    Wrong(
        "sampling: iid",
        "sampling: iid\n    credentials: shop",
        "monitors[0].credentials: unknown key; allowed: name, current, reference, ",
    ),
    Wrong(
        "params: {",
        "credentials: shop\n      params: {",
        "monitors[0].current.credentials: source_credentials have no login shop; there are: ",
    ),
)

ALL_AT_ONCE = (0, 4, 6, 10, 11, 15, 18, 23)
"""Numbers of those that are made together, none of which changes what another does."""


def edited(text: str, *wrong: Wrong) -> str:
    """Return the text of the file with these mistakes."""
    for each in wrong:
        assert each.old in text, each
        text = text.replace(each.old, each.new, 1)
    return text

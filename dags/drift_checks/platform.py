"""The operators of the platform (`DRIFT_PLATFORM`); only its libraries are imported."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import BaseOperator


def check_operator() -> type[BaseOperator]:
    """Return the operator that checks one monitor."""
    if _on_kubernetes():
        from drift_checks.pod import CheckPodOperator  # noqa: PLC0415

        return CheckPodOperator

    from drift_checks.process import CheckProcessOperator  # noqa: PLC0415

    return CheckProcessOperator


def run_part(task_id: str, part: str, arguments: list[str], **options: Any) -> BaseOperator:
    """Make a task that runs a part of the stack; `options` are those of every operator."""
    if _on_kubernetes():
        from drift_checks.pod import PartPodOperator  # noqa: PLC0415

        name = f"{task_id.replace('_', '-')}-{part}"
        return PartPodOperator(
            task_id=task_id, name=name, part=part, arguments=arguments, **options
        )

    from drift_checks.process import PartProcessOperator  # noqa: PLC0415

    return PartProcessOperator(task_id=task_id, part=part, arguments=arguments, **options)


def _on_kubernetes() -> bool:
    return os.environ.get("DRIFT_PLATFORM") == "kubernetes"

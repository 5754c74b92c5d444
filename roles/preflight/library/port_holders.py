"""Module that names the processes which hold TCP ports of this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: port_holders
short_description: Names the processes that hold TCP ports
description:
  - Tells which of the ports are listened on, by which process, and leaves out the processes of
    this deployment, which O(records) knows.
options:
  ports:
    description: Ports by the name of the setting that holds them.
    type: dict
    required: true
  records:
    description: Directory in which the deployment records its processes.
    type: path
    required: true
requirements: [psutil]
author: ["The drift detection stack"]
"""

EXAMPLES = """
- name: See who holds the ports
  port_holders:
    ports: {drifter_port: 8000}
    records: .state/run
"""

RETURN = """
holders:
  description: One sentence for each port that another process holds.
  type: list
  elements: str
  returned: always
"""


def own_groups(records: Path) -> set[int]:
    """Return the process groups of the deployment; each bears the pid of its first process."""
    return {json.loads(path.read_text())["pid"] for path in records.glob("*.json")}


def describe(pid: int | None) -> str:
    """Return a name for the process, as far as this user may know it."""
    if pid is None:
        return "a process of another user"
    try:
        return f"{' '.join(psutil.Process(pid).cmdline()[:3])} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def foreign_listeners(own: set[int]) -> dict[int, int | None]:
    """Return the pid of the listener on each port, except those of the process groups `own`."""
    listeners = {
        connection.laddr[1]: connection.pid
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    return {
        port: pid for port, pid in listeners.items() if pid is None or os.getpgid(pid) not in own
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "ports": {"type": "dict", "required": True},
            "records": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    listeners = foreign_listeners(own_groups(Path(module.params["records"])))
    holders = [
        f"{setting}: port {port} is taken by {describe(listeners[int(port)])}"
        for setting, port in module.params["ports"].items()
        if int(port) in listeners
    ]
    module.exit_json(changed=False, holders=holders)


if __name__ == "__main__":
    main()

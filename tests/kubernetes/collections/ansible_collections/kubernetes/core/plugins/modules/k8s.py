"""Stands in for kubernetes.core.k8s: writes down what would be applied."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Append each object to the file that the environment names."""
    module = AnsibleModule(
        argument_spec={
            "context": {"type": "str"},
            "namespace": {"type": "str"},
            "definition": {"type": "raw", "required": True},
            "apply": {"type": "bool"},
            "server_side_apply": {"type": "dict"},
        }
    )
    definition = module.params["definition"]
    objects = definition if isinstance(definition, list) else [definition]
    with Path(os.environ["RENDERED"]).open("a") as rendered:
        rendered.writelines(json.dumps(item) + "\n" for item in objects)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()

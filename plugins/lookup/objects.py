"""Lookup of the objects that templates render."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

DOCUMENTATION = """
name: objects
short_description: The Kubernetes objects that templates render
description:
  - Renders C(<term>.yml.j2) of each term with the variables of the caller, and returns the objects
    of all of them. C(ansible.builtin.template) copies all variables first, for each template anew.
  - A Job cannot be changed, so its name is given a hash of its specification. A changed one is
    another one.
options:
  _terms:
    description: Names of templates, without their endings.
    required: true
  folders:
    description: Where the templates are, and after that further folders for what they import.
    type: list
    elements: path
    required: true
"""

EXAMPLES = """
- ansible.builtin.debug:
    msg: "{{ query('objects', 'configmap', 'service', folders=[role_path ~ '/templates']) }}"
"""

RETURN = """
_list:
  description: The objects, in the order of the templates.
  type: list
  elements: dict
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible ships no types
    """Renders objects."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the objects of all templates."""
        self.set_options(var_options=variables, direct=kwargs)
        folders = self.get_option("folders")
        templar = self._templar.copy_with_new_env(searchpath=folders, available_variables=variables)
        objects: list[dict[str, Any]] = []
        for term in terms:
            text = (Path(folders[0]) / f"{term}.yml.j2").read_text()
            rendered = templar.template(trust_as_template(text), escape_backslashes=False)
            # A template that renders nothing gives no text at all.
            parsed = yaml.load_all(rendered or "", Loader=yaml.CSafeLoader)
            objects += [_named(item) for item in parsed if item]
        return objects


def _named(item: dict[str, Any]) -> dict[str, Any]:
    """Return the object, a Job by a name of its own."""
    if item["kind"] == "Job":
        specification = json.dumps(item["spec"], sort_keys=True)
        digest = hashlib.sha256(specification.encode()).hexdigest()
        item["metadata"]["name"] += f"-{digest[:10]}"
    return item

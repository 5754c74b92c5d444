"""Lookup of a hash over the content of files and directories."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: content_hash
short_description: Hash of the content of files and directories
description:
  - Returns the first 16 hexadecimal digits of the SHA-256 over the names and the content of all
    files named, directories included with all that is below them, and over the words in O(salt).
  - Hidden files and Python's caches do not count, so that working in a tree does not change it.
options:
  _terms:
    description: Files and directories on the control machine.
    required: true
  base:
    description: Directory that the files and directories are named from.
    type: path
    default: ""
  salt:
    description: Further words that the hash depends on.
    type: list
    elements: str
    default: []
"""

EXAMPLES = """
- ansible.builtin.debug:
    msg: "{{ lookup('content_hash', 'drifter/src', 'drifter/uv.lock', salt=['3.13']) }}"
"""

RETURN = """
_raw:
  description: One hash for all terms together.
  type: list
  elements: str
"""


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if not any(
            part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts
        )
    )


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible ships no types
    """Hashes files and directories by content."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[str]:
        """Return one hash for all terms together."""
        self.set_options(var_options=variables, direct=kwargs)
        digest = hashlib.sha256()
        for word in self.get_option("salt"):
            digest.update(f"{word}\0".encode())
        for term in terms:
            root = Path(self.get_option("base")) / term
            if not root.exists():
                raise AnsibleLookupError(f"content_hash: {term} does not exist")
            for path in _files(root):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root.parent)}\0{content}\0".encode())
        return [digest.hexdigest()[:16]]

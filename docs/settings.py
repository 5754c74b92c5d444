"""Writes `docs/settings.md`: every setting with its default and meaning, from where it is defined.

    python3 docs/settings.py

Of Ansible's settings, the comment above each is its meaning; of the commands' variables, the text
of their field. A test asserts that the page is current.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/settings.md"
LONGEST_DEFAULT = 60
"""Characters; of a longer one nothing is shown."""

HEAD = """\
# Settings

What people edit stands in `group_vars/`: `make up` applies it, `make validate` says what is wrong.
A value may also be given once, `make up ARGS='-e drift_prob=0.5'`, or in a file, `-e @mine.yml`.
What a role takes besides stands in its README, the keys of a monitor in [monitors.md](monitors.md).
`drift-board --help` lists the variables of the board. This page is written by `make settings-page`.
"""


class Setting(NamedTuple):
    """A row of a table."""

    name: str
    default: str
    meaning: str


def of_ansible(text: str) -> Iterator[Setting]:
    """Yield the settings of a file of variables; those that share a comment, as one."""
    for block in re.split(r"^(?:---|# ---.*|)$", text, flags=re.MULTILINE):
        for comment, lines in re.findall(r"((?:^#.*\n)+)((?:^[^#\n].*\n?)+)", block, re.MULTILINE):
            # A list or a map follows on lines of its own.
            found = re.findall(r"^([a-z]\w*): ?(.*)", lines, re.MULTILINE)
            names, defaults = (
                [each.strip() or "…" for each in part] for part in zip(*found, strict=True)
            )
            meaning = " ".join(line.lstrip("# ") for line in comment.splitlines())
            yield Setting("`, `".join(names), "`, `".join(defaults), meaning)


def of_fields(text: str, *classes: str) -> Iterator[Setting]:
    """Yield the variables that Pydantic's fields of these classes stand for."""
    bodies = {
        node.name: node.body for node in ast.parse(text).body if isinstance(node, ast.ClassDef)
    }
    for name in classes:
        for number, node in enumerate(bodies[name]):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if node.target.id.startswith("_") or node.target.id == "model_config":
                continue
            default, described = _default(node.value)
            after = bodies[name][number + 1] if number + 1 < len(bodies[name]) else None
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                described = str(after.value.value)
            yield Setting(f"DRIFT_{node.target.id.upper()}", default, _plain(described))


def _default(value: ast.expr | None) -> tuple[str, str]:
    """Return a default and, where a field says it, the meaning."""
    if not isinstance(value, ast.Call):
        return ("needed" if value is None else ast.literal_eval(ast.unparse(value)) or "none", "")
    words = {word.arg: word.value for word in value.keywords}
    default = ast.literal_eval(words["default"]) if "default" in words else "needed"
    described = ast.literal_eval(words["description"]) if "description" in words else ""
    return (str(default) if default not in {None, ()} else "none", described)


def _plain(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split()).rstrip(".")


def table(settings: Iterator[Setting], *, quoted: bool = True) -> str:
    """Return the settings as a table of Markdown."""
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, default, meaning in settings:
        shown = default if len(default) <= LONGEST_DEFAULT else "…"
        code = f"`{shown}`" if quoted and shown not in {"…", "none", "needed"} else shown
        rows.append(f"| `{name}` | {code} | {_escaped(meaning)} |")
    return "\n".join(rows) + "\n"


def _escaped(text: str) -> str:
    return text.rstrip(".").replace("|", "\\|").replace("<", "&lt;")


def page() -> str:
    """Return the text of the page."""
    parts = [HEAD]
    for title, path in (
        ("What is watched, when and where", "group_vars/all/main.yml"),
        ("Credentials, and who is told", "group_vars/all/credentials.yml"),
        ("On Kubernetes besides", "group_vars/kubernetes/main.yml"),
    ):
        text = (ROOT / path).read_text("utf-8")
        parts.append(f"## {title}\n\n`{path}`\n\n{table(of_ansible(text))}")
    checker = (ROOT / "checker/src/drift_checker/config/settings.py").read_text("utf-8")
    variables = table(of_fields(checker, "Settings", "Limits"))
    parts.append(f"## Variables of `drift-checker`\n\n{variables}")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

"""Action that tells all that is wrong with the settings of the stack."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import yaml

# Ansible says where each value comes from to its own messages alone; there is no public way to ask.
from ansible._internal._datatag._tags import Origin
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

DOCUMENTATION = """
name: check_settings
short_description: Tells all that is wrong with the settings of the stack
description:
  - Checks the settings that people edit, and the types of roles' inputs that they set, before
    anything is started. Every mistake is one line with the file where the setting is set, its
    place there, what is wrong and what is allowed.
  - What checks them is C(roles/preflight/files/check_settings.py), in an environment below
    C(.cache) with what the checker requires. C(make deps) makes it; where it is not there, or is
    of another lock file, it is made first. Nothing else is changed.
options:
  settings:
    description: The names of the settings that are checked.
    type: list
    elements: str
    required: true
  ports:
    description: Names of the settings that are ports, which have to be free on the local target.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
- check_settings:
    settings: [alarms_per_week, monitors, mlflow_port]
    ports: [mlflow_port]
"""

RETURN = """
msg:
  description: One line for each mistake.
  type: str
  returned: where there is one, and the task has failed
"""

KINDS = {
    "str": "a text",
    "path": "a path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "keys with their values",
}
"""What the types of a role's inputs are called."""
COMMAND_LINE = "-e"
PLACE_OF_SETTINGS = "group_vars/all/main.yml"
"""Where a setting that is missing should be."""


class Mistake(NamedTuple):
    """What is wrong with a setting, or with a file of them."""

    file: str | None
    """Only where it is of the file; that of a setting is where it is set."""
    place: str
    message: str


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """The action."""

    def run(self, tmp: object = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Check the settings."""
        super().run(tmp, task_vars)
        names = {"type": "list", "elements": "str", "required": True}
        _, arguments = self.validate_argument_spec({"settings": names, "ports": names})
        variables = task_vars or {}
        project = Path(self._templar.template(variables["project_dir"])).resolve()
        sources = dict(sources_of(variables, project))
        rendering = Rendering(self._templar, variables)
        settings = {
            name: rendering.render(variables[name], (name,))
            for name in arguments["settings"]
            if name in variables
        }
        local = variables["platform"] == "local"
        ports = {name: settings[name] for name in arguments["ports"] if is_port(settings.get(name))}
        mistakes = [
            *rendering.mistakes,
            *check(
                project,
                platform=variables["platform"],
                settings=settings,
                unreadable=rendering.unreadable,
                names=sorted(sources),
                elsewhere=sorted(
                    name
                    for name, path in sources.items()
                    if isinstance(path, Path) and not path.is_relative_to(project)
                ),
                files=sorted({str(path) for path in sources.values() if path != COMMAND_LINE}),
            ),
            *self._wrong_inputs(project, variables, sources.keys() - settings.keys()),
            *(self._taken(ports, settings.get("state_dir"), variables) if local else ()),
        ]
        # Those of one file, and of one monitor, stand together.
        lines = sorted({shown(each, sources, project) for each in mistakes})
        if not lines:
            return {"changed": False}
        message = "\n".join([*lines, "Nothing was started or stopped."])
        return {"changed": False, "failed": True, "msg": message}

    def _wrong_inputs(
        self, project: Path, variables: Mapping[str, Any], names: Set[str]
    ) -> Iterator[Mistake]:
        """Yield inputs of roles that are not of their type; those that are no templates."""
        for path in sorted(project.glob("roles/*/meta/argument_specs.yml")):
            options = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
            for name, option in options["argument_specs"]["main"]["options"].items():
                if name not in names or self._templar.is_template(variables[name]):
                    continue
                rule = {k: option[k] for k in ("type", "elements", "choices") if k in option}
                checked = ArgumentSpecValidator({name: rule}).validate({name: variables[name]})
                if checked.error_messages:
                    choices = ", ".join(map(str, option.get("choices", [])))
                    yield Mistake(None, name, f"allowed: {choices or KINDS[option['type']]}")

    def _taken(
        self, ports: Mapping[str, Any], state_dir: object, variables: Mapping[str, Any]
    ) -> Iterator[Mistake]:
        """Yield the ports that are held by what is not of this deployment."""
        arguments = {"ports": ports, "records": f"{state_dir}/run"}
        asked = self._execute_module("port_holders", arguments, task_vars=variables)
        if asked.get("failed"):
            raise AnsibleError(f"Who holds the ports cannot be told: {asked.get('msg')}")
        for holder in asked["holders"]:
            name, _, message = holder.partition(": ")
            yield Mistake(None, name, f"{message}; stop it, or choose another port")


class Rendering:
    """Settings as Ansible renders them, value by value, for what fails not to hide the others."""

    def __init__(self, templar: Any, variables: Mapping[str, Any]) -> None:
        self._templar, self._variables = templar, variables
        self.mistakes: list[Mistake] = []
        self.unreadable: list[tuple[int | str, ...]] = []
        """Keys of what could not be rendered."""

    def render(self, value: Any, keys: tuple[int | str, ...]) -> Any:
        """Return a value as plain data, with null for what cannot be rendered."""
        if isinstance(value, str):
            try:
                value = self._templar.template(value)
            except AnsibleError as error:
                self.unreadable.append(keys)
                self.mistakes.append(Mistake(None, place_of(keys), self._words(error)))
                return None
            if isinstance(value, str):
                return str(value)
        if isinstance(value, Mapping):
            return {str(key): self.render(each, (*keys, str(key))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.render(each, (*keys, number)) for number, each in enumerate(value)]
        return value

    def _words(self, error: AnsibleError) -> str:
        message = str(error.message).partition("\n")[0]
        undefined = re.search(r"'(\w+)' is undefined", message)
        if undefined and (meant := get_close_matches(undefined[1], self._variables, 1)):
            return f"{message}; did you mean {meant[0]}?"
        return message


def sources_of(variables: Mapping[str, Any], project: Path) -> Iterator[tuple[str, Path | str]]:
    """Yield each variable that people have set, with its file or that it is of the command line."""
    ours = [(project / folder).resolve() for folder in ("roles", "playbooks")]
    for name, value in variables.items():
        origin = Origin.get_tag(value) or Origin.get_tag(name)
        if origin is None or name.startswith(("ansible_", "inventory_")):
            continue
        if origin.path is None:
            if f"'{COMMAND_LINE}'" in str(origin.description):
                yield str(name), COMMAND_LINE
        elif not any((path := Path(origin.path).resolve()).is_relative_to(each) for each in ours):
            yield str(name), path


def check(project: Path, **given: Any) -> list[Mistake]:
    """Return what is wrong, as the environment with what the checker requires says it.

    Raises:
        AnsibleError: It could not be made, or does not work.
    """
    environment = project / ".cache/settings"
    _call(
        *(Path(sys.executable).with_name("uv"), "sync", "--quiet", "--frozen", "--no-dev"),
        *("--no-install-project", "--project", project / "checker"),
        UV_PROJECT_ENVIRONMENT=environment,
        UV_PYTHON=sys.executable,
        UV_PYTHON_DOWNLOADS="never",
    )
    told = _call(
        *(environment / "bin/python", project / "roles/preflight/files/check_settings.py"),
        stdin=json.dumps({"project": str(project), **given}, default=str),
        PYTHONPATH=project / "checker/src",
        # What is compiled is kept: without, each check takes a second longer.
        PYTHONDONTWRITEBYTECODE="",
    )
    return [Mistake(*each) for each in json.loads(told)]


def _call(*command: str | Path, stdin: str = "", **environment: str | Path) -> str:
    ended = subprocess.run(
        [str(word) for word in command],
        input=stdin,
        capture_output=True,
        text=True,
        env=os.environ | {name: str(value) for name, value in environment.items()},
        check=False,
    )
    if ended.returncode != 0:
        raise AnsibleError(f"The settings cannot be checked: {ended.stderr.strip()[-2000:]}")
    return ended.stdout


def is_port(value: object) -> bool:
    """Whether a value is a port's number, be it as text."""
    return re.fullmatch(r"[0-9]{1,5}", str(value)) is not None


def place_of(keys: Iterable[int | str]) -> str:
    """Return keys from the top as they are shown: `monitors[0].current.url`."""
    return "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys).lstrip(".")


def shown(mistake: Mistake, sources: Mapping[str, Path | str], project: Path) -> str:
    """Return a mistake as a line, behind the file where the setting is set."""
    name = re.split(r"[.\[]", mistake.place, maxsplit=1)[0]
    place: Path | str = mistake.file or sources.get(name, PLACE_OF_SETTINGS)
    if place not in {COMMAND_LINE, PLACE_OF_SETTINGS}:
        path = Path(place)
        place = path.relative_to(project) if path.is_relative_to(project) else path
    return f"{place}: {mistake.place}: {mistake.message}"

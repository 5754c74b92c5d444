"""The command `drift-checker`: one group whose commands are imported when they are called."""

from __future__ import annotations

import gc
from importlib import import_module
from pathlib import Path

import click

from drift_checker.errors import DriftCheckerError
from drift_checker.escape import lines
from drift_checker.options import log_level_option, settings_option

__all__ = ["main"]

_COMMANDS = {
    "baseline": "drift_checker.cli.baseline:baseline",
    "compare": "drift_checker.cli.compare:compare_command",
    "drill": "drift_checker.cli.drill:drill",
    "monitors": "drift_checker.cli.monitors:monitors",
    "mute": "drift_checker.cli.mute:mute",
    "note": "drift_checker.cli.note:note",
    "notify": "drift_checker.cli.notify:notify",
    "prune": "drift_checker.cli.prune:prune",
    "publish": "drift_checker.cli.publish:publish",
    "run": "drift_checker.cli.run:run",
    "status": "drift_checker.cli.status:status",
    "store": "drift_checker.cli.store:store",
    "unmute": "drift_checker.cli.mute:unmute",
}


class _LazyGroup(click.Group):
    """A group that turns the package's own errors into a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        # What is imported stays: to look for garbage in it takes a thirtieth of `compare`.
        gc.disable()
        command: click.Command = getattr(import_module(module), attribute)
        gc.freeze()
        gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DriftCheckerError as error:
            click.echo(f"Error: {lines(str(error))}", err=True)
            ctx.exit(error.exit_code)
        except MemoryError as error:
            click.echo(f"Error: there is not enough memory for these data: {error}", err=True)
            ctx.exit(DriftCheckerError.exit_code)


@click.group(cls=_LazyGroup)
@click.version_option(package_name="drift-checker")
@settings_option
@log_level_option
@click.pass_context
def main(ctx: click.Context, settings_file: Path | None, log_level: str) -> None:
    """Compare the current batch of a data source with its reference."""
    ctx.obj = {"settings_file": settings_file, "log_level": log_level}

"""The command ``drift-board``."""

from __future__ import annotations

import errno
import gc
import socket
from pathlib import Path

import click
import uvicorn

from drift_board.settings import PREFIX, BoardSettings, load
from drift_checker.errors import DriftCheckerError
from drift_checker.escape import lines
from drift_checker.logs import configure_logs
from drift_checker.options import log_level_option, settings_option

GRACE_SECONDS = 5  # given to answers under way when the board is told to stop


class _Command(click.Command):
    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Environment, beside what drift-checker reads"):
            formatter.write_dl(
                [
                    (f"{PREFIX}{name.upper()}", f"{field.description} [{_shown(field.default)}]")
                    for name, field in BoardSettings.model_fields.items()
                ]
            )


@click.command(cls=_Command)
@click.version_option(package_name="drift-board")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8050, show_default=True)
@settings_option
@log_level_option
@click.pass_context
def main(
    ctx: click.Context, host: str, port: int, settings_file: Path | None, log_level: str
) -> None:
    """Show what is drifting, until told to stop.

    Settings come from the environment. A wrong one ends the command with exit code 2.
    """
    from drift_board.app import create_app  # noqa: PLC0415  help and version need no service

    try:
        configure_logs(log_level)
        app = create_app(load(settings_file))
    except DriftCheckerError as error:
        click.echo(f"Error: {lines(str(error))}", err=True)
        ctx.exit(error.exit_code)
    listener = _listen(host, port)
    # What is there by now stays: looking for garbage in it costs a fifth of the first page.
    gc.collect()
    gc.freeze()
    server = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        # Forwarded addresses are whatever who asks writes: nothing here goes by them.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(server).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """Bind before the server starts, so that a port already taken is a wrong option too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        taken = error.errno in {errno.EADDRINUSE, errno.EACCES}
        wrong = (
            f"--port {port}: {error.strerror}. Name a port that is free."
            if taken
            else f"--host {host}: {error.strerror}. Name an address of this machine."
        )
        raise click.UsageError(wrong) from None


def _shown(default: object) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default or "none")

"""The command ``drifter``."""

import errno
import socket
from typing import Any

import click
import pyarrow as pa
import uvicorn

from drifter.app import create_app
from drifter.errors import SettingError
from drifter.settings import Settings, load_settings, variable_of
from drifter.telemetry import configure_logging

GRACE_SECONDS = 10  # given to answers under way when the service is told to stop


class _WrongSetting(click.ClickException):
    exit_code = 2


class _Command(click.Command):
    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Environment"):
            formatter.write_dl(
                [
                    (variable_of(name), f"{field.description} [{_shown(field.default)}]")
                    for name, field in Settings.model_fields.items()
                ]
            )


@click.command(cls=_Command)
@click.version_option(package_name="drifter")
def main() -> None:
    """Serve batches of data, now and then with a known drift, until told to stop.

    Settings come from the environment. A wrong one ends the command with exit code 2.
    """
    try:
        # Arrow's other allocators keep freed pages: a fifth more memory at rest.
        pa.set_memory_pool(pa.system_memory_pool())
        settings = load_settings()
        configure_logging(settings)
        app = create_app(settings)
        pa.default_memory_pool().release_unused()
        listener = _listen(settings)
    except SettingError as error:
        raise _WrongSetting(str(error)) from None
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    """Bind before the server starts, so that a port already taken is a wrong setting too."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        name = "port" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "host"
        wanted = {"port": "a port that is free", "host": "an address of this machine"}[name]
        raise SettingError(
            variable_of(name), getattr(settings, name), f"{error.strerror}. Name {wanted}."
        ) from None


def _shown(default: Any) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)

"""The command ``drifter``."""

import socket
from typing import Any

import click
import uvicorn

from drifter.app import create_app
from drifter.errors import SettingError
from drifter.settings import Settings, load_settings, variable_of
from drifter.telemetry import configure_logging

WRONG_SETTING = 2
GRACE_SECONDS = 10  # given to answers under way when the service is told to stop


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
        settings = load_settings()
        configure_logging(settings)
        app = create_app(settings)
        listener = _listen(settings)
    except SettingError as error:
        failure = click.ClickException(str(error))
        failure.exit_code = WRONG_SETTING
        raise failure from None
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
    except socket.gaierror as error:
        raise SettingError(
            variable_of("host"),
            settings.host,
            f"{error.strerror}. Name an address of this machine.",
        ) from None
    except OSError as error:
        raise SettingError(
            variable_of("port"),
            settings.port,
            f"cannot listen on {settings.host}: {error.strerror}. Free the port or name another.",
        ) from None


def _shown(default: Any) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)

"""A source of data with known drift: see `create_app` and the command ``drifter``."""

from drifter.app import create_app
from drifter.errors import DrifterError, RequestError, SettingError
from drifter.scenarios import ScenarioName
from drifter.settings import Settings, load_settings

__all__ = [
    "DrifterError",
    "RequestError",
    "ScenarioName",
    "SettingError",
    "Settings",
    "create_app",
    "load_settings",
]

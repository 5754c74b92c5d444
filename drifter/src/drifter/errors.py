"""What can go wrong, and what each error turns into.

DrifterError
├── SettingError    the command ends with exit code 2
└── RequestError    an HTTP answer with `status` and a JSON `detail`
"""


class DrifterError(Exception):
    """Base of all errors of this package."""


class SettingError(DrifterError):
    """A setting with which the service cannot start."""

    def __init__(self, variable: str, value: object, reason: str) -> None:
        super().__init__(f"{variable}={value}: {reason}")


class RequestError(DrifterError):
    """A request that is understood and not answered with data."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail

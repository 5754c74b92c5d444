"""The errors of the checker; each is one exit code, and its message says what to do.

- DriftCheckerError
  - UsageError            2  wrong usage or setting
    - BadReferenceError   2  missing or mismatched reference
      - LostReferenceError 2 one that was stored, and is damaged or gone
  - NoBatchError          3  the source answered with what is no batch at all
  - ServiceAwayError      4  a service stayed away after bounded retries
  - DamagedObjectError    7  an object of the store is not what it has to be
"""

from __future__ import annotations

from typing import ClassVar


class DriftCheckerError(Exception):
    """Base of all errors that the checker raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(DriftCheckerError):
    """A setting, an argument or a file of settings is wrong."""

    exit_code: ClassVar[int] = 2


class BadReferenceError(UsageError):
    """The reference is missing, unreadable, or does not fit the monitor."""


class LostReferenceError(BadReferenceError):
    """A version of the reference that was stored is damaged or gone."""


class NoBatchError(DriftCheckerError):
    """The source answered, but with what is no batch at all; asking again will not help."""

    exit_code: ClassVar[int] = 3


class ServiceAwayError(DriftCheckerError):
    """A service (source, object store, MLflow) stayed away after bounded retries."""

    exit_code: ClassVar[int] = 4


class DamagedObjectError(DriftCheckerError):
    """What lies below a key of the store is not what it has to be."""

    exit_code: ClassVar[int] = 7

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(
            f"{key} is damaged: {reason}; `drift-checker store check` says what can be mended"
        )
        self.key, self.reason = key, reason

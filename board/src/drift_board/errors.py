"""What can go wrong for who asks: one exception, one HTTP status, one form (RFC 9457).

- DriftCheckerError of the checker
  - UsageError        422
  - ServiceAwayError  503
- Problem             with a status of its own
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from drift_checker.errors import DriftCheckerError, ServiceAwayError, UsageError

PROBLEM_TYPE = "application/problem+json"
_STATUS: dict[type[DriftCheckerError], int] = {UsageError: 422, ServiceAwayError: 503}


class ProblemBody(BaseModel):
    """Why a request was refused, and what to do; `did_you_mean` are names that are near."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    did_you_mean: list[str] = Field(default_factory=list)


class Problem(Exception):  # noqa: N818  named as the standard names it
    """A request that is understood and refused."""

    def __init__(self, status: int, detail: str, near: list[str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.near = status, detail, near or []

    @classmethod
    def of(cls, error: DriftCheckerError) -> Problem:
        """Return an error of the checker as a problem of who asks."""
        status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
        return cls(status, str(error))

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    @property
    def body(self) -> ProblemBody:
        """What the API answers."""
        return ProblemBody(
            title=self.title, status=self.status, detail=self.detail, did_you_mean=self.near
        )


def problem_response(problem: Problem) -> JSONResponse:
    """Return a problem as the API answers it."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(
        problem.body.model_dump(),
        status_code=problem.status,
        media_type=PROBLEM_TYPE,
        headers=headers,
    )

"""Who may change something: whoever knows the token, by a page of ours or by the API."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from drift_board.errors import Problem

COOKIE = "board_token"
SESSION_SECONDS = 30 * 86_400
"""How long a browser need not ask for the token again."""
_NOTHING_SET = "DRIFT_BOARD_TOKEN is not set, so nothing can be changed here; set it and start anew"


@dataclass(frozen=True)
class Person:
    """Somebody who knows the token; `csrf` is what the forms of their session carry."""

    name: str
    csrf: str


class Guard:
    """Knows the token, and signs by it what a browser keeps instead."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._signer = URLSafeTimedSerializer(token or secrets.token_hex(), salt="drift-board")

    @property
    def can_act(self) -> bool:
        """Whether there is a token at all."""
        return self._token is not None

    def check_token(self, token: str | None) -> None:
        """Refuse who does not know the token; None is who sent none.

        Raises:
            Problem: 503 where none is set, 401 where none was sent or it is another.
        """
        if self._token is None:
            raise Problem(503, _NOTHING_SET)
        if token is None:
            raise Problem(401, "send the board's token as `Authorization: Bearer`")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Problem(401, "this is not the board's token")

    def session(self, name: str) -> str:
        """Return what a browser keeps of somebody who knows the token."""
        return self._signer.dumps([name, secrets.token_hex(16)])

    def person(self, request: Request) -> Person | None:
        """Return who a browser says it is, if it can prove it."""
        kept = request.cookies.get(COOKIE)
        if kept is None or self._token is None:
            return None
        try:
            name, csrf = self._signer.loads(kept, max_age=SESSION_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return None
        return Person(str(name), str(csrf))

    def check_form(self, request: Request, form: Any) -> Person:
        """Return who sent a form.

        Raises:
            Problem: 401 where nobody is signed in, 403 where the form is of another session.
        """
        person = self.person(request)
        if person is None:
            raise Problem(401, "sign in first: this changes something")
        sent = form.get("csrf", "")
        if not isinstance(sent, str) or not hmac.compare_digest(
            sent.encode(), person.csrf.encode()
        ):
            raise Problem(403, "this form is of another session: open its page again")
        return person

    def check_bearer(self, request: Request) -> None:
        """Refuse a request of the API that does not know the token.

        Raises:
            Problem: 401 or 503.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        self.check_token(token.strip() if scheme.lower() == "bearer" else None)

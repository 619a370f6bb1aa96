"""`POST /oauth/token`: client credentials for an access token (RFC 6749, 4.4). The one call that answers errors in OAuth's own form."""

import json
from typing import Any, Final

from flask import Blueprint, Response, request

from gateway import problems, rpc
from safekeep.contracts.identity import GiveAccessToken
from safekeep.errors import Invalid, SignInFailed, TooManyAttempts

MACHINE: Final = "machine~"
"""What a machine's access token begins with, so that it is told from a session."""


def install(api: Blueprint) -> None:
    """Give it its address."""
    api.add_url_rule("/oauth/token", "oauth_token", token, methods=["POST"])


def token() -> Response:
    """An access token for a program's client credentials, sent by HTTP Basic or in the form."""
    if request.mimetype != "application/x-www-form-urlencoded" or any(len(values) > 1 for _, values in request.form.lists()):
        return _wrong("invalid_request", "Send a form (application/x-www-form-urlencoded), each field once.")
    basic, form = request.authorization, request.form
    is_basic = basic is not None and basic.type == "basic"
    client_id, secret = (basic.username, basic.password) if is_basic and basic else (form.get("client_id"), form.get("client_secret"))
    if is_basic and ("client_id" in form or "client_secret" in form):
        return _wrong("invalid_request", "Send the credentials once: by HTTP Basic, or in the form.")
    grant = form.get("grant_type")
    if grant != "client_credentials":
        return _wrong("unsupported_grant_type" if grant else "invalid_request", "grant_type is client_credentials.")
    try:
        scopes = form.get("scope", "").split()
        address = (request.remote_addr or "")[:200]
        asked = rpc.build(GiveAccessToken, client_id=client_id or "", client_secret=secret or "", scopes=scopes, address=address)
        given = rpc.ask(asked, token="")
    except SignInFailed:
        return _wrong("invalid_client", "These credentials are not known, or they were revoked or have run out.", status=401)
    except Invalid:
        return _wrong("invalid_scope", "These credentials do not include that scope.")
    except TooManyAttempts as error:
        response = _wrong("invalid_client", str(problems.problem_of(error).detail), status=429)
        response.headers["Retry-After"] = str(int(error.seconds))
        return response
    body = {"access_token": MACHINE + given.access_token, "token_type": "Bearer", "expires_in": given.expires_in, "scope": " ".join(given.scopes)}
    return _answer(body, 200)


def _wrong(error: str, description: str, *, status: int = 400) -> Response:
    response = _answer({"error": error, "error_description": description}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="Safekeep"'
    return response


def _answer(body: dict[str, Any], status: int) -> Response:
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


OPERATION: Final[dict[str, Any]] = {
    "operationId": "oauth_token",
    "summary": token.__doc__,
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "scope": {"type": "string"},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "Done",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["access_token", "token_type", "expires_in", "scope"],
                        "properties": {
                            "access_token": {"type": "string"},
                            "token_type": {"const": "Bearer"},
                            "expires_in": {"type": "integer"},
                            "scope": {"type": "string"},
                        },
                    }
                }
            },
        },
        "4XX": {
            "description": "As RFC 6749 says",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["error"],
                        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
                    }
                }
            },
        },
    },
}

"""The JSON API under /api/v1."""

import json
from typing import Any

from flask import Blueprint, Flask, Response

from gateway import problems
from gateway.problems import Problem
from safekeep.errors import Invalid, SafekeepError, TooManyAttempts

PROBLEM_BASE = "https://safekeep.invalid/problems/"


def install(app: Flask) -> None:
    """Register the API: every call that gateway/api/calls.py lists."""
    from gateway.api import calls, oauth, openapi

    api = Blueprint("api", __name__, url_prefix="/api/v1")
    calls.install(api)
    oauth.install(api)
    openapi.install(api)
    app.register_blueprint(api)


def problem_response(problem: Problem, error: SafekeepError | None = None) -> Response:
    """Return an RFC 9457 answer; for Invalid with `errors`: [{field, code, detail}]."""
    body: dict[str, Any] = {
        "type": PROBLEM_BASE + problem.type,
        "title": str(problem.title),
        "status": problem.status,
        "detail": str(problem.detail),
    }
    if isinstance(error, Invalid):
        body["errors"] = [{"field": f, "code": c, "detail": problems.sentence(f, c)} for f, c in error.problems.items()]
    if isinstance(error, TooManyAttempts):
        body["seconds"] = int(error.seconds)
    return Response(json.dumps(body), problem.status, mimetype="application/problem+json")

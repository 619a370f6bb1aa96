"""The API's description, made from the very table and contracts that answer it."""

import json
import re
from functools import cache
from typing import Any

from flask import Blueprint, Response
from pydantic.json_schema import models_json_schema

from gateway.api import oauth
from gateway.api.calls import CALLS, Call

_REF = "#/components/schemas/{model}"


def install(api: Blueprint) -> None:
    """Serve the description at /openapi.json, to anyone: it says nothing of a school."""
    api.add_url_rule("/openapi.json", "openapi", lambda: Response(_text(), mimetype="application/json"))


@cache
def _text() -> str:
    return json.dumps(document())


def document() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    wanted: list[Any] = [(c.sends, "validation") for c in CALLS if c.sends] + [(c.answers, "serialization") for c in CALLS if c.answers]
    names, schemas = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    components = schemas.get("$defs", {}) | {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for call in CALLS:
        paths.setdefault(re.sub(r"<(\w+)>", r"{\1}", call.path), {})[call.verb.lower()] = _operation(call, names)
    paths["/oauth/token"] = {"post": oauth.OPERATION}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Safekeep", "version": "1", "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"}},
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "client": {"type": "http", "scheme": "basic"}},
        },
    }


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "seconds": {"type": "integer"},
    },
}


def _operation(call: Call, names: Any) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}} for name in re.findall(r"<(\w+)>", call.path)
    ]
    query = (*call.query, *(("cursor", "limit") if call.is_list else ()))
    parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in query]
    if call.verb == "POST" and call.signed_in:
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200}})
    answered: dict[str, Any] = {"description": "Done"}
    if call.answers:
        schema: dict[str, Any] = names[(call.answers, "serialization")]
        if call.is_list:
            following = {"type": ["string", "null"]}
            schema = {"type": "object", "required": ["items", "next"], "properties": {"items": {"type": "array", "items": schema}, "next": following}}
        answered["content"] = {"application/json": {"schema": schema}}
    elif call.verb == "GET":
        answered["content"] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        parameters.append({"name": "Range", "in": "header", "description": "One range of bytes", "schema": {"type": "string"}})
    problem = {"description": "A problem", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    operation: dict[str, Any] = {
        "operationId": call.does.__name__,
        "summary": call.meaning,
        "parameters": parameters,
        "responses": {str(call.status): answered, "4XX": problem, "503": problem},
    }
    if "application/octet-stream" in answered.get("content", {}):
        part = {"Content-Range": {"schema": {"type": "string"}}}
        operation["responses"]["206"] = answered | {"description": "The part that was asked for", "headers": part}
        operation["responses"]["416"] = problem | {"description": "It has no such part", "headers": part}
    if call.verb == "POST":
        operation["responses"]["415"] = problem | {"description": f"A body that is not {call.takes}"}
    if call.sends:
        operation["requestBody"] = {"required": True, "content": {call.takes: {"schema": names[(call.sends, "validation")]}}}
    elif call.path == "/files":
        shape = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": {call.takes: {"schema": shape}}}
    if not call.signed_in:
        operation["security"] = []
    return operation

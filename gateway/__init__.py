"""The gateway: the pages and the JSON API. No rule about safeguarding lives here; services decide."""

import errno
import time
from datetime import timedelta
from typing import Any

from flask import Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway import api, assets, forms, headers, languages, pages, problems, revocations, rpc, session, streams, templating
from gateway.pages import kept
from gateway.problems import Problem
from safekeep import clock, memory, telemetry
from safekeep.contracts.files import MAX_UPLOAD
from safekeep.errors import Invalid, NotAllowed, NotFound, NotSignedIn, SafekeepError, TooManyAttempts, TooMuchRead
from safekeep.keys import Keys
from safekeep.settings import GatewaySettings, gateway_settings

_GIVES_BACK = frozenset({400, 401, 403, 409, 422, 429, 503})
"""With which answers a page gives back what was typed. Not with 404, which is the same page whatever was sent."""


def create_app(settings: GatewaySettings | None = None) -> Flask:
    """Return the WSGI application. Without `settings`, what the environment says."""
    settings = settings or gateway_settings()
    memory.keep_freed()
    app = Flask("gateway", static_folder=None)
    app.request_class = streams.Arriving
    app.config.update(
        PUBLIC_URL=settings.public_url.rstrip("/"),
        DEMO_CODES_URL=settings.demo_codes_url,
        MAX_CONTENT_LENGTH=MAX_UPLOAD + 16 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=2_500,
        BABEL_DEFAULT_LOCALE="en_GB",
    )
    keys = Keys.load(settings.keys_file)
    rpc.start(broker_url=settings.broker_url, keys=keys, doors=settings.doors, another_token=session.another_token)
    revocations.start(broker_url=settings.broker_url, forget=session.forget, forget_all=session.forget_all)
    languages.install(app)
    headers.install(app)
    templating.install(app)
    app.register_blueprint(assets.assets)
    pages.install(app)
    api.install(app)
    if settings.public_url.startswith("https:"):  # then a proxy ends TLS in front, and says who is behind it
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=0)  # type: ignore[method-assign]
    app.before_request(_arrive)
    app.after_request(_done)
    app.register_error_handler(SafekeepError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)
    if settings.inner_port:
        _serve_inner(settings)
    return app


def _serve_inner(settings: GatewaySettings) -> None:
    """Answer probes on the inner port; of several workers on one machine the first has it, and tells the figures of all."""
    telemetry.start_logging("gateway")
    try:
        telemetry.serve_inner(host=settings.inner_host, port=settings.inner_port, ready=lambda: {"broker": rpc.is_reachable()})
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise


def _arrive() -> Any:
    """Before every request: a trace, the form's origin, and who is at which place."""
    telemetry.trace.set(telemetry.new_trace())
    g.arrived = time.perf_counter()
    if request.endpoint not in streams.TAKES_FILES:
        request.max_content_length = streams.LARGEST_ELSE
    endpoint = request.endpoint or ""
    if not endpoint or endpoint.startswith("assets."):
        return None
    if request.method == "POST" and (request.content_length or 0) > (request.max_content_length or 0):
        raise RequestEntityTooLarge  # before anything is asked of whoever sends it: none of it can be read, by nobody
    if endpoint.startswith("api."):
        return None  # the API enters with its bearer token, in its own blueprint
    if request.method == "POST" and not session.is_ours(with_token=False):
        return _answer(problems.BAD_FORM)
    slug = (request.view_args or {}).get("slug")
    if slug is not None:
        here = session.enter(session_token=session.cookie(), slug=slug, is_draft=endpoint in pages.KEEPS_DRAFTS and request.method == "POST")
        if not here.held and here.place.is_trust != request.path.startswith("/t/"):
            raise NotFound("school")
    if request.method == "POST" and not session.is_ours(with_token=True):
        if session.has_ended() and endpoint not in pages.SIGNING_IN:
            raise NotSignedIn("expired")
        if slug is not None and here.held:  # a form of another session: not this one's to keep
            raise NotSignedIn("locked" if here.answer.locked else "expired")
        return _answer(problems.BAD_FORM)
    return None


def _done(response: Response) -> Response:
    """After every request its figure; after one that may change something a line too, with the trace that its events and mails carry."""
    session.keep_visit(response)
    took = time.perf_counter() - g.arrived
    telemetry.REQUESTS.labels(route=_route(), status=str(response.status_code)).observe(took)
    if request.method == "POST":
        if response.status_code < 400:  # what was refused may be nowhere else
            kept.done()
        telemetry.log().info("request.done", route=_route(), status=response.status_code, milliseconds=int(took * 1000))
    return response


def _refused(error: SafekeepError) -> Any:
    problem = problems.problem_of(error)
    if session.entered() is None:  # nobody's words are looked for in a long body
        request.max_content_length = streams.LARGEST_ELSE
    if problem.status >= 500:
        telemetry.log().warning("request.refused", error=type(error).__name__, codes=[a for a in error.args if isinstance(a, str)], route=_route())
    is_step_up = isinstance(error, NotAllowed) and error.reason == "step_up"
    if (isinstance(error, NotSignedIn) or is_step_up) and not _is_api() and not _wants_json():
        page = pages.keep_form()
        if page or not _has_words(_typed()):
            return pages.to_sign_in(error.reason, kept=page) if isinstance(error, NotSignedIn) else pages.to_proof(kept=page)
    return _answer(problem, error)


def _http_error(error: HTTPException) -> Any:
    if error.code in {301, 302, 303, 307, 308}:
        return error.get_response()
    if error.code == 404:
        _look_around()
    table = {404: problems.NOT_FOUND, 405: problems.METHOD, 413: problems.TOO_LARGE, 415: problems.UNSUPPORTED, 416: problems.RANGE}
    response = _answer(table.get(error.code or 500, problems.BAD_REQUEST if (error.code or 500) < 500 else problems.FAILED))
    if error.code == 405:
        response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or [])
    if isinstance(error, RequestedRangeNotSatisfiable):
        response.headers["Content-Range"] = f"{error.units} */{error.length}"
    return response


def _look_around() -> None:
    """Find out who is at the school below whose address nothing was found: the page says which DSL they can ask. Of nobody it says nothing."""
    parts = request.path.split("/")
    if len(parts) > 2 and parts[1] == "s" and session.entered() is None:
        try:
            session.enter(session_token=session.cookie(), slug=parts[2])
        except SafekeepError:
            g.pop("here", None)


def _failed(error: Exception) -> Any:
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{where.tb_lineno}" if where else ""
    telemetry.log().error("request.failed", error=type(error).__name__, where=place, route=_route())
    return _answer(problems.FAILED)


def _answer(problem: Problem, error: SafekeepError | None = None) -> Response:
    """Say a problem: as RFC 9457 to the API, as a page to a person."""
    if _is_api() or _wants_json():
        response = api.problem_response(problem, error)
    else:
        failing = error.problems if isinstance(error, Invalid) else {}
        sentences = [(field, problems.sentence(field, code)) for field, code in failing.items()]
        said = {"problem": problem, "sentences": sentences, "kept": g.get("kept", False), **_given_back(problem, error)}
        said["opens_at"] = clock.now() + timedelta(seconds=error.seconds) if isinstance(error, TooMuchRead) else None
        try:
            body = render_template("problem.html", **said)
        except Exception:  # the page's own frame needs services too: say it without
            g.pop("here", None)
            body = render_template("problem.html", **said)
        response = Response(body, problem.status, mimetype="text/html")
    if isinstance(error, TooManyAttempts):
        response.headers["Retry-After"] = str(int(error.seconds))
    elif problem.status == 503:
        response.headers["Retry-After"] = "30"
    return response


def _given_back(problem: Problem, error: SafekeepError | None) -> dict[str, Any]:
    """Return what a page shows of a form that was not taken in and, where sending it from there may help, with which token."""
    typed = _typed() if problem.status in _GIVES_BACK else []
    has_words = _has_words(typed)
    said = {"typed": typed, "of_words": forms.WORDS, "again": False, "token": "", "elsewhere": isinstance(error, NotAllowed | NotSignedIn)}
    if typed and (problem.status == 503 or (has_words and (problem.status in {401, 429} or problem is problems.STEP_UP))):
        said |= {"again": True, "token": request.form.get("csrf_token", "")}  # as sent: whose session it is may not be known just now
    elif problem is problems.BAD_FORM and has_words and (here := session.entered()) is not None and session.says_it_is_ours():
        said |= {"again": True, "token": session.csrf_token(), "typed": _to_look_at(typed), "name": here.answer.name}
    return said


def _typed() -> list[tuple[str, str]]:
    """The fields of a form that was not taken in, so that the page can give every word back and, where that may help, send them again."""
    if request.method != "POST" or request.endpoint in pages.HOLDS_SECRETS or not session.is_ours(with_token=False):
        return []
    try:
        return [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    except HTTPException:  # it could not be read
        return []


def _has_words(typed: list[tuple[str, str]]) -> bool:
    return any(name in forms.WORDS and value.strip() for name, value in typed)


def _to_look_at(typed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the fields of a form of another session so that what records is shown first as a page of this one, with who is recording."""
    if request.endpoint not in pages.KEEPS_DRAFTS:
        return typed
    return [*((name, value) for name, value in typed if name != "do"), ("do", "show")]


def _is_api() -> bool:
    return request.path.startswith("/api/")


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _route() -> str:
    """The route's pattern: addresses hold ids, and may hold words people typed."""
    return str(request.url_rule or "")

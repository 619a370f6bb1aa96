"""Sign in, choose a place, sign out."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from gateway import languages, problems, rpc, session
from gateway.forms import Form
from gateway.pages import safe_next
from safekeep.contracts.identity import SchoolPlace, SignedIn, SignIn
from safekeep.errors import Invalid, NotSignedIn, SecondFactorNeeded, SignInFailed, TooManyAttempts

pages = Blueprint("session", __name__)


@pages.get("/")
def start() -> Any:
    """Go to the place the person works at, or to sign in."""
    try:
        here = session.enter(session_token=session.cookie(), slug=None)
    except NotSignedIn:
        return redirect(url_for("session.sign_in"), 303)
    return redirect(_first_page(here.answer.places), 303)


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    """Ask for e-mail address and password (and, when needed, the code), and begin a session."""
    wanted = safe_next(request.values.get("next", ""))
    why = request.args.get("why", "")
    form = Form.sent(request.form)
    if request.method == "GET":
        return _show(form, wanted=wanted, why=why)
    for field in ("username", "password"):
        if not form.one(field).strip():
            form.refuse(field, "missing")
    if form.problems:
        return _show(form, wanted=wanted, status=422)
    try:
        signed_in = _ask(form)
    except (SignInFailed, TooManyAttempts, Invalid) as error:
        problem = problems.problem_of(SignInFailed() if isinstance(error, Invalid) else error)
        return _show(form, wanted=wanted, notice=str(problem.detail), status=problem.status)
    except SecondFactorNeeded:
        return _show(form, wanted=wanted, needs_code=True, status=401)
    response = redirect(wanted or _first_page(signed_in.places), 303)
    session.set_cookie(response, signed_in.session_token)  # type: ignore[arg-type]
    return response


@pages.get("/places")
def places() -> Any:
    """Choose between the schools (and the trust) a person works at."""
    here = session.enter(session_token=session.cookie(), slug=None)
    return render_template("session/places.html", places=here.answer.places, address=home_of)


@pages.post("/sign-out")
def sign_out() -> Any:
    """End the session."""
    if session.cookie():
        session.leave(session.cookie())
    response = redirect(url_for("session.sign_in", why="out"), 303)
    session.drop_cookie(response)  # type: ignore[arg-type]
    return response


@pages.post("/language")
def language() -> Any:
    """Change the language of the pages, and go back to the page the button was on."""
    response = redirect(safe_next(request.form.get("next", "")) or url_for("session.start"), 303)
    languages.choose(response, request.form.get("language", ""))  # type: ignore[arg-type]
    return response


def home_of(place: SchoolPlace) -> str:
    """Return the address of a place's first page."""
    return url_for("trust.home" if place.is_trust else "home.home", slug=place.slug)


def _first_page(places: list[SchoolPlace]) -> str:
    return home_of(places[0]) if len(places) == 1 else url_for("session.places")


def _ask(form: Form) -> SignedIn:
    request_ = rpc.build(
        SignIn,
        username=form.one("username").strip(),
        password=form.one("password"),
        code=form.one("code").replace(" ", "") or None,
        device=(request.user_agent.string or "")[:200],
        address=(request.remote_addr or "")[:200],
    )
    return rpc.ask(request_, token="", seconds=10.0)


def _show(form: Form, *, wanted: str, why: str = "", notice: str = "", needs_code: bool = False, status: int = 200) -> Any:
    return render_template("session/sign_in.html", form=form, wanted=wanted, why=why, notice=notice, needs_code=needs_code), status

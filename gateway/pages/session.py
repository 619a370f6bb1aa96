"""Sign in, step by step; prove again; lock and unlock; links by e-mail; choose a place; sign out."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request, url_for

from gateway import languages, offers, problems, rpc, schools, session, words
from gateway.forms import Form
from gateway.pages import safe_next
from gateway.session import Here
from safekeep.contracts.identity import (
    Account,
    AskPassword,
    Begin,
    BeginProof,
    ConfirmOwnRole,
    KeyOptions,
    Lock,
    Prove,
    SchoolPlace,
    SessionAnswer,
    SetPassword,
    SignedIn,
    SignIn,
    UseLink,
    UsePass,
)
from safekeep.errors import Conflict, Invalid, NotFound, NotSignedIn, SafekeepError, SignInFailed, TooManyAttempts

pages = Blueprint("session", __name__)

NEXT_STEP = {"second_factor": "session.prove", "enrol": "account.enrol", "password": "session.set_password"}
"""Where a sign-in goes on, by its stage."""


@pages.get("/")
def start() -> Any:
    """Go to the place the person works at, or to sign in."""
    answer = session.found()
    if answer is None or answer.expired:
        return redirect(url_for("session.sign_in"), 303)
    if answer.locked:
        return redirect(url_for("session.unlock"), 303)
    return redirect(_next_page(answer, wanted=""), 303)


@pages.get("/go-on")
def go_on() -> Any:
    """Go to the next step of the sign-in, or to the page that was wanted."""
    answer, wanted = session.found(), safe_next(request.args.get("next", ""))
    if answer is None or answer.expired:
        return redirect(url_for("session.sign_in", next=wanted or None), 303)
    if answer.locked:
        return redirect(url_for("session.unlock", next=wanted or None), 303)
    return redirect(_next_page(answer, wanted=wanted), 303)


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    """Ask for e-mail address and password, and begin a session; what else it needs is asked on the next page."""
    wanted = safe_next(request.values.get("next", ""))
    form = Form.sent(request.form)
    if request.method == "GET":
        return show_sign_in(form, wanted=wanted)
    for field in ("username", "password"):
        if not form.one(field).strip():
            form.refuse(field, "missing")
    if form.problems:
        return show_sign_in(form, wanted=wanted, status=422)
    try:
        request_ = rpc.build(
            SignIn,
            username=form.one("username").strip(),
            password=form.one("password"),
            in_steps=True,
            device=device(),
            device_tokens=session.device_tokens(),
            address=_address(),
        )
        signed_in = rpc.ask(request_, token="", seconds=10.0)
    except (SignInFailed, TooManyAttempts, Invalid) as error:
        problem = problems.problem_of(SignInFailed() if isinstance(error, Invalid) else error)
        return show_sign_in(form, wanted=wanted, notice=str(problem.detail), status=problem.status)
    return arrived(signed_in, wanted=wanted)


@pages.route("/prove", methods=["GET", "POST"])
def prove() -> Any:
    """Ask for the second factor: to finish a sign-in, or again before something that matters."""
    wanted = safe_next(request.values.get("next", ""))
    form, answer = Form.sent(request.form), _there("full", "second_factor")
    if request.method == "GET":
        return _show_proof(form, answer=answer, wanted=wanted)
    if not form.one("code").strip() and not form.one("key"):
        form.refuse("code", "missing")
        return _show_proof(form, answer=answer, wanted=wanted, status=422)
    try:
        proof = rpc.build(Prove, session_token=session.cookie(), code=form.one("code").strip(), key=form.one("key"))
        proved = rpc.ask(proof, token="", seconds=10.0)
    except (SignInFailed, TooManyAttempts) as error:
        problem = problems.WRONG_CODE if isinstance(error, SignInFailed) else problems.problem_of(error)
        return _show_proof(Form({}), answer=answer, wanted=wanted, notice=str(problem.detail), status=problem.status)
    return arrived(proved, wanted=wanted)


@pages.post("/prove/options")
def proof_options() -> Any:
    """Give the browser what it asks the hard key or passkey."""
    return _options(rpc.ask(rpc.build(BeginProof, session_token=session.cookie()), token=""))


@pages.post("/lock")
def lock() -> Any:
    """Lock the session, in every tab."""
    rpc.ask(rpc.build(Lock, session_token=session.cookie()), token="")
    session.changed(session.cookie())
    if request.accept_mimetypes.best == "application/json":
        return jsonify(locked=True)
    return redirect(url_for("session.unlock", next=safe_next(request.form.get("next", "")) or None), 303)


@pages.route("/unlock", methods=["GET", "POST"])
def unlock() -> Any:
    """The lock screen: one field, for the password or the code; and whom to find in person."""
    wanted = safe_next(request.values.get("next", ""))
    session.changed(session.cookie())  # whether it is locked is asked, not remembered: else this page sends back to one that is shut
    form, answer = Form.sent(request.form), session.found()
    is_json = request.accept_mimetypes.best == "application/json"
    if answer is None or answer.expired:
        if is_json:
            raise NotSignedIn("expired")
        return redirect(url_for("session.sign_in", next=wanted or None, why="ended"), 303)
    if request.method == "GET":
        if not answer.locked:
            return redirect(_next_page(answer, wanted=wanted), 303)
        return _show_unlock(form, answer=answer, wanted=wanted)
    typed = form.one("secret")
    if not typed.strip() and not form.one("key"):
        form.refuse("secret", "missing")
        return _show_unlock(form, answer=answer, wanted=wanted, status=422)
    is_code = typed.replace(" ", "").isdecimal() and len(typed.replace(" ", "")) == 6
    try:
        proof = rpc.build(
            Prove, session_token=session.cookie(), code=typed.strip() if is_code else "", password="" if is_code else typed, key=form.one("key")
        )
        proved = rpc.ask(proof, token="", seconds=10.0)
    except (SignInFailed, TooManyAttempts) as error:
        if is_json:
            raise
        problem = problems.problem_of(error)
        notice = problems.WRONG_SECRET.detail if isinstance(error, SignInFailed) else problem.detail
        return _show_unlock(Form({}), answer=answer, wanted=wanted, notice=str(notice), status=problem.status)
    if is_json:
        response = jsonify(unlocked=True)
        session.changed(session.cookie())
        session.set_cookie(response, proved.session_token)
        return response
    return arrived(proved, wanted=wanted)


@pages.post("/still-here")
def still_here() -> Any:
    """Typing is being there: the page says so now and then, though nothing is sent yet."""
    session.enter(session_token=session.cookie(), slug=None)
    return "", 204


# --- passwords and links -----------------------------------------------------------------------------------------------


@pages.route("/password", methods=["GET", "POST"])
def set_password() -> Any:
    """Set the password: the first one, one that is due, or a new one with the old."""
    wanted, form = safe_next(request.values.get("next", "")), Form.sent(request.form)
    answer = _there("full", "password")
    account = rpc.ask(rpc.build(Account, session_token=session.cookie()), token="")
    notice, status = "", 200
    if request.method == "POST":
        try:
            sent = rpc.build(SetPassword, session_token=session.cookie(), old=form.one("old"), password=form.one("password"))
            return arrived(rpc.ask(sent, token="", seconds=10.0), wanted=wanted or (url_for("account.account") if answer.stage == "full" else ""))
        except SignInFailed:
            form.refuse("old", "wrong")
            status = 422
        except TooManyAttempts as error:
            notice, status = str(problems.problem_of(error).detail), 429
        except Invalid as error:
            for field, code in error.problems.items():
                form.refuse(field, code)
            status = 422
    return render_template(
        "session/password.html", form=form, wanted=wanted, stage=answer.stage, email=answer.email, rules=account.rules, notice=notice
    ), status


@pages.route("/forgot", methods=["GET", "POST"])
def forgot() -> Any:
    """Ask for a link by e-mail. The answer is the same for every address."""
    form = Form.sent(request.form)
    if request.method == "POST":
        if not form.one("username").strip():
            form.refuse("username", "missing")
            return render_template("session/forgot.html", form=form, asked=False), 422
        try:
            rpc.ask(rpc.build(AskPassword, email=form.one("username").strip(), address=_address()), token="")
        except Invalid:
            form.refuse("username", "invalid")
            return render_template("session/forgot.html", form=form, asked=False), 422
    return render_template("session/forgot.html", form=form, asked=request.method == "POST")


@pages.route("/link/<token>", methods=["GET", "POST"])
def link(token: str) -> Any:
    """Use a one-time link. Opening the address does nothing yet: mail programs open addresses by themselves."""
    if request.method == "GET":
        return render_template("session/link.html", token=token)
    try:
        signed_in = rpc.ask(rpc.build(UseLink, token=token, device=device()), token="")
    except (SignInFailed, Invalid):
        return render_template("session/link_over.html"), 410
    return arrived(signed_in, wanted="")


@pages.route("/begin/<token>", methods=["GET", "POST"])
def begin(token: str) -> Any:
    """The first administrator of an empty installation: names the trust and themselves."""
    form = Form.sent(request.form)
    if request.method == "GET":
        return render_template("session/begin.html", form=form, token=token)
    try:
        sent = rpc.build(
            Begin,
            token=token,
            trust_name=form.one("trust_name"),
            name=form.one("name"),
            email=form.one("email").strip(),
            device=device(),
        )
        return arrived(rpc.ask(sent, token=""), wanted="")
    except (SignInFailed, Conflict):
        return render_template("session/link_over.html"), 410
    except Invalid as error:
        for field, code in error.problems.items():
            form.refuse(field, code)
        return render_template("session/begin.html", form=form, token=token), 422


@pages.route("/pass", methods=["GET", "POST"])
def use_pass() -> Any:
    """A lost key, or the first one of who opens records: type the pass that a DSL has given in person, or the head's code."""
    form = Form.sent(request.form)
    answer = _there("second_factor", "enrol")
    first = answer.stage == "enrol" and not rpc.ask(rpc.build(Account, session_token=session.cookie()), token="").has_had_factor
    if request.method == "POST":
        try:
            added = rpc.ask(rpc.build(UsePass, session_token=session.cookie(), code=form.one("code")[:200]), token="")
        except (SignInFailed, Invalid):
            form.refuse("code", "wrong_pass")
            return render_template("session/pass.html", form=form, first=first), 422
        except TooManyAttempts as error:
            return render_template("session/pass.html", form=form, first=first, notice=str(problems.problem_of(error).detail)), 429
        response = redirect(url_for("account.enrol"), 303)
        turn(response, added.session_token)
        return response
    return render_template("session/pass.html", form=form, first=first)


@pages.route("/s/<slug>/confirm-role", methods=["GET", "POST"])
def confirm_role(slug: str) -> Any:
    """The school's first DSL types the code that was printed for the head."""
    here, form = session.here(), Form.sent(request.form)
    if not here.place.waiting:
        return redirect(home_of(here.place), 303)
    notice, status = "", 200
    if request.method == "POST":
        try:
            rpc.ask(rpc.build(ConfirmOwnRole, session_token=session.cookie(), slug=slug, code=form.one("code")[:200]), token="")
            session.changed(session.cookie())
            return redirect(home_of(here.place), 303)
        except (SignInFailed, Invalid):
            form.refuse("code", "wrong_pass")
            status = 422
        except TooManyAttempts as error:
            notice, status = str(problems.problem_of(error).detail), 429
    return render_template("session/confirm_role.html", form=form, notice=notice), status


# --- places ---------------------------------------------------------------------------------------------------------------


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
    if place.waiting and not place.roles:
        return url_for("trust.waiting" if place.is_trust else "session.confirm_role", slug=place.slug)
    return url_for("trust.home" if place.is_trust else "home.home", slug=place.slug)


def turn(response: Any, session_token: str) -> None:
    """Give the browser the session's new token, and forget what was remembered of the old one."""
    session.changed(session.cookie())
    session.set_cookie(response, session_token)


def arrived(signed_in: SignedIn, *, wanted: str) -> Response:
    """Send a browser that has signed in, or come a step further, on its way, with the session's token."""
    step = NEXT_STEP.get(signed_in.stage)
    address = url_for(step, next=wanted or None) if step else wanted or _first_page(signed_in.places)
    response: Any = redirect(address, 303)
    turn(response, signed_in.session_token)
    if signed_in.device_token:
        session.set_device_cookie(response, signed_in.device_token)
    return response  # type: ignore[no-any-return]


def _next_page(answer: SessionAnswer, *, wanted: str) -> str:
    step = NEXT_STEP.get(answer.stage)
    return url_for(step, next=wanted or None) if step else wanted or _first_page(answer.places)


def _first_page(places: list[SchoolPlace]) -> str:
    return home_of(places[0]) if len(places) == 1 else url_for("session.places")


def _there(*stages: str) -> SessionAnswer:
    """Return the session when it is at one of these stages. Raises NotSignedIn."""
    answer = session.found()
    if answer is None:
        raise NotSignedIn("missing")
    if answer.expired or answer.locked:
        raise NotSignedIn("expired" if answer.expired else "locked")
    if answer.stage not in stages:
        raise NotSignedIn("unfinished")
    return answer


def _options(found: KeyOptions) -> Response:
    if not found.options:
        raise NotFound("key")
    return Response(found.options, mimetype="application/json")


def device() -> str:
    """Return what browser this is, as its person would know it again."""
    return words.device(request.user_agent.string or "")


def _address() -> str:
    return (request.remote_addr or "")[:200]


def _duty(answer: SessionAnswer, wanted: str) -> tuple[str, list[Any]]:
    """Return (school, who is on duty): whom to find in person while the screen is locked."""
    slug = wanted.removeprefix("/s/").partition("/")[0] if wanted.startswith("/s/") else ""
    at_school = [p for p in answer.places if not p.is_trust and slug in ("", p.slug)]
    if not at_school:
        return "", []
    try:
        here = Here(session.cookie(), session.answer_at(at_school[0].slug))
        school = schools.duty(here)
    except SafekeepError:
        return at_school[0].name, []
    return at_school[0].name, school.duty


def show_sign_in(form: Form, *, wanted: str, notice: str = "", status: int = 200) -> Any:
    """Show the sign-in page, with the school's own sign-in beside the password."""
    said = {"why": request.args.get("why", ""), "notice": notice, "offers": offers.offered()}
    return render_template("session/sign_in.html", form=form, wanted=wanted, **said), status


def _show_proof(form: Form, *, answer: SessionAnswer, wanted: str, notice: str = "", status: int = 200) -> Any:
    account = rpc.ask(rpc.build(Account, session_token=session.cookie()), token="")
    kinds = {factor.kind for factor in account.factors}
    again = answer.stage == "full"
    codes_url = current_app.config["DEMO_CODES_URL"] if answer.demo and "totp" in kinds else ""
    return render_template("session/prove.html", form=form, kinds=kinds, wanted=wanted, notice=notice, again=again, codes_url=codes_url), status


def _show_unlock(form: Form, *, answer: SessionAnswer, wanted: str, notice: str = "", status: int = 200) -> Any:
    school, duty = _duty(answer, wanted)
    why = request.args.get("why", "")
    return render_template(
        "session/unlock.html", form=form, wanted=wanted, notice=notice, school=school, duty=duty, name=answer.name, why=why, offers=offers.offered()
    ), status

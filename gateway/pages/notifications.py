"""My notifications: on which browsers somebody is told that there is something to read; and the worker that shows it."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext

from gateway import rpc, schools, session, words
from safekeep.contracts.alerts import DropDevice, KeepDevice, Notifications, TryDevice
from safekeep.ids import new_id

pages = Blueprint("notifications", __name__)


@pages.get("/s/<slug>/notifications")
def mine(slug: str) -> Any:
    """How the person is told: the inbox, e-mail, and the browsers they let us notify."""
    here = session.here()
    found = rpc.ask(Notifications(), token=here.token)
    return render_template("notifications/mine.html", found=found, known=schools.known(here), said=request.args.get("said", ""))


@pages.post("/s/<slug>/notifications")
def allow(slug: str) -> Any:
    """Keep this browser: what its push service gave the page. Asked by the page's script alone."""
    here = session.here()
    fields = {name: request.form.get(name, "") for name in ("endpoint", "p256dh", "auth")}
    device = words.device(request.user_agent.string)
    kept = rpc.ask(rpc.build(KeepDevice, id=new_id(), **fields, device=device), token=here.token)
    return jsonify(id=str(kept.id))


@pages.post("/s/<slug>/notifications/<uuid:device_id>")
def change(slug: str, device_id: UUID) -> Any:
    """Notify a browser no more, or notify it now to see that it works."""
    here = session.here()
    tries = request.form.get("do") == "try"
    wanted: Any = rpc.build(TryDevice, device_to_try=device_id) if tries else rpc.build(DropDevice, device_to_drop=device_id)
    rpc.ask(wanted, token=here.token)
    return redirect(url_for("notifications.mine", slug=slug, said="tried" if tries else "dropped"), 303)


@pages.get("/notify-worker.js")
def worker() -> Response:
    """The service worker: it shows that there is something to read, and opens Safekeep. It keeps nothing and answers for no page."""
    said = {"title": "Safekeep", "body": gettext("There is something to read.")}
    return Response(render_template("notifications/worker.js", **said), mimetype="text/javascript")

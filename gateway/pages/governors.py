"""What was published to governors: the list, a report, the same on paper, and the bytes that were approved, for whoever checks them.

A trust's safeguarding lead has the same pages of the trust's own reports, below the trust's address.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Response, render_template
from flask_babel import gettext as _

from gateway import rpc, session, sheets
from gateway.session import Here
from safekeep import charts, spreadsheet
from safekeep.contracts.reports import PublishedReport, PublishedReportPdf, PublishedReports

pages = Blueprint("governors", __name__)
trust_pages = Blueprint("trust_governors", __name__)
View = TypeVar("View", bound=Callable[..., Any])


def of(here: Here) -> str:
    """Return the name of the pages of what was published where somebody is."""
    return "trust_governors" if here.place.is_trust else "governors"


def at_both(school_pages: Blueprint, of_trusts: Blueprint) -> Callable[..., Callable[[View], View]]:
    """Return what gives a page its address below a school's and below a trust's: at(rule, method, …), GET where none is named."""

    def at(rule: str, *methods: str) -> Callable[[View], View]:
        def register(view: View) -> View:
            school_pages.add_url_rule(f"/s/<slug>{rule}", view_func=view, methods=methods or ("GET",))
            of_trusts.add_url_rule(f"/t/<slug>{rule}", view_func=view, methods=methods or ("GET",))
            return view

        return register

    return at


at = at_both(pages, trust_pages)


@at("/governors")
def published(slug: str) -> Any:
    """List the published reports, the newest first."""
    found = rpc.ask(PublishedReports(), token=session.here().token)
    return render_template("governors/list.html", published=found.items, of_trust=found.of_trust)


@at("/governors/<uuid:published_id>")
def report(slug: str, published_id: UUID) -> Any:
    """Show a published report."""
    found = rpc.ask(rpc.build(PublishedReport, report_id=published_id), token=session.here().token)
    return render_template("governors/report.html", sealed=found.place, told=json.loads(found.content), chart=charts.section)


@at("/governors/<uuid:published_id>.pdf")
def pdf(slug: str, published_id: UUID) -> Any:
    """Send it as a PDF."""
    found = rpc.ask(rpc.build(PublishedReportPdf, report_id=published_id), token=session.here().token, seconds=20.0)
    return file(found.data, media_type=found.media_type, name="report-to-governors.pdf")


@at("/governors/<uuid:published_id>.json")
def content(slug: str, published_id: UUID) -> Any:
    """Send the bytes that were approved: their SHA-256 is what stands in the ledger."""
    found = rpc.ask(rpc.build(PublishedReport, report_id=published_id), token=session.here().token)
    return file(found.content.encode(), media_type="application/json", name="report-to-governors.json")


@at("/governors/<uuid:published_id>.csv")
def as_list(slug: str, published_id: UUID) -> Any:
    """Send every table of it as a list for a spreadsheet."""
    found = rpc.ask(rpc.build(PublishedReport, report_id=published_id), token=session.here().token)
    return tables_as_list(found.content)


def tables_as_list(content: str) -> Response:
    """Return the tables of a report, as they were published, as one list: a line a cell."""
    headings = [_("Table"), _("Row"), _("Column"), _("Count")]
    rows = [
        [part["heading"], row["name"], column, cell]
        for part in json.loads(content)["sections"]
        for row in part["rows"]
        for column, cell in zip(part["columns"], row["cells"], strict=True)
    ]
    return sheets.download(spreadsheet.write(headings, rows), "report-to-governors.csv")


def file(data: bytes, *, media_type: str, name: str) -> Response:
    """Return a report as a file to keep."""
    response = Response(data, mimetype=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

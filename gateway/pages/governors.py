"""What was published to governors: the list, a report, the same on paper, and the bytes that were approved, for whoever checks them."""

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, render_template

from gateway import rpc, session
from safekeep import charts
from safekeep.contracts.reports import PublishedReport, PublishedReportPdf, PublishedReports

pages = Blueprint("governors", __name__)


@pages.get("/s/<slug>/governors")
def published(slug: str) -> Any:
    """List the published reports, the newest first."""
    return render_template("governors/list.html", published=rpc.ask(PublishedReports(), token=session.here().token).items)


@pages.get("/s/<slug>/governors/<uuid:published_id>")
def report(slug: str, published_id: UUID) -> Any:
    """Show a published report."""
    found = rpc.ask(rpc.build(PublishedReport, report_id=published_id), token=session.here().token)
    return render_template("governors/report.html", sealed=found.place, told=json.loads(found.content), chart=charts.section)


@pages.get("/s/<slug>/governors/<uuid:published_id>.pdf")
def pdf(slug: str, published_id: UUID) -> Any:
    """Send it as a PDF."""
    found = rpc.ask(rpc.build(PublishedReportPdf, report_id=published_id), token=session.here().token, seconds=20.0)
    return file(found.data, media_type=found.media_type, name="report-to-governors.pdf")


@pages.get("/s/<slug>/governors/<uuid:published_id>.json")
def content(slug: str, published_id: UUID) -> Any:
    """Send the bytes that were approved: their SHA-256 is what stands in the ledger."""
    found = rpc.ask(rpc.build(PublishedReport, report_id=published_id), token=session.here().token)
    return file(found.content.encode(), media_type="application/json", name="report-to-governors.json")


def file(data: bytes, *, media_type: str, name: str) -> Response:
    """Return a report as a file to keep."""
    response = Response(data, mimetype=media_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

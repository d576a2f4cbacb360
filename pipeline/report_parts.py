"""A client's file as records of `report-issues`: parts, each far below what a broker takes."""

from hashlib import sha256

import orjson

from schemas.report import ReportIssued
from settlement.cause import Cause, Out
from settlement.reports.report import Report
from topics.catalogue import REPORT_ISSUES

# A part ends with the row with which its text, as JSON, reaches this size.
PART_BYTES = 512 * 1024


def issue_parts(report: Report, cause: Cause, out: Out) -> None:
    """Emit a file in parts; the last one carries the facts of the whole."""
    digest = sha256()
    rows = control = part = 0
    text = "".join(f"{line}\n" for line in report.header)
    size = len(orjson.dumps(text))
    for row in report.rows:
        if size >= PART_BYTES:
            part += 1
            digest.update(text.encode())
            out.append((REPORT_ISSUES, report.client, _part(report, cause, part, text)))
            text, size = "", 0
        line = f"{row.text}\n"
        text += line
        size += len(orjson.dumps(line))
        rows += 1
        control += row.control
    digest.update(text.encode())
    last = _part(report, cause, part + 1, text)
    last["delivered_id"] = cause.event_id("ReportDelivered", report.client)
    last["rows"] = rows
    last["sha256"] = digest.hexdigest()
    last["control_total"] = report.control_text(control)
    out.append((REPORT_ISSUES, report.client, last))


def _part(report: Report, cause: Cause, part: int, text: str) -> ReportIssued:
    return {
        "type": "ReportIssued",
        "event_id": cause.event_id("ReportIssued", report.client),
        "event_time": cause.at_text,
        "cause_id": cause.id,
        "client": report.client,
        "report": report.name,
        "key": report.key,
        "part": part,
        "text": text,
        "delivered_id": None,
        "rows": None,
        "sha256": None,
        "control_total": None,
    }

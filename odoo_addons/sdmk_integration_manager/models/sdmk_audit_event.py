import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.addons.sdmk_core.models.sdmk_sidecar import GROUPS
from odoo.exceptions import UserError
from odoo.tools import format_datetime

PAGE = 40
MOST = 9007199254740991


def _may_hold_nik(text):
    """Return whether a text has sixteen digits, like a NIK. Search texts are part of URLs, which are logged."""
    return re.search(r"(?<![0-9a-fA-F])\d{16}(?![0-9a-fA-F])", re.sub(r"[ .-]", "", text)) is not None


class SdmkAuditEvent(models.AbstractModel):
    """The sidecar's audit events. Each view reads them from the sidecar; Odoo stores none of them."""

    _name = "sdmk.audit.event"
    _description = "Audit Event"

    @api.model
    def get_events(self, before=0, asked=None):
        """Return a page of events in the operator's language, newest first, with the last verification of their chain.

        :param int before: the ``next`` of the page before
        :param dict asked: any of ``action``, ``actor``, ``since``, ``until``, ``batchId``, ``runId``, ``traceId`` and
            ``requestId``; the two days as ``2026-11-29``
        """
        sidecar = self.env["sdmk.sidecar"]
        sidecar._check_role("auditor")
        query = {"limit": PAGE, "before": before if type(before) is int and 0 <= before <= MOST else 0}
        page = sidecar._call("GET", "/v1/audit-events", query={**query, **self._asked(asked)})
        codes = {code.code: code.name for code in self.env["sdmk.code"].sudo().search([])}
        for event in page["items"]:
            event["atName"] = self._time(event["at"])
            detail = event["detail"]
            event["roleName"] = self._role_name(detail.get("role"))
            event["reason"] = detail.get("reason") or ""
            held_for = detail.get("reasons") or detail.get("holdReasons") or []
            event["causes"] = [codes.get(code, code) for code in held_for]
            event["detailText"] = json.dumps(detail, indent=2, ensure_ascii=False)
        if page["check"]:
            page["check"]["atName"] = self._time(page["check"]["checkedAt"])
        return page

    @api.model
    def find(self, text):
        """Find the screens and events for a number from a screen or an error message.

        :param str text: the number of a batch or a run, a trace ID, or the ID of a request
        :return: ``asked``, the filter for :meth:`get_events`, and ``places``, each a name and an action
        :rtype: dict
        """
        self.env["sdmk.sidecar"]._check_role("auditor")
        text = text.strip() if isinstance(text, str) else ""
        if _may_hold_nik(text):
            raise UserError(self.env._("Audit events are not found by a NIK."))
        if re.fullmatch(r"\d{1,15}", text) and int(text) > 0:
            return self._find_number(int(text))
        if re.fullmatch("[0-9a-fA-F]{32}", text):
            trace = text.lower()
            return {"asked": {"traceId": trace}, "places": self._places("trace_id", trace)}
        return {"asked": {"requestId": text[:200]} if text else {}, "places": []}

    @api.model
    def _find_number(self, number):
        batches = self._places("id", number)
        runs = self._places("run_id", number)
        asked = {"runId": number} if runs and not batches else {"batchId": number}
        return {"asked": asked, "places": [*batches, *runs]}

    @api.model
    def _places(self, field, value):
        """Return the screens of batches with this value, each with a name, an action and a filter for events."""
        return []

    @api.model
    def _asked(self, asked):
        """Return the valid parts of a request from a browser, which may be any JSON, as a query for the sidecar."""
        asked = asked if isinstance(asked, dict) else {}
        query = {}
        for name, shape in (
            ("action", "[a-z_]+[.][a-z_]+"),
            ("traceId", "[0-9a-f]{32}"),
            ("requestId", r"[^\x00-\x1f]{1,200}"),
            ("actor", r"[^\x00-\x1f]{1,200}"),
        ):
            if isinstance(asked.get(name), str) and re.fullmatch(shape, asked[name]) and not _may_hold_nik(asked[name]):
                query[name] = asked[name]
        for name in ("batchId", "runId"):
            if type(asked.get(name)) is int and 0 < asked[name] <= MOST:
                query[name] = asked[name]
        zone = ZoneInfo(self.env.user.tz or "UTC")
        for name, days in (("since", 0), ("until", 1)):
            if isinstance(asked.get(name), str) and re.fullmatch(r"[12]\d{3}-\d\d-\d\d", asked[name]):
                try:
                    day = datetime.fromisoformat(asked[name]).replace(tzinfo=zone) + timedelta(days=days)
                except ValueError:
                    continue
                query[name] = day.isoformat()
        return query

    @api.model
    def _time(self, instant):
        return format_datetime(self.env, fields.Datetime.to_datetime(instant[:19].replace("T", " ")))

    @api.model
    def _role_name(self, role):
        group = self.env.ref(GROUPS[role], raise_if_not_found=False) if role in GROUPS else None
        return group.sudo().name if group else ""

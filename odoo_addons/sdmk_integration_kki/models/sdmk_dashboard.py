import datetime
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from .sdmk_batch import UNDER_WAY
from .sdmk_batch_outcome import OUTCOMES

DAYS = 14
# Number of batches whose duration the chart shows.
BATCHES = 30
# Kinds of batches that read rows from KKI's API.
WALKS = ("incremental", "window", "full")
# An open dashboard repeats the call, and must show within ten seconds that the sidecar does not answer.
SIDECAR_SECONDS = 3
# Odoo's data is older than this only while a large backlog is written, or if writing fails.
BACKLOG_SECONDS = 600


class SdmkDashboard(models.AbstractModel):
    """Figures of the integration with KKI, for one screen."""

    _name = "sdmk.dashboard"
    _description = "Dashboard of the Integration with KKI"

    @api.model
    def get_figures(self):
        """Return the overall status, the rows of two weeks by outcome, open rejected rows by reason, and durations."""
        self.env["sdmk.batch"].check_access("read")
        zone = self._zone()
        today = fields.Datetime.now().replace(tzinfo=datetime.UTC).astimezone(zone).date()
        days = [today - datetime.timedelta(days=back) for back in reversed(range(DAYS))]
        outcomes = self._outcomes_by_day(days, zone)
        integration = self._integration()
        batches = self.env["sdmk.batch"]
        rejections = self.env["sdmk.rejection"]
        last = self._last_success()
        figures = {
            "integrationId": integration.id,
            "isActive": integration.is_active,
            "isKnown": bool(integration.version),
            "lastSuccess": fields.Datetime.to_string(last.finished_at) if last else False,
            "running": [
                {"id": batch.id, "name": self._batch_name(batch), "state": batch.state, "progress": batch.progress}
                for batch in batches.search([("state", "in", UNDER_WAY)], limit=5)
            ],
            "held": batches.search_count([("state", "=", "held")]),
            "failedToday": batches.search_count(
                [("state", "=", "failed"), ("created_at", ">=", self._begin(today, zone))]
            ),
            "open": rejections.search_count([("needs_work", "=", True)]),
            "urgent": rejections.search_count([("state", "=", "open"), ("urgent", "=", True)]),
            "days": [fields.Date.to_string(day) for day in days],
            "outcomes": outcomes,
            "today": [
                {"key": item["key"], "label": item["label"], "kki": item["rows"][-1], "imported": item["imported"][-1]}
                for item in outcomes
            ],
            "reasons": self._open_by_reason(),
            "durations": self._durations(),
        }
        return {**figures, "verdict": self._verdict(integration, figures)}

    @api.model
    def get_sidecar(self):
        """Return the time of the next run and the sidecar's reasons for attention, or that it does not answer."""
        self.env["sdmk.batch"].check_access("read")
        integration = self._integration()
        settings = f"/odoo/sdmk.integration/{integration.id}"
        try:
            answer = self.env["sdmk.sidecar"]._call("GET", "/v1/integrations/{}", "kki", seconds=SIDECAR_SECONDS)
        except UserError as error:
            return {"isSilent": True, "nextRun": False, "verdict": [_broken(str(error).partition("\n")[0], settings)]}
        due = answer["nextRunDueAt"]
        return {
            "isSilent": False,
            "nextRun": due[:19].replace("T", " ") if due else False,
            "verdict": [*self._overdue(answer, settings), *self._behind(answer["mirror"], settings)],
        }

    @api.model
    def _verdict(self, integration, figures):
        """Return the faults and the reasons for attention that Odoo's own data shows."""
        settings = f"/odoo/sdmk.integration/{integration.id}"
        reasons = []
        if not figures["isKnown"]:
            reasons.append(_broken(self.env._("The integration is not connected yet."), settings))
        batches = self.env["sdmk.batch"]
        ended = batches.search([("kind", "in", WALKS), ("state", "in", ("applied", "failed"))], limit=1)
        if ended.state == "failed":
            why = ended.error_ids[:1].name or self.env._("cause unknown")
            text = self.env._("The last synchronization with KKI failed: %(reason)s", reason=why)
            reasons.append(_broken(text, f"/odoo/sdmk.batch/{ended.id}"))
        held = self.env._("Batches on hold for a decision: %(count)s")
        urgent = self.env._("Urgent rejected rows: %(count)s")
        failed = self.env._("Batches that failed today: %(count)s")
        on_hold = "sdmk-held-batches"
        if figures["held"] == 1:
            # With a single batch on hold, the link leads to the batch itself.
            on_hold += f"/{batches.search([('state', '=', 'held')], limit=1).id}"
        for count, text, place in (
            (figures["held"], held, on_hold),
            (figures["urgent"], urgent, "sdmk-urgent-rows"),
            (figures["failedToday"], failed, "sdmk-failed-batches"),
        ):
            if count:
                reasons.append(_needed(text % {"count": self._number(count)}, f"/odoo/sdmk-kki/{place}"))
        if figures["isKnown"] and not figures["isActive"]:
            text = self.env._("The integration is switched off. Scheduled runs do not start.")
            reasons.append(_needed(text, settings))
        return reasons

    @api.model
    def _overdue(self, answer, settings):
        """Return a fault if two runs were due since the last success. A single one may still be under way."""
        due = [_moment(text) for text in answer["lastRunsDueAt"]]
        last = self._last_success()
        # Times before the last change of the setting belong to another schedule.
        if len(due) < 2 or _moment(answer["changedAt"]) > due[-1] or (last and last.finished_at >= due[-1]):
            return []
        text = self.env._("No run has succeeded yet, although two were due.")
        if last:
            when = format_datetime(self.env, last.finished_at, dt_format="short")
            text = self.env._("No run has succeeded since %(when)s, although two were due.", when=when)
        return [_broken(text, settings)]

    @api.model
    def _behind(self, mirror, settings):
        if not mirror or mirror["oldestSeconds"] < BACKLOG_SECONDS:
            return []
        text = self.env._(
            "Odoo is behind: %(count)s messages wait, the oldest for %(minutes)s minutes.",
            count=self._number(mirror["waiting"]),
            minutes=self._number(int(mirror["oldestSeconds"] // 60)),
        )
        return [_broken(text, settings)]

    @api.model
    def _integration(self):
        return self.env["sdmk.integration"].search([("code", "=", "kki")], limit=1)

    @api.model
    def _last_success(self):
        return self.env["sdmk.batch"].search([("state", "=", "applied"), ("kind", "in", WALKS)], limit=1)

    @api.model
    def _outcomes_by_day(self, days, zone):
        since = self._begin(days[0], zone)
        groups = (
            self.env["sdmk.batch.outcome"]
            .with_context(tz=zone.key)
            ._read_group([("finished_at", ">=", since)], ["finished_at:day", "outcome", "kind"], ["rows:sum"])
        )
        rows = {}
        for day, outcome, kind, count in groups:
            key = (day.date(), outcome, kind == "import")
            rows[key] = rows.get(key, 0) + count
        labels = dict(self.env["sdmk.batch.outcome"]._fields["outcome"]._description_selection(self.env))
        return [
            {
                "key": key,
                "label": labels[key],
                "rows": [rows.get((day, key, False), 0) for day in days],
                "imported": [rows.get((day, key, True), 0) for day in days],
            }
            for key, _label in OUTCOMES
        ]

    @api.model
    def _open_by_reason(self):
        codes = {code.code: code for code in self.env["sdmk.code"].sudo().search([("kind", "=", "rejection")])}
        groups = self.env["sdmk.rejection"]._read_group([("state", "=", "open")], ["code"], ["__count"])
        reasons = []
        for name, count in groups:
            code = codes.get(name)
            place = f"/odoo/{code.id}/sdmk-rows-of-reason" if code else "/odoo/sdmk-kki/sdmk-open-rows"
            reasons.append({"key": name, "label": code.name if code else name, "rows": count, "href": place})
        return sorted(reasons, key=lambda item: -item["rows"])

    @api.model
    def _durations(self):
        batches = self.env["sdmk.batch"].search([("state", "=", "applied"), ("kind", "in", WALKS)], limit=BATCHES)
        return [
            {"id": batch.id, "label": self._batch_name(batch), "seconds": batch.duration} for batch in reversed(batches)
        ]

    @api.model
    def _batch_name(self, batch):
        kind = dict(batch._fields["kind"]._description_selection(self.env)).get(batch.kind, batch.kind)
        return f"{batch.display_name} · {kind}"

    @api.model
    def _number(self, value):
        return self.env["ir.qweb.field.integer"].value_to_html(value, {})

    @api.model
    def _zone(self):
        return ZoneInfo(self.env.user.tz or "Asia/Jakarta")

    @api.model
    def _begin(self, day, zone):
        """Return the first moment of a day in Odoo's format, in UTC."""
        begin = datetime.datetime.combine(day, datetime.time(), tzinfo=zone)
        return begin.astimezone(datetime.UTC).replace(tzinfo=None)


def _broken(text, href):
    return {"level": "broken", "text": text, "href": href}


def _needed(text, href):
    return {"level": "needed", "text": text, "href": href}


def _moment(text):
    """Return a moment from the sidecar in Odoo's format."""
    return fields.Datetime.to_datetime(text[:19].replace("T", " "))

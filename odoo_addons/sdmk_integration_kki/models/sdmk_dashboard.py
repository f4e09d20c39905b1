import datetime
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import UserError

from .sdmk_batch import UNDER_WAY
from .sdmk_batch_outcome import OUTCOMES

DAYS = 14
# Durations that a chart shows.
BATCHES = 30


class SdmkDashboard(models.AbstractModel):
    """Figures of the integration with KKI, for one screen."""

    _name = "sdmk.dashboard"
    _description = "Dashboard of the Integration with KKI"

    @api.model
    def get_figures(self):
        """Return today's status, the rows of two weeks by outcome, open refused rows by reason, and durations."""
        self.env["sdmk.batch"].check_access("read")
        zone = self._zone()
        today = fields.Datetime.now().replace(tzinfo=datetime.UTC).astimezone(zone).date()
        days = [today - datetime.timedelta(days=back) for back in reversed(range(DAYS))]
        outcomes = self._outcomes_by_day(days, zone)
        integration = self.env["sdmk.integration"].search([("code", "=", "kki")], limit=1)
        batches = self.env["sdmk.batch"]
        rejections = self.env["sdmk.rejection"]
        last = batches.search([("state", "=", "applied"), ("kind", "in", ("incremental", "window", "full"))], limit=1)
        return {
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
            "open": rejections.search_count([("state", "=", "open")]),
            "urgent": rejections.search_count([("state", "=", "open"), ("urgent", "=", True)]),
            "days": [fields.Date.to_string(day) for day in days],
            "outcomes": outcomes,
            "today": {item["key"]: item["rows"][-1] for item in outcomes},
            "reasons": self._open_by_reason(),
            "durations": self._durations(),
        }

    @api.model
    def get_sidecar(self):
        """Return what the sidecar says of itself now, or that it does not answer."""
        self.env["sdmk.batch"].check_access("read")
        try:
            answer = self.env["sdmk.sidecar"]._call("GET", "/v1/integrations/{}", "kki")
        except UserError as error:
            return {"isThere": False, "problem": str(error)}
        due = answer["nextRunDueAt"]
        return {"isThere": True, "nextRun": due[:19].replace("T", " ") if due else False}

    @api.model
    def _outcomes_by_day(self, days, zone):
        since = self._begin(days[0], zone)
        groups = (
            self.env["sdmk.batch.outcome"]
            .with_context(tz=zone.key)
            ._read_group([("finished_at", ">=", since)], ["finished_at:day", "outcome"], ["rows:sum"])
        )
        rows = {(day.date(), outcome): count for day, outcome, count in groups}
        labels = dict(self.env["sdmk.batch.outcome"]._fields["outcome"]._description_selection(self.env))
        return [
            {"key": key, "label": labels[key], "rows": [rows.get((day, key), 0) for day in days]}
            for key, _label in OUTCOMES
        ]

    @api.model
    def _open_by_reason(self):
        labels = dict(self.env["sdmk.rejection"]._selection_code())
        groups = self.env["sdmk.rejection"]._read_group([("state", "=", "open")], ["code"], ["__count"])
        reasons = [{"key": code, "label": labels.get(code, code), "rows": count} for code, count in groups]
        return sorted(reasons, key=lambda item: -item["rows"])

    @api.model
    def _durations(self):
        batches = self.env["sdmk.batch"].search(
            [("state", "=", "applied"), ("kind", "in", ("incremental", "window", "full"))], limit=BATCHES
        )
        return [
            {"id": batch.id, "label": self._batch_name(batch), "seconds": batch.duration} for batch in reversed(batches)
        ]

    @api.model
    def _batch_name(self, batch):
        kind = dict(batch._fields["kind"]._description_selection(self.env)).get(batch.kind, batch.kind)
        return f"{batch.display_name} · {kind}"

    @api.model
    def _zone(self):
        return ZoneInfo(self.env.user.tz or "Asia/Jakarta")

    @api.model
    def _begin(self, day, zone):
        """Return the first moment of a day, in UTC, as Odoo stores moments."""
        begin = datetime.datetime.combine(day, datetime.time(), tzinfo=zone)
        return begin.astimezone(datetime.UTC).replace(tzinfo=None)

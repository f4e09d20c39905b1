import datetime

from odoo import api, fields, models
from odoo.exceptions import UserError

KINDS = [
    ("incremental", "Incremental"),
    ("window", "Period"),
    ("full", "Full"),
    ("file", "File of KKI"),
    ("import", "Import"),
    ("retry", "Fetched Again"),
    ("decision", "Decision"),
    ("clock", "Expiry"),
    ("check", "Registry Check"),
]
STATES = [
    ("queued", "Waiting"),
    ("fetching", "Fetching"),
    ("staged", "Planning"),
    ("planned", "Planned"),
    ("held", "On Hold"),
    ("applied", "Applied"),
    ("undone", "Undone"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
    ("discarded", "Discarded"),
    ("superseded", "Superseded"),
]
TRIGGERS = [
    ("schedule", "Schedule"),
    ("operator", "Operator"),
    ("api", "Another System"),
    ("command", "Engineer"),
]
UNDER_WAY = ("queued", "fetching", "staged", "planned")
# Decisions of an administrator about a whole batch. The sidecar carries them out.
DECISIONS = ("apply", "discard", "undo")
COUNTERS = ("fetched", "created", "linked", "updated", "unchanged", "superseded", "rejected", "deactivated")


class SdmkBatch(models.Model):
    _name = "sdmk.batch"
    _inherit = "sdmk.mirror"
    _description = "KKI Batch"
    _log_access = False
    _order = "id desc"

    _mirror_columns = {
        "run_id": "int",
        "kind": "varchar",
        "profession": "varchar",
        "state": "varchar",
        "triggered_by": "varchar",
        "actor": "varchar",
        "apply_mode": "varchar",
        "pages": "int",
        "fetched_before": "int",
        "expected_total": "int",
        **dict.fromkeys(COUNTERS, "int"),
        "hold_reasons": "varchar",
        "plan_digest": "varchar",
        "error_code": "varchar",
        "trace_id": "varchar",
        "refetched_by": "int",
        "window_since": "timestamp",
        "window_until": "timestamp",
        "created_at": "timestamp",
        "fetch_started_at": "timestamp",
        "fetched_at": "timestamp",
        "planned_at": "timestamp",
        "finished_at": "timestamp",
        "undone_at": "timestamp",
        "duration": "float8",
    }

    # The sidecar's counter outgrows an int4. A double represents every whole number that it will reach.
    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    run_id = fields.Integer(readonly=True, index=True, aggregator=None)
    kind = fields.Selection(KINDS, readonly=True)
    profession = fields.Selection("_selection_profession", readonly=True, help="Empty: all professions.")
    state = fields.Selection(STATES, string="Status", readonly=True, index=True)
    triggered_by = fields.Selection(TRIGGERS, string="Started By", readonly=True)
    actor = fields.Char(string="Who", readonly=True)
    apply_mode = fields.Selection(
        [("auto", "Automatically"), ("hold", "Hold for review")], string="How to Apply", readonly=True
    )
    pages = fields.Integer(readonly=True)
    fetched_before = fields.Integer(readonly=True, help="Rows that earlier batches of the run have fetched.")
    expected_total = fields.Integer(
        string="Expected", readonly=True, help="How many rows KKI says that the run will have."
    )
    fetched = fields.Integer(readonly=True, help="The sum of the six outcomes.")
    created = fields.Integer(readonly=True, help="New people.")
    linked = fields.Integer(readonly=True, help="New registrations of people who were known.")
    updated = fields.Integer(readonly=True)
    unchanged = fields.Integer(readonly=True)
    superseded = fields.Integer(readonly=True, help="Rows that a newer row of the same licence replaces.")
    rejected = fields.Integer(readonly=True)
    deactivated = fields.Integer(
        readonly=True, help="Licences that were active and are so no longer; also in the other counts."
    )
    hold_reasons = fields.Char(readonly=True)
    hold_reason_ids = fields.Many2many("sdmk.code", string="Reasons for the Hold", compute="_compute_codes")
    plan_digest = fields.Char(readonly=True)
    error_code = fields.Char(readonly=True)
    error_ids = fields.Many2many("sdmk.code", string="Cause", compute="_compute_codes")
    trace_id = fields.Char(string="Trace ID", readonly=True, index=True)
    refetched_by = fields.Integer(string="Fetched Again by Run", readonly=True, aggregator=None)
    window_since = fields.Datetime(string="Changes From", readonly=True)
    window_until = fields.Datetime(string="Changes Until", readonly=True)
    created_at = fields.Datetime(string="Started", readonly=True, index=True)
    fetch_started_at = fields.Datetime(string="Fetching Since", readonly=True)
    fetched_at = fields.Datetime(string="All Fetched", readonly=True)
    planned_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(string="Ended At", readonly=True)
    undone_at = fields.Datetime(readonly=True)
    duration = fields.Float(string="Duration (s)", digits=(16, 1), readonly=True, aggregator="avg")
    is_under_way = fields.Boolean(compute="_compute_progress")
    progress = fields.Integer(compute="_compute_progress", help="Percent of the rows that the run expects.")
    rejection_ids = fields.One2many("sdmk.rejection", "last_batch_id", string="Rejected Rows", readonly=True)
    rejection_count = fields.Integer(string="Open Rejected Rows", compute="_compute_rejection_count")

    applied_on = fields.Integer(
        compute="_compute_applied_on",
        search="_search_applied_on",
        help="Day on which rows were applied, such as 20261129: an address of a list can hold it.",
    )

    @api.depends("kind", "created_at")
    def _compute_display_name(self):
        for record in self:
            record.display_name = self.env._("Batch %(number)s", number=record.id or "")

    @api.depends("hold_reasons", "error_code")
    def _compute_codes(self):
        codes = self.env["sdmk.code"].sudo()
        for record in self:
            record.hold_reason_ids = codes._of(record.hold_reasons)
            record.error_ids = codes._of(record.error_code)

    @api.depends("state", "fetched", "expected_total", "fetched_before")
    def _compute_progress(self):
        for record in self:
            record.is_under_way = record.state in UNDER_WAY
            done = record.fetched_before + record.fetched
            share = 100 * done // record.expected_total if record.expected_total else 0
            # KKI's total is an estimate, so only a finished batch shows 100 %.
            record.progress = min(share, 99) if record.is_under_way else 100

    def _compute_rejection_count(self):
        groups = self.env["sdmk.rejection"]._read_group(
            [("last_batch_id", "in", self.ids), ("state", "=", "open")], ["last_batch_id"], ["__count"]
        )
        counts = {batch.id: count for batch, count in groups}
        for record in self:
            record.rejection_count = counts.get(record.id, 0)

    def action_apply(self):
        """Open the dialog that shows the changes of the held batch and asks for the reason to apply it."""
        return self._ask("apply")

    def action_discard(self):
        """Open the dialog that asks for the reason to discard the held batch."""
        return self._ask("discard")

    def action_undo(self):
        """Open the dialog that shows the effects of an undo and asks for its reason."""
        return self._ask("undo")

    def get_preview(self, decision):
        """Return the present effects of a decision.

        :param str decision: ``apply`` or ``undo``
        :return: for ``apply`` the ``summary`` of the changes, and ``planDigest`` for :meth:`decide`; else ``undo``
        :rtype: dict
        """
        self._check_decision(decision, ("apply", "undo"))
        seen = self.env["sdmk.sidecar"]._call("GET", "/v1/batches/{}/{}/preview", self.id, decision)
        if decision == "undo":
            return {"undo": self._undo_in_words(seen)}
        self._summary_in_words(seen["summary"])
        return seen

    def decide(self, decision, reason, plan_digest=None, watermark="keep"):
        """Give the order to apply, discard or undo the batch.

        :param str plan_digest: to apply, the digest from the preview that the operator saw
        :param str watermark: to discard, whether the period is fetched again (``keep``) or not (``advance``)
        """
        self._check_decision(decision, DECISIONS)
        body = {"reason": reason}
        if decision == "apply":
            body["planDigest"] = plan_digest
        elif decision == "discard":
            body["watermark"] = watermark
        self.env["sdmk.sidecar"]._command("administrator", "POST", "/v1/batches/{}/{}", self.id, decision, body=body)

    @api.model
    def _action_of_run(self, run_id):
        """Return the action that shows the batches of a run."""
        action = self.env["ir.actions.act_window"]._for_xml_id("sdmk_integration_kki.sdmk_batch_action")
        title = self.env._("Run %(number)s", number=run_id)
        return {
            **action,
            "name": title,
            "display_name": title,
            "domain": [("run_id", "=", run_id)],
            "context": {},
            "target": "main",
        }

    def action_cancel(self):
        """Cancel the batches of this run that are not applied yet."""
        self.ensure_one()
        self.env["sdmk.sidecar"]._command("administrator", "POST", "/v1/runs/{}/cancel", self._checked().run_id)

    def action_view_rejections(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("sdmk_integration_kki.sdmk_rejection_action")
        return {**action, "domain": [("last_batch_id", "=", self.id)], "context": {}}

    @api.model
    def sync_batches(self, payload):
        """Store batches and rejected rows that are newer than the stored ones; see :meth:`SdmkMirror._receive`.

        Both come in one call, because a rejected row refers to its batches.
        """
        return self._receive(payload, self._mirrored_models())

    @api.model
    def compare_batches(self, payload):
        """Return block summaries of batches and rejected rows; see :meth:`SdmkMirror._compare`."""
        return self._compare(payload, self._mirrored_models())

    @api.model
    def _mirrored_models(self):
        return {"batches": "sdmk.batch", "rejections": "sdmk.rejection"}

    def _ask(self, decision):
        self._check_decision(decision, DECISIONS)
        self.env["sdmk.sidecar"]._check_role("administrator")
        return {
            "type": "ir.actions.client",
            "tag": "sdmk_batch_decision",
            "params": {"batch_id": self.id, "decision": decision},
        }

    def _check_decision(self, decision, known):
        """Check that the decision is a known one, because a request from a browser may contain any JSON."""
        self.ensure_one()
        self._checked()
        if decision not in known:
            raise UserError(self.env._("There is no such decision."))

    @api.model
    def _selection_profession(self):
        return self.env["sdmk.profession"]._selection()

    def _compute_applied_on(self):
        zone = self.env["sdmk.dashboard"]._zone()
        for record in self:
            day = record.finished_at and record.finished_at.replace(tzinfo=datetime.UTC).astimezone(zone)
            record.applied_on = int(day.strftime("%Y%m%d")) if day and record.state == "applied" else 0

    @api.model
    def _search_applied_on(self, operator, value):
        if operator != "in":
            return NotImplemented
        dashboard = self.env["sdmk.dashboard"]
        found = []
        for number in value:
            try:
                day = datetime.datetime.strptime(str(number), "%Y%m%d").date()
            except ValueError:
                continue
            begin, end = (dashboard._begin(day + datetime.timedelta(days=more), dashboard._zone()) for more in (0, 1))
            found += self.search(
                [
                    ("state", "=", "applied"),
                    ("kind", "not in", ("clock", "check")),
                    ("finished_at", ">=", begin),
                    ("finished_at", "<", end),
                ]
            ).ids
        return [("id", "in", found)]

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

STATES = [
    ("open", "Open"),
    ("resolved", "Resolved"),
    ("dismissed", "Dismissed"),
    ("cleared", "Cleared"),
]
# Inactive licences of people that SDMK does not have.
NOTHING_TO_DO = [("code", "=", "STR_INACTIVE"), ("candidate_count", "in", (0, False)), ("urgent", "=", False)]


class SdmkRejection(models.Model):
    _name = "sdmk.rejection"
    _inherit = ["sdmk.mirror", "sdmk.read.count"]
    _description = "Rejected Row"
    _log_access = False
    _order = "urgent desc, id desc"

    _mirror_columns = {
        "source": "varchar",
        "code": "varchar",
        "state": "varchar",
        "urgent": "boolean",
        "str_number": "varchar",
        "profession": "varchar",
        "rule": "int",
        "candidate_count": "int",
        "fields_at_fault": "varchar",
        "seen_count": "int",
        "first_batch_id": "int",
        "last_batch_id": "int",
        "closed_by_batch_id": "int",
        "decided_by": "varchar",
        "decision_reason": "varchar",
        "first_seen_at": "timestamp",
        "last_seen_at": "timestamp",
        "decided_at": "timestamp",
        "trace_id": "varchar",
    }

    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    source = fields.Selection([("kki", "KKI"), ("sdmk", "Imported File")], readonly=True)
    code = fields.Selection("_selection_code", string="Reason", readonly=True, index=True)
    meaning = fields.Text(compute="_compute_texts")
    action_text = fields.Text(string="What to Do", compute="_compute_texts")
    state = fields.Selection(STATES, readonly=True, index=True)
    urgent = fields.Boolean(readonly=True, help="A licence of a known person may have ended.")
    # 0 or 1, so that a list can sort its groups by the sum. PostgreSQL computes it, see `init`.
    urgent_count = fields.Integer(string="Urgent Rows", readonly=True, aggregator="sum")
    needs_work = fields.Boolean(
        store=False,
        search="_search_needs_work",
        help="Open, and more than an inactive licence of a person that SDMK does not have.",
    )
    # Names are not stored here. The sidecar shows and searches them on request.
    person_name = fields.Char(string="Name", store=False, search="_search_person_name")
    str_number = fields.Char(string="STR", readonly=True, index=True)
    profession = fields.Selection("_selection_profession", readonly=True)
    rule = fields.Integer(readonly=True, aggregator=None)
    candidate_count = fields.Integer(
        string="Candidates", readonly=True, aggregator=None, help="People that the row may belong to."
    )
    fields_at_fault = fields.Char(string="Fields of KKI at Fault", readonly=True)
    seen_count = fields.Integer(string="Times Seen", readonly=True, aggregator=None)
    first_batch_id = fields.Many2one("sdmk.batch", readonly=True)
    last_batch_id = fields.Many2one("sdmk.batch", readonly=True, index=True)
    closed_by_batch_id = fields.Many2one("sdmk.batch", string="Closed by Batch", readonly=True)
    decided_by = fields.Char(readonly=True)
    decision_reason = fields.Char(string="Reason Given", readonly=True)
    first_seen_at = fields.Datetime(string="First Seen", readonly=True)
    last_seen_at = fields.Datetime(string="Last Seen", readonly=True)
    decided_at = fields.Datetime(readonly=True)
    trace_id = fields.Char(string="Trace ID", readonly=True, index=True)

    reason_id = fields.Many2one(
        "sdmk.code",
        string="Reason Record",
        compute="_compute_reason_id",
        search="_search_reason_id",
        compute_sudo=True,
        help="The record of the reason: an address of a list can hold its id.",
    )

    def init(self):
        self.env.cr.execute(
            SQL(
                "select 1 from information_schema.columns"
                " where table_name = %s and column_name = 'urgent_count' and is_generated = 'NEVER'",
                self._table,
            )
        )
        if self.env.cr.fetchone():
            self.env.cr.execute(
                SQL(
                    "alter table %s drop column urgent_count, add column urgent_count int4"
                    " generated always as (case when urgent and state = 'open' then 1 else 0 end) stored",
                    SQL.identifier(self._table),
                )
            )

    @api.depends("code")
    def _compute_display_name(self):
        names = dict(self._selection_code())
        for record in self:
            record.display_name = names.get(record.code, record.code)

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_texts(self):
        codes = {code.code: code for code in self.env["sdmk.code"].sudo().search([("kind", "=", "rejection")])}
        for record in self:
            known = codes.get(record.code)
            record.meaning = known.meaning if known else False
            record.action_text = known.action if known else False

    @api.model
    @api.readonly
    def web_read_group(self, *args, auto_unfold=False, **kwargs):
        """Unfold only the groups of a list that have urgent rows. A board unfolds all groups itself."""
        model = self if auto_unfold else self.with_context(sdmk_open_urgent=True)
        return super(SdmkRejection, model).web_read_group(*args, auto_unfold=auto_unfold, **kwargs)

    @api.model
    @api.readonly
    def formatted_read_group(self, domain, groupby=(), aggregates=(), *args, **kwargs):
        groups = super().formatted_read_group(domain, groupby, aggregates, *args, **kwargs)
        if self.env.context.get("sdmk_open_urgent") and groupby and "urgent_count:sum" in aggregates:
            for group in groups:
                group["__fold"] = not group["urgent_count:sum"]
        return groups

    def _search_needs_work(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = Domain("state", "=", "open") & ~Domain(NOTHING_TO_DO)
        return found if True in value else ~found

    def _search_person_name(self, operator, value):
        """Find rows by the name in the row or the name of a candidate. The sidecar has both."""
        if operator not in ("ilike", "=", "in"):
            return NotImplemented
        ids = set()
        for name in [value] if isinstance(value, str) else value:
            if not isinstance(name, str):
                return NotImplemented
            ids.update(self._ids_by_name(name))
        return Domain("id", "in", list(ids))

    @api.model
    def _ids_by_name(self, name):
        """Return the ids of the rows with a name.

        A list searches for its groups and for their rows, but one transaction asks the sidecar only once. Filters for
        open rows set a flag in the context: the sidecar then searches only open rows, and its limit applies to them.
        """
        only_open = self.env.context.get("sdmk_only_open") is True
        asked = self.env.cr.cache.setdefault(("sdmk.rejection.name", self.env.uid, only_open), {})
        if name not in asked:
            body = {"name": name, **({"state": "open"} if only_open else {})}
            answer = self.env["sdmk.sidecar"]._call("POST", "/v1/rejections/search", body=body, only_reads=True)
            asked[name] = [item["id"] for item in answer["items"]]
        return asked[name]

    @api.model
    def _selection_code(self):
        return self.env["sdmk.code"]._selection("rejection")

    @api.model
    def _selection_profession(self):
        return self.env["sdmk.profession"]._selection()

    def _compute_reason_id(self):
        for record in self:
            record.reason_id = self.env["sdmk.code"]._of(record.code)

    @api.model
    def _search_reason_id(self, operator, value):
        if operator != "in":
            return NotImplemented
        ids = [number for number in value if isinstance(number, int)]
        codes = self.env["sdmk.code"].sudo().search([("id", "in", ids)])
        return [("code", "in", codes.mapped("code"))]

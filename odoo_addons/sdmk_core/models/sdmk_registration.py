from odoo import api, fields, models

STATUSES = [
    ("active", "Active"),
    ("suspended", "Suspended"),
    ("inactive", "Inactive"),
    ("revoked", "Revoked"),
    ("expired", "Expired"),
    ("deceased", "Deceased"),
    ("replaced", "Replaced"),
    ("unknown", "Unknown"),
]


class SdmkRegistration(models.Model):
    _name = "sdmk.registration"
    _inherit = ["sdmk.mirror", "sdmk.read.count"]
    _description = "Registration (STR)"
    _log_access = False
    _rec_name = "str_number"
    _order = "health_worker_id, id desc"

    _mirror_columns = {
        "active": "boolean",
        "health_worker_id": "int",
        "str_number": "varchar",
        "profession": "varchar",
        "competence": "varchar",
        "status": "varchar",
        "source_status": "varchar",
        "issued_on": "date",
        "valid_until": "date",
        "is_lifetime": "boolean",
        "institution": "varchar",
        "graduation_year": "int",
        "province": "varchar",
        "source_at": "timestamp",
        "match_reason": "varchar",
        "trace_id": "varchar",
    }
    _mirror_block = "health_worker_id"

    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    active = fields.Boolean(default=True, readonly=True)
    health_worker_id = fields.Many2one("sdmk.health.worker", readonly=True, index=True, ondelete="cascade")
    str_number = fields.Char(string="STR", readonly=True, index=True)
    profession = fields.Selection("_selection_profession", readonly=True)
    competence = fields.Char(readonly=True)
    status = fields.Selection(STATUSES, readonly=True)
    source_status = fields.Char(string="Status in KKI's Words", readonly=True)
    issued_on = fields.Date(readonly=True)
    valid_until = fields.Date(readonly=True)
    is_lifetime = fields.Boolean(string="For Life", readonly=True)
    institution = fields.Char(readonly=True)
    graduation_year = fields.Integer(readonly=True)
    province = fields.Char(readonly=True)
    source_at = fields.Datetime(string="Changed at KKI", readonly=True)
    match_reason = fields.Char(readonly=True)
    match_text = fields.Char(string="Why This Person", compute="_compute_match_text")
    trace_id = fields.Char(string="Trace ID", readonly=True, index=True)

    @api.depends("match_reason")
    @api.depends_context("lang")
    def _compute_match_text(self):
        words = {
            "nik": self.env._("NIK"),
            "name": self.env._("name"),
            "birth_date": self.env._("birth date"),
            "birth_place": self.env._("birthplace"),
            "sex": self.env._("sex"),
        }
        marks = (("+", self.env._("equal")), ("~", self.env._("similar")), ("-", self.env._("different")))
        for record in self:
            _rule, *evidence = (record.match_reason or "").split(" ")
            parts = []
            for mark, label in marks:
                marked = [words.get(item[1:], item[1:]) for item in evidence if item.startswith(mark)]
                if marked:
                    parts.append(f"{label}: {', '.join(marked)}")
            record.match_text = "; ".join(parts) or False

    @api.model
    def _selection_profession(self):
        return self.env["sdmk.profession"]._selection()

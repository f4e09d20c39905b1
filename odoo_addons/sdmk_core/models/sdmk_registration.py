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
    # An order by person would join and sort two million rows for each page.
    _order = "id desc"

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
    match_text = fields.Text(string="Basis of the Match", compute="_compute_match_text")
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
        marks = (("+", self.env._("Equal")), ("~", self.env._("Similar")), ("-", self.env._("Different")))
        for record in self:
            rule, *evidence = (record.match_reason or "").split(" ")
            lines = [self._match_rule(rule)] if rule else []
            for mark, label in marks:
                marked = [words.get(item[1:], item[1:]) for item in evidence if item.startswith(mark)]
                if marked:
                    lines.append(f"{label}: {', '.join(marked)}.")
            record.match_text = "\n".join(lines) or False

    @api.model
    def _match_rule(self, rule):
        """Return the meaning of a rule of the matching table, as a sentence."""
        sentence = {
            "0": self.env._("A person decided that this STR belongs to this health worker."),
            "1": self.env._("Rows of KKI with this STR are of the same person."),
            "2": self.env._("Several rows of KKI have this STR; this one fits this health worker."),
            "3": self.env._("This health worker already held the STR, and the row is of the same person."),
            "5": self.env._("Several people have this STR; NIK, name and birthplace are those of this health worker."),
            "6": self.env._("The STR is new, and the NIK is that of this health worker."),
            "9": self.env._("Nobody in SDMK fitted the row, so the health worker was created with it."),
        }.get(rule)
        numbered = self.env._("Rule %(rule)s", rule=rule)
        return f"{numbered}: {sentence}" if sentence else f"{numbered}."

    @api.model
    def _selection_profession(self):
        return self.env["sdmk.profession"]._selection()

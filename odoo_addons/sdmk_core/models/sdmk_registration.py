from odoo import fields, models

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
    _inherit = "sdmk.mirror"
    _description = "Registration (STR)"
    _log_access = False
    _rec_name = "str_number"
    _order = "health_worker_id, id desc"

    _mirror_columns = {
        "health_worker_id": "int",
        "str_number": "varchar",
        "profession": "varchar",
        "competence": "varchar",
        "status": "varchar",
        "issued_on": "date",
        "valid_until": "date",
        "is_lifetime": "boolean",
        "institution": "varchar",
        "province": "varchar",
        "source_at": "timestamp",
        "trace_id": "varchar",
    }

    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    health_worker_id = fields.Many2one(
        "sdmk.health.worker", required=True, readonly=True, index=True, ondelete="cascade"
    )
    str_number = fields.Char(string="STR", required=True, readonly=True, index=True)
    profession = fields.Char(readonly=True)
    competence = fields.Char(readonly=True)
    status = fields.Selection(STATUSES, required=True, readonly=True)
    issued_on = fields.Date(readonly=True)
    valid_until = fields.Date(readonly=True)
    is_lifetime = fields.Boolean(string="For Life", readonly=True)
    institution = fields.Char(readonly=True)
    province = fields.Char(readonly=True)
    source_at = fields.Datetime(string="Changed at KKI", readonly=True)
    trace_id = fields.Char(string="Trace ID", readonly=True, index=True)

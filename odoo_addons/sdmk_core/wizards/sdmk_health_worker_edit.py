from odoo import api, fields, models

from ..models.sdmk_health_worker import SEXES

# The sidecar's names for the fields of the form.
KEYS = {
    "name": "name",
    "title_prefix": "titlePrefix",
    "title_suffix": "titleSuffix",
    "birth_place": "birthPlace",
    "birth_date": "birthDate",
    "sex": "sex",
}


class SdmkHealthWorkerEdit(models.TransientModel):
    """An administrator's correction of a person, without the NIK, because Odoo never stores a NIK."""

    _name = "sdmk.health.worker.edit"
    _description = "Correction of a Health Worker"

    health_worker_id = fields.Many2one("sdmk.health.worker", required=True, readonly=True, ondelete="cascade")
    name = fields.Char(required=True)
    title_prefix = fields.Char(string="Title")
    title_suffix = fields.Char(string="Degrees")
    birth_place = fields.Char()
    birth_date = fields.Date()
    sex = fields.Selection(SEXES)
    reason = fields.Char(string="Reason (required)", required=True)

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        worker = self.env["sdmk.health.worker"].browse(values.get("health_worker_id"))._checked()
        return {**values, **{name: worker[name] for name in KEYS if name in fields and worker}}

    def action_save(self):
        """Send only changed fields, because SDMK then owns them; KKI still owns the others."""
        self.env["sdmk.sidecar"]._checked(self).ensure_one()
        worker = self.health_worker_id
        changed = {
            key: fields.Date.to_string(self[name]) if name == "birth_date" and self[name] else self[name] or None
            for name, key in KEYS.items()
            if self[name] != worker[name]
        }
        if changed:
            worker._edit({**changed, "reason": self.reason})
        return {"type": "ir.actions.act_window_close"}

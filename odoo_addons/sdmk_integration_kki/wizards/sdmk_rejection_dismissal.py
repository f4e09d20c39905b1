from odoo import fields, models


class SdmkRejectionDismissal(models.TransientModel):
    """A verifier's word that refused rows need no work while they stay as they are."""

    _name = "sdmk.rejection.dismissal"
    _description = "Dismissal of Refused Rows"

    rejection_ids = fields.Many2many("sdmk.rejection", string="Refused Rows", required=True, readonly=True)
    count = fields.Integer(compute="_compute_count")
    reason = fields.Char(required=True)

    def _compute_count(self):
        for record in self:
            record.count = len(record.rejection_ids)

    def action_dismiss(self):
        self.env["sdmk.sidecar"]._checked(self).ensure_one()
        rejections = self.rejection_ids._checked()
        rejections._command("dismiss", {"ids": rejections.ids, "reason": self.reason})
        return {"type": "ir.actions.act_window_close"}

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class SdmkPrivacyDecision(models.TransientModel):
    """Dialog in which a data protection officer sees the consequences of a decision about a person's data."""

    _name = "sdmk.privacy.decision"
    _description = "Data Protection Decision"

    health_worker_id = fields.Many2one("sdmk.health.worker", required=True, readonly=True, ondelete="cascade")
    decision = fields.Selection(
        [("restrict", "Restrict"), ("unrestrict", "Lift Restriction"), ("erase", "Erase")], required=True, readonly=True
    )
    scope = fields.Selection(
        [("former", "Earlier values only"), ("all", "The identity as well")],
        string="Extent",
        required=True,
        default="former",
    )
    reason = fields.Char(string="Reason (required)", required=True)
    is_understood = fields.Boolean(string="I understand that nobody can bring the erased data back")

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        self.env["sdmk.health.worker"].browse(values.get("health_worker_id"))._checked()
        return values

    def action_decide(self):
        self.env["sdmk.sidecar"]._checked(self).ensure_one()
        body = {"reason": self.reason}
        if self.decision == "erase":
            if not self.is_understood:
                raise ValidationError(self.env._("Confirm that the erased data cannot be brought back."))
            body["scope"] = self.scope
        self.health_worker_id._decide(self.decision, body)
        done = {
            "restrict": self.env._("The data is restricted. This shows in Odoo within a minute."),
            "unrestrict": self.env._("The restriction is lifted. The data is back in Odoo within a minute."),
            "erase": self.env._("The data is erased. This shows in Odoo within a minute."),
        }
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": done[self.decision],
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

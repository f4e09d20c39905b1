from odoo import fields, models


class SdmkBatchDecision(models.TransientModel):
    """An administrator's word that a batch is not to be, or not to stay."""

    _name = "sdmk.batch.decision"
    _description = "Decision about a Batch"

    batch_id = fields.Many2one("sdmk.batch", required=True, readonly=True, ondelete="cascade")
    decision = fields.Selection([("discard", "Discard"), ("undo", "Undo")], required=True, readonly=True)
    watermark = fields.Selection(
        [("keep", "Fetch it again with the next run"), ("advance", "Do not fetch it again")],
        string="Its Period",
        required=True,
        default="keep",
    )
    reason = fields.Char(required=True)

    def action_decide(self):
        self.env["sdmk.sidecar"]._checked(self).ensure_one()
        body = {"reason": self.reason}
        if self.decision == "discard":
            body["watermark"] = self.watermark
        self.batch_id._command(self.decision, body)
        return {"type": "ir.actions.act_window_close"}

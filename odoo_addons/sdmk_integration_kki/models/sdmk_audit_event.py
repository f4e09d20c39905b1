from odoo import api, models

# The most batches that are shown for one trace or run. A full run has many.
MOST = 5


class SdmkAuditEvent(models.AbstractModel):
    _inherit = "sdmk.audit.event"

    @api.model
    def _places(self, field, value):
        if isinstance(value, int) and value > 2**31 - 1:
            return []
        batches = self.env["sdmk.batch"].search([(field, "=", value)], limit=MOST)
        if field == "run_id":
            return [self._run_place(value)] if batches else []
        return [
            {
                "name": batch.display_name,
                "action": {
                    "type": "ir.actions.act_window",
                    "res_model": "sdmk.batch",
                    "res_id": batch.id,
                    "views": [[False, "form"]],
                },
                "asked": {"batchId": batch.id},
            }
            for batch in batches
        ]

    @api.model
    def _run_place(self, number):
        return {
            "name": self.env._("Run %(number)s", number=number),
            "action": self.env["sdmk.batch"]._action_of_run(number),
            "asked": {"runId": number},
        }

from odoo import fields, models

from .sdmk_batch import UNDER_WAY


class SdmkIntegration(models.Model):
    _inherit = "sdmk.integration"

    last_success_at = fields.Datetime(string="Last Success", compute="_compute_batches")
    under_way_count = fields.Integer(string="Batches under Way", compute="_compute_batches")

    def _compute_batches(self):
        batches = self.env["sdmk.batch"]
        last = batches.search([("state", "=", "applied"), ("kind", "in", ("incremental", "window", "full"))], limit=1)
        under_way = batches.search_count([("state", "in", UNDER_WAY)])
        for record in self:
            record.last_success_at = last.finished_at
            record.under_way_count = under_way

    def action_sync_now(self):
        """Open the dialog that asks for the kind of run."""
        return self.env["ir.actions.act_window"]._for_xml_id("sdmk_integration_kki.sdmk_sync_wizard_action")

import datetime
import uuid

from odoo import fields, models
from odoo.exceptions import UserError


class SdmkSyncWizard(models.TransientModel):
    """Dialog in which an administrator starts a run."""

    _name = "sdmk.sync.wizard"
    _description = "Run of the Integration with KKI"

    mode = fields.Selection(
        [
            ("incremental", "Incremental: what changed since the last run"),
            ("window", "Period: what changed in a period"),
            ("full", "Full: every row"),
        ],
        string="Fetch",
        required=True,
        default="incremental",
    )
    changed_since = fields.Datetime(
        string="From", default=lambda self: fields.Datetime.now() - datetime.timedelta(days=1)
    )
    changed_until = fields.Datetime(string="Until", default=fields.Datetime.now)
    profession_ids = fields.Many2many("sdmk.profession", string="Professions", help="None: all of them.")
    apply_mode = fields.Selection(
        [("auto", "Automatically"), ("hold", "Hold for review")], string="How to Apply", required=True, default="auto"
    )
    # A second press of the button sends the same key, so it starts no second run.
    idempotency_key = fields.Char(default=lambda self: f"odoo-{uuid.uuid4()}", readonly=True)

    def action_start(self):
        """Start the run and show its batches."""
        self.env["sdmk.sidecar"]._checked(self).ensure_one()
        body = {"mode": self.mode, "apply": self.apply_mode}
        if self.profession_ids:
            body["professions"] = self.profession_ids.mapped("code")
        if self.mode == "window":
            if not self.changed_since or not self.changed_until:
                raise UserError(self.env._("Enter the beginning and the end of the period."))
            for name, key in (("changed_since", "changedSince"), ("changed_until", "changedUntil")):
                body[key] = self[name].isoformat() + "Z"
        run = self.env["sdmk.sidecar"]._command(
            "administrator", "POST", "/v1/runs", body=body, headers={"Idempotency-Key": self.idempotency_key}
        )
        return self.env["sdmk.batch"]._action_of_run(run["id"])

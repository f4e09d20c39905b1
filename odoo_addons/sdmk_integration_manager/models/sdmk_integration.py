import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command

# Under the longest life that Odoo gives the key of a person: three months.
KEY_DAYS = 85
RENEW_DAYS = 30


class SdmkIntegration(models.Model):
    """An integration as its sidecar runs it; a change of the setting is stored there before it is here."""

    _name = "sdmk.integration"
    _inherit = "sdmk.service"
    _description = "Integration"
    _order = "name, id"

    name = fields.Char(required=True, translate=True, readonly=True)
    code = fields.Char(required=True, readonly=True)
    is_active = fields.Boolean(string="Switched On", readonly=True)
    schedule = fields.Char(help="Cron expression: minute, hour, day of month, month, day of week.")
    time_zone = fields.Char(readonly=True)
    profession_ids = fields.Many2many("sdmk.profession", string="Only These Professions", help="None: all of them.")
    reject_alert_ratio = fields.Float(
        string="Alert Above", help="Share of refused rows above which the engineers are told."
    )
    create_unmatched = fields.Selection(
        [("create", "Create the person"), ("desk", "Ask a verifier")],
        string="Unknown Person",
        help="What becomes of an active licence of somebody whom SDMK does not know.",
    )
    version = fields.Integer(readonly=True)
    changed_at = fields.Datetime(readonly=True)
    changed_by = fields.Char(readonly=True)
    sidecar_url = fields.Char(
        string="Sidecar Address", compute="_compute_sidecar", inverse="_inverse_sidecar_url", compute_sudo=True
    )
    sidecar_key = fields.Char(
        compute="_compute_sidecar",
        inverse="_inverse_sidecar_key",
        compute_sudo=True,
        help="API key of the sidecar; it is never shown again.",
    )
    account_key_ends = fields.Datetime(readonly=True, help="When the key ends with which the sidecar calls Odoo.")

    _code_uniq = models.Constraint("unique(code)", "There is one integration of each code.")

    def _compute_sidecar(self):
        parameters = self.env["ir.config_parameter"].sudo()
        url = parameters.get_param("sdmk.sidecar.url")
        has_key = bool(parameters.get_param("sdmk.sidecar.key"))
        for record in self:
            record.sidecar_url = url
            record.sidecar_key = "••••••••" if has_key else False

    def _inverse_sidecar_url(self):
        self._check_administrator()
        for record in self:
            if record.sidecar_url and not record.sidecar_url.startswith(("http://", "https://")):
                raise ValidationError(self.env._("The sidecar's address begins with http:// or https://."))
            self.env["ir.config_parameter"].sudo().set_param("sdmk.sidecar.url", record.sidecar_url or "")

    def _inverse_sidecar_key(self):
        self._check_administrator()
        for record in self:
            if not (record.sidecar_key or "").startswith("•"):
                self.env["ir.config_parameter"].sudo().set_param("sdmk.sidecar.key", record.sidecar_key or "")
        # The form must not keep what was typed.
        self.invalidate_recordset(["sidecar_key"], flush=False)

    def write(self, vals):
        setting = {"schedule", "profession_ids", "reject_alert_ratio", "create_unmatched"} & vals.keys()
        result = super().write(vals)
        if setting:
            for record in self:
                record._store_setting(record.is_active)
        return result

    def action_switch_on(self):
        """Switch the integration on, if the sidecar can store it."""
        for record in self:
            record._store_setting(True)

    def action_switch_off(self):
        """Switch the integration off, if the sidecar can store it."""
        for record in self:
            record._store_setting(False)

    def action_test_connection(self):
        self._check_administrator()
        self.ensure_one()
        answer = self.env["sdmk.sidecar"]._call("GET", f"/v1/integrations/{self.code}")
        self._take(answer)
        state = self.env._("switched on") if answer["active"] else self.env._("switched off")
        return self._notify(self.env._("The sidecar answers; the integration is %(state)s.", state=state))

    def action_renew_key(self):
        """Make the sidecar a new key for its account here, and hand it over."""
        self._check_administrator()
        self._renew_key()
        return self._notify(self.env._("The sidecar has a new key."))

    @api.model
    def sync_integrations(self, payload):
        """Store the settings of the sidecar that are newer than what is here.

        :param str payload: JSON text, as contracts/odoo describes
        :return: how many were newer
        :rtype: int
        """
        rows = self._read_rows(payload, "integrations")
        stored = 0
        for row in rows:
            record = self.sudo().search([("code", "=", row.get("code"))])
            if not record:
                continue
            # Two calls side by side: the second waits, and then sees what the first has stored.
            record._lock()
            if record.version < row["version"]:
                record._take_row(row)
                stored += 1
        return stored

    @api.model
    def _cron_renew_key(self):
        soon = fields.Datetime.now() + datetime.timedelta(days=RENEW_DAYS)
        if self.search_count([("account_key_ends", "!=", False), ("account_key_ends", "<", soon)]):
            self._renew_key()

    @api.model
    def _renew_key(self):
        account = self.env.ref("sdmk_integration_manager.user_sdmk_service")
        keys = self.env["res.users.apikeys"].sudo()
        former = keys.search([("user_id", "=", account.id)])
        ends = fields.Datetime.now() + datetime.timedelta(days=KEY_DAYS)
        key = keys.with_user(account).sudo()._generate("rpc", "SDMK sidecar", ends)
        self.env["sdmk.sidecar"]._call("PUT", "/v1/odoo/account", {"login": account.login, "apiKey": key})
        former.unlink()
        self.sudo().search([("code", "!=", False)]).account_key_ends = ends

    def _store_setting(self, is_active):
        self.ensure_one()
        self._check_administrator()
        self._lock()
        body = {
            "active": is_active,
            "schedule": self.schedule or "",
            "professions": self.profession_ids.mapped("code") or None,
            "rejectAlertRatio": self.reject_alert_ratio,
            "createUnmatched": self.create_unmatched,
        }
        headers = {"If-Match": f'"{self.version}"'} if self.version else None
        self._take(self.env["sdmk.sidecar"]._call("PUT", f"/v1/integrations/{self.code}", body, headers))

    def _take(self, answer):
        """Store what the sidecar answers as its present setting."""
        self._take_row(
            {
                "version": answer["version"],
                "active": answer["active"],
                "schedule": answer["schedule"],
                "professions": " ".join(answer["professions"] or []),
                "reject_alert_ratio": answer["rejectAlertRatio"],
                "create_unmatched": answer["createUnmatched"],
                "changed_by": answer["changedBy"],
                "changed_at": answer["changedAt"][:19].replace("T", " "),
            }
        )

    def _take_row(self, row):
        codes = (row.get("professions") or "").split()
        professions = self.env["sdmk.profession"].sudo().search([("code", "in", codes)])
        values = {
            "version": row["version"],
            "is_active": row["active"],
            "schedule": row["schedule"],
            "profession_ids": [Command.set(professions.ids)],
            "reject_alert_ratio": row["reject_alert_ratio"],
            "create_unmatched": row["create_unmatched"],
            "changed_by": row["changed_by"],
            "changed_at": row["changed_at"],
        }
        if row.get("time_zone"):
            values["time_zone"] = row["time_zone"]
        self.sudo()._write_as_told(values)

    def _write_as_told(self, values):
        """Write what the sidecar has stored already."""
        # Not self.write: that would send it to the sidecar again.
        return super().write(values)  # pylint: disable=super-method-mismatch

    def _check_administrator(self):
        if not self.env.su and not self.env.user.has_group("sdmk_core.group_sdmk_admin"):
            raise AccessError(self.env._("Only an Integration Administrator may do this."))

    def _notify(self, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("An integration is switched off, not deleted."))

import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command

# Shorter than the longest lifetime that Odoo allows for a user's key, three months.
KEY_DAYS = 85
RENEW_DAYS = 30
# Fields that people set. The sidecar stores them first, and then sends the stored values to Odoo.
SETTING = {"schedule", "profession_ids", "reject_alert_ratio", "create_unmatched"}
CONNECTION = {"sidecar_url", "sidecar_key"}
# A notification has room for this many lines. The first one has the likeliest cause.
FINDINGS = 6
MARKS = {"ok": "✓", "skipped": "·", "warning": "!", "failed": "✗"}
# Longer than the sidecar looks.
EXAMINE_SECONDS = 30


class SdmkIntegration(models.Model):
    """The setting of an integration. The sidecar stores each change first, and Odoo afterwards."""

    _name = "sdmk.integration"
    _inherit = "sdmk.service"
    _description = "Integration"
    _order = "name, id"

    name = fields.Char(required=True, translate=True, readonly=True)
    code = fields.Char(required=True, readonly=True)
    is_active = fields.Boolean(string="Switched On", readonly=True)
    schedule = fields.Char(
        help="Five parts: minute, hour, day of the month, month, day of the week. “0 2 * * *” is every day at 02:00."
    )
    time_zone = fields.Char(readonly=True)
    profession_ids = fields.Many2many("sdmk.profession", string="Only These Professions", help="None: all of them.")
    reject_alert_ratio = fields.Float(
        string="Alert Above", help="Share of rejected rows above which the technical team is alerted."
    )
    create_unmatched = fields.Selection(
        [("create", "Create the person"), ("review", "Ask a verifier")],
        string="Unknown Person",
        help="The rule for an active licence of a person that SDMK does not have.",
    )
    version = fields.Integer(readonly=True)
    changed_at = fields.Datetime(readonly=True)
    changed_by = fields.Char(readonly=True)
    sidecar_url = fields.Char(
        string="Sidecar Address",
        compute="_compute_sidecar_url",
        inverse="_inverse_sidecar",
        compute_sudo=True,
        groups="sdmk_core.group_sdmk_admin",
        help="One that a system administrator allows. With another address the key must be entered again.",
    )
    sidecar_key = fields.Char(
        compute="_compute_sidecar_key",
        inverse="_inverse_sidecar",
        compute_sudo=True,
        groups="sdmk_core.group_sdmk_admin",
        help="The key that the technical team gave you. It is never shown again.",
    )
    account_key_ends = fields.Datetime(
        readonly=True,
        groups="sdmk_core.group_sdmk_admin",
        help="When the key ends with which the sidecar calls Odoo.",
    )

    _code_uniq = models.Constraint("unique(code)", "There is one integration of each code.")

    def _compute_sidecar_url(self):
        self.sidecar_url = self.env["ir.config_parameter"].sudo().get_param("sdmk.sidecar.url")

    def _compute_sidecar_key(self):
        has_key = bool(self.env["ir.config_parameter"].sudo().get_param("sdmk.sidecar.key"))
        self.sidecar_key = "••••••••" if has_key else False

    def _inverse_sidecar(self):
        """Set the address and the key together, because the entered key belongs to the entered address."""
        self._check_administrator()
        for record in self:
            is_shown = (record.sidecar_key or "").startswith("•")
            self.env["sdmk.sidecar"]._connect(record.sidecar_url, None if is_shown else record.sidecar_key or "")
        # The form must not keep the entered key.
        self.invalidate_recordset(CONNECTION, flush=False)

    @api.model_create_multi
    def create(self, vals_list):
        """Let only the addon of an integration create its record, because all other values come from the sidecar."""
        if not self.env.su or any(not vals.keys() <= {"name", "code"} for vals in vals_list):
            raise self._only_told()
        return super(SdmkIntegration, self._as_told()).create(vals_list).with_env(self.env)

    def write(self, vals):
        """Send a changed setting to the sidecar first. All other fields come from the sidecar and cannot be written."""
        if not vals.keys() <= SETTING | CONNECTION:
            raise self._only_told()
        self._check_administrator()
        self._checked()
        result = super(SdmkIntegration, self._as_told()).write(vals)
        if SETTING & vals.keys():
            for record in self:
                record._store_setting(record.is_active)
        return result

    def action_switch_on(self):
        """Switch the integration on, if the sidecar can store it."""
        for record in self._checked():
            record._store_setting(True)

    def action_switch_off(self):
        """Switch the integration off, if the sidecar can store it."""
        for record in self._checked():
            record._store_setting(False)

    def action_test_connection(self):
        """Check the connection to the sidecar, and let it check its source, its connection to Odoo and its secrets."""
        self._check_administrator()
        self.ensure_one()
        sidecar = self.env["sdmk.sidecar"]
        # The check comes first, because it takes seconds, and the writes after it lock the record.
        answer = sidecar._command("administrator", "POST", "/v1/integrations/{}/check", self._checked().code)
        setting = sidecar._call("GET", "/v1/integrations/{}", self.code)
        self._take(setting)
        state = self.env._("switched on") if setting["active"] else self.env._("switched off")
        # Odoo's export of terms reads no f-strings.
        reached = self.env._("Odoo reaches the sidecar. The integration is %(state)s.", state=state)
        lines = [f"✓ {reached}"]
        kind = "success"
        for check in answer["checks"]:
            found = check["id" if (self.env.user.lang or "").startswith("id") else "en"][:FINDINGS]
            if check["isFine"] is None:
                found = [self.env._("Not checked: this part of the sidecar does not answer.")]
            mark = "✓" if check["isFine"] else "✗"
            lines.append("\n".join([f"{mark} {self._name_of_check(check['what'])}", *found]))
            if not check["isFine"]:
                kind = "danger"
            elif len(found) > 1 and kind == "success":
                # A check without warnings says so in one line.
                kind = "warning"
        if kind != "success":
            lines.append(self.env._("Hand these lines to the technical team."))
        return self._notify("\n\n".join(lines), kind)

    def action_check_installation(self):
        """Let the sidecar examine its installation, and show each finding with what to do about it."""
        self._check_administrator()
        self._checked().ensure_one()
        answer = self.env["sdmk.sidecar"]._command("administrator", "GET", "/v1/doctor", seconds=EXAMINE_SECONDS)
        language = "id" if (self.env.user.lang or "").startswith("id") else "en"
        lines = []
        for finding in answer["findings"]:
            words = finding[language]
            lines.append(f"{MARKS[finding['state']]} {words['name']}")
            if words["action"]:
                lines.append(words["action"])
        states = {finding["state"] for finding in answer["findings"]}
        kind = "danger" if "failed" in states else "warning" if "warning" in states else "success"
        return self._notify("\n".join(lines), kind)

    def get_schedule(self, expression):
        """Return a schedule in words with its next runs, or a sentence that explains its fault.

        :param str expression: the entered text
        """
        self._checked().ensure_one()
        try:
            answer = self.env["sdmk.sidecar"]._call(
                "GET", "/v1/integrations/{}/schedule", self.code, query={"expression": str(expression)}
            )
        except UserError as error:
            return {"problem": str(error).partition("\n")[0]}
        words = answer["id" if (self.env.user.lang or "").startswith("id") else "en"]
        return {"words": words, "runs": [run[:19].replace("T", " ") for run in answer["nextRunsDueAt"]]}

    def action_renew_key(self):
        """Create a new key for the sidecar's account in Odoo, and send it to the sidecar."""
        self._check_administrator()
        self._renew_key()
        return self._notify(self.env._("The sidecar has a new key."))

    @api.model
    def sync_integrations(self, payload):
        """Store settings of the sidecar that are newer than the stored ones; in a repair, all that differ.

        :param str payload: JSON text, as contracts/odoo describes
        :return: number of settings that were newer or differed
        :rtype: int
        """
        rows, is_repair = self._read_rows(payload, "integrations")
        stored = 0
        for row in rows:
            if not isinstance(row.get("code"), str) or type(row.get("version")) is not int:
                raise self._no_payload()
            record = self.sudo().search([("code", "=", row["code"])])
            if not record and is_repair:
                record = self.sudo().create({"name": row["code"], "code": row["code"]})
            if not record:
                continue
            # A concurrent call waits here, and then reads the values that the first one stored.
            record._lock()
            if record.version < row["version"] or (is_repair and not record._has_row(row)):
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
        self.env["sdmk.sidecar"]._command(
            "administrator", "PUT", "/v1/odoo/account", body={"login": account.login, "apiKey": key}
        )
        former.unlink()
        self.sudo().search([("code", "!=", False)])._write_as_told({"account_key_ends": ends})

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
        answer = self.env["sdmk.sidecar"]._command(
            "administrator", "PUT", "/v1/integrations/{}", self.code, body=body, headers=headers
        )
        self._take(answer)

    def _take(self, answer):
        """Store the present setting from an answer of the sidecar."""
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
        self.sudo()._write_as_told(self._values_of(row))

    def _has_row(self, row):
        """Return whether the record has the same values as the sidecar's row."""
        values = self._values_of(row)
        (_command, _id, professions) = values.pop("profession_ids")[0]
        changed_at = fields.Datetime.to_datetime(values.pop("changed_at"))
        return (
            set(self.profession_ids.ids) == set(professions)
            and self.changed_at == changed_at
            and all(self[name] == value for name, value in values.items())
        )

    def _values_of(self, row):
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
        return values

    def _write_as_told(self, values):
        """Write values that the sidecar has already stored."""
        return super(SdmkIntegration, self._as_told()).write(values)  # pylint: disable=super-method-mismatch

    @api.model
    def _name_of_check(self, what):
        names = {
            "kki": self.env._("KKI"),
            "odoo": self.env._("Writing to Odoo"),
            "secrets": self.env._("Secrets"),
        }
        return names.get(what, what)

    def _check_administrator(self):
        if not self.env.su and not self.env.user.has_group("sdmk_core.group_sdmk_admin"):
            raise AccessError(self.env._("Only an Integration Administrator may do this."))

    def _notify(self, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "message": message,
                "type": kind,
                "className": "text-prewrap",
                # A person needs more time to read about faults.
                "sticky": kind != "success",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("An integration is switched off, not deleted."))

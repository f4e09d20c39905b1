from odoo import api, fields, models

from ..copy_text import copy_table

SOURCES = [("kki", "KKI"), ("sdmk", "SDMK")]
SEXES = [("male", "Male"), ("female", "Female")]


class SdmkHealthWorker(models.Model):
    _name = "sdmk.health.worker"
    _inherit = ["sdmk.mirror", "sdmk.read.count", "sdmk.health.worker.history"]
    _description = "Health Worker"
    # The writer is always the service account, and four columns on two million rows would cost space for nothing.
    _log_access = False
    _order = "name, id"

    _mirror_columns = {
        "active": "boolean",
        "name": "varchar",
        "title_prefix": "varchar",
        "title_suffix": "varchar",
        "has_nik": "boolean",
        "birth_place": "varchar",
        "birth_date": "date",
        "sex": "varchar",
        "name_source": "varchar",
        "nik_source": "varchar",
        "birth_place_source": "varchar",
        "birth_date_source": "varchar",
        "sex_source": "varchar",
        "restricted_at": "timestamp",
        "erased_at": "timestamp",
    }
    # Both sides have a row without content for a person whose data is restricted.
    _mirror_present = "(active or restricted_at is not null)"

    # The sequence outgrows an int4. A double represents every whole number that it will reach.
    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    active = fields.Boolean(default=True, readonly=True)
    name = fields.Char(readonly=True)
    title_prefix = fields.Char(string="Title", readonly=True)
    title_suffix = fields.Char(string="Degrees", readonly=True)
    has_nik = fields.Boolean(string="NIK Stored", readonly=True, help="The sidecar alone knows its digits.")
    birth_place = fields.Char(readonly=True)
    birth_date = fields.Date(readonly=True)
    sex = fields.Selection(SEXES, readonly=True)
    name_source = fields.Selection(SOURCES, readonly=True, help="Whose the value is; KKI never changes one of SDMK.")
    nik_source = fields.Selection(SOURCES, string="NIK Source", readonly=True)
    birth_place_source = fields.Selection(SOURCES, readonly=True)
    birth_date_source = fields.Selection(SOURCES, readonly=True)
    sex_source = fields.Selection(SOURCES, readonly=True)
    restricted_at = fields.Datetime(
        string="Restricted Since",
        readonly=True,
        help="The data is stored, and shown in no place but the access report.",
    )
    erased_at = fields.Datetime(string="Erased On", readonly=True, help="The licence history is all that is left.")
    registration_ids = fields.One2many("sdmk.registration", "health_worker_id", string="Registrations", readonly=True)

    _name_idx = models.Index("(name)")

    @api.model
    def sync_health_workers(self, payload):
        """Store health workers of the sidecar and their registrations; see :meth:`SdmkMirror._receive`.

        Both come in one call, because a registration needs its person.
        """
        return self._receive(payload, self._mirrored_models())

    @api.model
    def compare_health_workers(self, payload):
        """Return block summaries of people and registrations; see :meth:`SdmkMirror._compare`."""
        return self._compare(payload, self._mirrored_models())

    @api.depends("name", "restricted_at")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for record in self:
            if record.restricted_at:
                record.display_name = self.env._("Restricted data, number %(number)s", number=record.id)
            else:
                record.display_name = record.name or self.env._("Number %(number)s", number=record.id)

    def action_restrict(self):
        """Open the dialog that explains and confirms the restriction of the data."""
        return self._open_privacy_decision("restrict", self.env._("Restrict the Data"))

    def action_unrestrict(self):
        """Open the dialog that explains and confirms the end of the restriction."""
        return self._open_privacy_decision("unrestrict", self.env._("Lift the Restriction"))

    def action_erase(self):
        """Open the dialog that explains and confirms the erasure of the data."""
        return self._open_privacy_decision("erase", self.env._("Erase the Data"))

    def action_report(self):
        """Open the dialog of the access report, for this person."""
        self.ensure_one()
        return {
            "type": "ir.actions.client",
            "tag": "sdmk_access_report",
            "params": {"worker_id": self.id, "name": self.display_name},
        }

    def _open_privacy_decision(self, decision, title):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": title,
            "res_model": "sdmk.privacy.decision",
            "view_mode": "form",
            "target": "new",
            "context": {"default_health_worker_id": self.id, "default_decision": decision},
        }

    def _decide(self, decision, body):
        """Restrict or erase the person's data in the sidecar, or lift the restriction. The sidecar then updates Odoo.

        :param str decision: ``restrict``, ``unrestrict`` or ``erase``
        :param dict body: the body for the sidecar's route of this name
        """
        self.ensure_one()
        self._checked()._lock()
        self.env["sdmk.sidecar"]._command(
            "data_protection_officer", "POST", "/v1/health-workers/{}/{}", self.id, decision, body=body
        )

    def action_edit(self):
        """Open the form of a correction."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Correct"),
            "res_model": "sdmk.health.worker.edit",
            "view_mode": "form",
            "target": "new",
            "context": {"default_health_worker_id": self.id},
        }

    def _edit(self, body):
        """Set values of the person that SDMK owns, and show at once the values that the sidecar stored.

        :param dict body: the body for ``PATCH /v1/health-workers/{id}``
        """
        self.ensure_one()
        self._checked()._lock()
        answer = self.env["sdmk.sidecar"]._command(
            "administrator",
            "PATCH",
            "/v1/health-workers/{}",
            self.id,
            body=body,
            headers={"If-Match": f'"{self.version:.0f}"'},
        )
        sources = {key: (source or {}).get("source") for key, source in answer["sources"].items()}
        row = {
            "id": answer["id"],
            "version": answer["version"],
            "active": True,
            "name": answer["name"],
            "title_prefix": answer["titlePrefix"],
            "title_suffix": answer["titleSuffix"],
            "has_nik": answer["hasNik"],
            "birth_place": answer["birthPlace"],
            "birth_date": answer["birthDate"],
            "sex": answer["sex"],
            "name_source": sources["name"],
            "nik_source": sources["nik"],
            "birth_place_source": sources["birthPlace"],
            "birth_date_source": sources["birthDate"],
            "sex_source": sources["sex"],
        }
        self.sudo()._store(copy_table([row]))

    @api.model
    def _mirrored_models(self):
        return {"health_workers": "sdmk.health.worker", "registrations": "sdmk.registration"}

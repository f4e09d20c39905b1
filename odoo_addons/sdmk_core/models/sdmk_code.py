from odoo import api, fields, models

KINDS = [
    ("rejection", "Rejected Row"),
    ("warning", "Warning"),
    ("hold", "Reason to Hold a Batch"),
    ("problem", "Problem"),
]


class SdmkCode(models.Model):
    """The sidecar's codes, each with its meaning and the action to take."""

    _name = "sdmk.code"
    _inherit = "sdmk.catalogue"
    _description = "Code"
    _log_access = False
    _order = "kind, name, id"

    _catalogue_columns = {"kind": "varchar", "name": "jsonb", "meaning": "jsonb", "action": "jsonb"}

    code = fields.Char(required=True, readonly=True)
    kind = fields.Selection(KINDS, required=True, readonly=True)
    name = fields.Char(string="Reason", required=True, readonly=True, translate=True)
    meaning = fields.Text(required=True, readonly=True, translate=True)
    action = fields.Text(string="What to Do", required=True, readonly=True, translate=True)

    _code_uniq = models.Constraint("unique(code)", "A code stands for one thing.")

    @api.model
    def sync_codes(self, payload):
        """Store the codes; see :meth:`SdmkCatalogue._receive_words`."""
        return self._receive_words(payload, "codes")

    @api.model
    def _of(self, codes):
        """Return the records of these codes.

        :param str codes: codes with blanks between them, or nothing
        """
        wanted = [code.removeprefix("SDMK_") for code in (codes or "").split()]
        return self.search([("code", "in", wanted)])

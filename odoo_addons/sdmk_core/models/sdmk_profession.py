from odoo import api, fields, models


class SdmkProfession(models.Model):
    _name = "sdmk.profession"
    _inherit = "sdmk.catalogue"
    _description = "Profession"
    _log_access = False
    _order = "name, id"

    _catalogue_columns = {"name": "jsonb"}

    code = fields.Char(required=True, readonly=True)
    name = fields.Char(required=True, readonly=True, translate=True)

    _code_uniq = models.Constraint("unique(code)", "A profession has one code.")

    @api.model
    def sync_professions(self, payload):
        """Store the professions; see :meth:`SdmkCatalogue._receive_words`."""
        return self._receive_words(payload, "professions")

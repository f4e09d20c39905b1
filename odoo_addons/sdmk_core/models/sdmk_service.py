import json

from odoo import api, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL


class SdmkService(models.AbstractModel):
    """What the methods that the sidecar calls have in common: who may call them, and what they take."""

    _name = "sdmk.service"
    _description = "Call of the SDMK Sidecar"

    def _lock(self):
        """Keep the records to this transaction until it ends, before the sidecar is given an order about them.

        The sidecar tells of what it did at once, from another transaction. That one then waits, and not this one fails:
        Odoo would run it again, and give the order a second time.
        """
        self.flush_recordset()
        self.env.cr.execute(
            SQL("select from %s where id in %s order by id for update", SQL.identifier(self._table), tuple(self.ids))
        )
        self.invalidate_recordset()

    @api.model
    def _read_call(self, payload, *keys):
        """Return what a payload holds under these keys, without those that it does not have.

        :param str payload: JSON text, as contracts/odoo describes
        :rtype: dict
        :raises AccessError: where the caller is not the service account
        :raises ValidationError: where the text is no such payload
        """
        if not self.env.user.has_group("sdmk_core.group_sdmk_service"):
            raise AccessError(self.env._("Only the service account of SDMK may write here."))
        try:
            told = json.loads(payload)
        except (ValueError, TypeError) as error:
            raise self._no_payload() from error
        if not isinstance(told, dict) or not set(told) <= set(keys):
            raise self._no_payload()
        return told

    @api.model
    def _read_rows(self, payload, key):
        """Return the rows of a payload that lists them one by one under this key; see :meth:`_read_call`.

        :rtype: list[dict]
        """
        rows = self._read_call(payload, key).get(key, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._no_payload()
        return rows

    @api.model
    def _no_payload(self):
        """Return the error that says so. It names nothing of what was sent, which may be a person's."""
        return ValidationError(self.env._("This is not a payload of SDMK."))

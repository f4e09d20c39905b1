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
        """Return the lists of a payload under these keys, empty where one is missing, and its orders for repair.

        :param str payload: JSON text, as contracts/odoo describes
        :rtype: tuple[dict, dict]
        :raises AccessError: where the caller is not the service account
        :raises ValidationError: where the text is no such payload
        """
        if not self.env.user.has_group("sdmk_core.group_sdmk_service"):
            raise AccessError(self.env._("Only the service account of SDMK may write here."))
        try:
            lists = json.loads(payload)
            repair = lists.pop("repair", {})
            rows = {key: list(lists.pop(key, [])) for key in keys}
        except (ValueError, TypeError, AttributeError) as error:
            raise ValidationError(self.env._("This is not a payload of SDMK.")) from error
        if (
            lists
            or not isinstance(repair, dict)
            or not all(isinstance(row, dict) for some in rows.values() for row in some)
        ):
            raise ValidationError(self.env._("This is not a payload of SDMK."))
        return rows, repair

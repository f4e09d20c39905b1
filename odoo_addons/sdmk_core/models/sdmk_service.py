import json

from odoo import api, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL


class Told(str):
    """In the context of a write that stores what the sidecar tells: the model that may be written.

    No request from outside holds such an object. Records of other models, which a command of a relation could write
    along, stay closed.
    """


class SdmkService(models.AbstractModel):
    """What the methods that the sidecar calls have in common: who may call them, and what they take."""

    _name = "sdmk.service"
    _description = "Call of the SDMK Sidecar"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_told()
        return super().create(vals_list)

    def write(self, vals):
        self._check_told()
        return super().write(vals)

    def _update_field_translations(self, *args, **kwargs):
        # It would pass by `write`.
        self._check_told()
        return super()._update_field_translations(*args, **kwargs)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise self._only_told()

    @api.model
    def _check_told(self):
        """See that the sidecar tells what is to be written; superusers write nothing else either.

        :raises AccessError: where it does not
        """
        told = self.env.context.get("sdmk_told")
        if not isinstance(told, Told) or told != self._name:
            raise self._only_told()

    def _as_told(self):
        """Return the records for writing what the sidecar tells."""
        return self.with_context(sdmk_told=Told(self._name))

    @api.model
    def _only_told(self):
        return AccessError(self.env._("Only SDMK itself changes what it tells of here."))

    def _checked(self):
        """Return these records as :meth:`SdmkSidecar._checked` does."""
        return self.env["sdmk.sidecar"]._checked(self)

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
        """Return the rows of a payload that lists them one by one under this key, and whether it is a repair.

        In a repair they are all that there is, and count whatever is here. See :meth:`_read_call`.

        :rtype: tuple[list[dict], bool]
        """
        told = self._read_call(payload, "repair", key)
        rows, is_repair = told.get(key, []), told.get("repair", False)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._no_payload()
        if not isinstance(is_repair, bool):
            raise self._no_payload()
        return rows, is_repair

    @api.model
    def _no_payload(self):
        """Return the error that says so. It names nothing of what was sent, which may be a person's."""
        return ValidationError(self.env._("This is not a payload of SDMK."))

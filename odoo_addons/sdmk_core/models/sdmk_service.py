import json

from odoo import api, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL


class Told(str):
    """Marks, in the context, a write of data from the sidecar; its value is the only model that may be written.

    A request from outside cannot contain such an object. Other models stay protected, which the command of a relation
    could otherwise write too.
    """


class SdmkService(models.AbstractModel):
    """Base of the methods that the sidecar calls: it checks the caller and the payload."""

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
        # This method does not call `write`, so it must check too.
        self._check_told()
        return super()._update_field_translations(*args, **kwargs)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise self._only_told()

    @api.model
    def _check_told(self):
        """Check that the data to write comes from the sidecar. Superusers may not write other data either.

        :raises AccessError: if it does not
        """
        told = self.env.context.get("sdmk_told")
        if not isinstance(told, Told) or told != self._name:
            raise self._only_told()

    def _as_told(self):
        """Return the records in a context that allows writing data from the sidecar."""
        return self.with_context(sdmk_told=Told(self._name))

    @api.model
    def _only_told(self):
        return AccessError(self.env._("Only SDMK itself can change this data."))

    def _checked(self):
        """Return these records as :meth:`SdmkSidecar._checked` does."""
        return self.env["sdmk.sidecar"]._checked(self)

    def _lock(self):
        """Lock the records until this transaction ends. Call this before sending the sidecar an order about them.

        The sidecar writes the result to Odoo at once, in another transaction. With the lock, that transaction waits.
        Without it, this one could fail; Odoo would then repeat it and send the order twice.
        """
        self.flush_recordset()
        self.env.cr.execute(
            SQL("select from %s where id in %s order by id for update", SQL.identifier(self._table), tuple(self.ids))
        )
        self.invalidate_recordset()

    @api.model
    def _read_call(self, payload, *keys):
        """Return the values of these keys in a payload, without keys that it does not have.

        :param str payload: JSON text, as contracts/odoo describes
        :rtype: dict
        :raises AccessError: if the caller is not the service account
        :raises ValidationError: if the text is not such a payload
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
        """Return the rows that a payload lists under this key, and whether it is a repair. See :meth:`_read_call`.

        The rows of a repair are complete, and replace stored rows regardless of the version.

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
        """Return the error for an invalid payload. It does not repeat the payload, which may contain personal data."""
        return ValidationError(self.env._("This is not a payload of SDMK."))

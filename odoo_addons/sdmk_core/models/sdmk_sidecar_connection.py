import re
from urllib.parse import urlsplit

from odoo import api, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .sdmk_sidecar import KEY


class SdmkSidecar(models.AbstractModel):
    """The sidecar's address, and the key that signs requests to it."""

    _inherit = "sdmk.sidecar"

    @api.model
    def _connection(self):
        """Return the sidecar's address and key.

        :raises UserError: if one is missing, the key belongs to another address, or the address is not allowed
        """
        parameters = self.env["ir.config_parameter"].sudo()
        url = parameters.get_param("sdmk.sidecar.url")
        key = parameters.get_param("sdmk.sidecar.key") or ""
        if not url or not KEY.fullmatch(key) or parameters.get_param("sdmk.sidecar.key_of") != url:
            raise UserError(
                self.env._("The address and the key of the sidecar are missing: enter them with the integration.")
            )
        if url not in self._allowed_urls():
            raise UserError(self._not_allowed(url))
        return url, key

    @api.model
    def _connect(self, url, key=None):
        """Set the address and the key. A key belongs to one address; a new address removes the former key.

        :param str key: None keeps the present one
        :raises ValidationError: if the address or the key is invalid
        :raises AccessError: if the address is not allowed, and the user may not allow it
        """
        parameters = self.env["ir.config_parameter"].sudo()
        url = (url or "").strip().rstrip("/")
        if url and url != parameters.get_param("sdmk.sidecar.url"):
            self._allow(url)
        if key and not KEY.fullmatch(key):
            raise ValidationError(
                self.env._("This is not a key of the sidecar. Copy the whole key that the technical team gave you.")
            )
        parameters.set_param("sdmk.sidecar.url", url)
        if key is not None:
            parameters.set_param("sdmk.sidecar.key", key)
            parameters.set_param("sdmk.sidecar.key_of", url if key else "")
        elif parameters.get_param("sdmk.sidecar.key_of") != url:
            parameters.set_param("sdmk.sidecar.key", "")
            parameters.set_param("sdmk.sidecar.key_of", "")

    @api.model
    def _allow(self, url):
        """Check that an address is allowed. If a system administrator enters a new address, it becomes allowed."""
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address or not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", url):
            raise ValidationError(self.env._("The address of the sidecar looks like https://sdmk.example.org."))
        allowed = self._allowed_urls()
        if url in allowed:
            return
        if not self.env.user.has_group("base.group_system"):
            raise AccessError(self._not_allowed(url))
        self.env["ir.config_parameter"].sudo().set_param("sdmk.sidecar.allowed_urls", " ".join([*allowed, url]))

    @api.model
    def _allowed_urls(self):
        """Return the addresses that system administrators allow."""
        allowed = self.env["ir.config_parameter"].sudo().get_param("sdmk.sidecar.allowed_urls") or ""
        return [url.rstrip("/") for url in allowed.split()]

    @api.model
    def _not_allowed(self, url):
        return self.env._(
            "A system administrator has not allowed the address %(url)s. Ask them to enter it here, which allows it.",
            url=url,
        )

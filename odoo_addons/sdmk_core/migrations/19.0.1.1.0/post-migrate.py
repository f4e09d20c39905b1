from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Allow the present address, and bind the present key to it."""
    if not version:
        return
    parameters = api.Environment(cr, SUPERUSER_ID, {})["ir.config_parameter"]
    url = (parameters.get_param("sdmk.sidecar.url") or "").rstrip("/")
    if url:
        parameters.set_param("sdmk.sidecar.url", url)
        parameters.set_param("sdmk.sidecar.key_of", url)
        parameters.set_param("sdmk.sidecar.allowed_urls", url)

import uuid

import requests
from odoo import api, models
from odoo.exceptions import UserError

CONNECT_SECONDS = 5
# An order that takes longer goes on in the sidecar, which answers after ten seconds.
ANSWER_SECONDS = 30


class SdmkSidecar(models.AbstractModel):
    """The sidecar's REST interface, as the operator who is signed in."""

    _name = "sdmk.sidecar"
    _description = "Sidecar of SDMK"

    @api.model
    def _call(self, method, path, body=None, headers=None):
        """Return the sidecar's answer.

        :param str path: from ``/v1/`` on
        :param dict body: sent as JSON
        :rtype: dict
        :raises UserError: with what the sidecar says, in the operator's language, and the id of the request
        """
        parameters = self.env["ir.config_parameter"].sudo()
        url = parameters.get_param("sdmk.sidecar.url")
        key = parameters.get_param("sdmk.sidecar.key")
        if not url or not key:
            raise UserError(self.env._("The sidecar's address and key are missing: enter them with the integration."))
        request_id = f"odoo-{uuid.uuid4()}"
        try:
            response = requests.request(
                method,
                url.rstrip("/") + path,
                json=body,
                headers={
                    "Authorization": f"Bearer {key}",
                    "X-Actor": self.env.user.login,
                    "X-Request-ID": request_id,
                    "Accept-Language": (self.env.user.lang or "en_US").replace("_", "-"),
                    **(headers or {}),
                },
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise UserError(
                self.env._(
                    "The sidecar does not answer, so nothing was changed. Try again; if it stays so, tell whoever runs it"
                    " this request: %(request)s.",
                    request=request_id,
                )
            ) from error
        if response.status_code >= 400:
            raise UserError(self._problem(answer, request_id))
        return answer

    @api.model
    def _problem(self, answer, request_id):
        """Return the sentences of a problem; addons that know the codes add what to do."""
        answer = answer if isinstance(answer, dict) else {}
        title = answer.get("title") or self.env._("The sidecar refuses.")
        lines = [title, answer.get("detail") or ""]
        lines += [f"{item['field']}: {item['message']}" for item in answer.get("errors") or []]
        lines.append(self.env._("Request: %(request)s", request=answer.get("requestId") or request_id))
        return "\n".join(line for line in lines if line)

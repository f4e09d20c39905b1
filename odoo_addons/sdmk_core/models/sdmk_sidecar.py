import re
import secrets
import uuid

import requests
from odoo import api, models
from odoo.exceptions import AccessError, UserError
from odoo.http import request

CONNECT_SECONDS = 5
# An order that takes longer goes on in the sidecar, which answers after ten seconds.
ANSWER_SECONDS = 30

# https://www.w3.org/TR/trace-context/
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

ROLES = {
    "verifier": "sdmk_core.group_sdmk_verifier",
    "admin": "sdmk_core.group_sdmk_admin",
}


class SdmkSidecar(models.AbstractModel):
    """The sidecar's REST interface, as the operator who is signed in."""

    _name = "sdmk.sidecar"
    _description = "Sidecar of SDMK"

    @api.model
    def _command(self, role, method, path, body=None, headers=None):
        """Return the sidecar's answer to an order that only people of this role may give.

        The sidecar knows this Odoo by one key, so who may order what is decided here.

        :param str role: ``verifier`` or ``admin``
        :raises AccessError: where the user does not have it
        """
        if not self.env.user.has_group(ROLES[role]):
            raise AccessError(self.env._("Your role does not allow this."))
        return self._call(method, path, body, headers)

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
                    "traceparent": self._traceparent(),
                    "Accept-Language": (self.env.user.lang or "en_US").replace("_", "-"),
                    **(headers or {}),
                },
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise UserError(self._silence(method, request_id)) from error
        if response.status_code >= 400:
            raise UserError(self._problem(answer, request_id))
        return answer

    @api.model
    def _traceparent(self):
        """Return the trace that the operator's own request came with, from a proxy for example; else a new one."""
        given = request.httprequest.headers.get("traceparent", "") if request else ""
        return given if TRACEPARENT.fullmatch(given) else f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"

    @api.model
    def _silence(self, method, request_id):
        if method == "GET":
            text = self.env._("The sidecar does not answer. Try again; if it stays so, tell whoever runs it.")
        else:
            # The order may have arrived, and only its answer may be lost.
            text = self.env._(
                "The sidecar does not answer. Look whether your order was carried out before you give it again; if it"
                " stays so, tell whoever runs it."
            )
        return f"{text}\n{self.env._('Request: %(request)s', request=request_id)}"

    @api.model
    def _problem(self, answer, request_id):
        """Return what is wrong and what to do about it, in the operator's language, with the request's id."""
        answer = answer if isinstance(answer, dict) else {}
        known = self.env["sdmk.code"].sudo()._of(answer.get("code"))
        lines = [known.name or answer.get("title") or self.env._("The sidecar refuses.")]
        # The detail is English, and stands for what the catalogue does not know.
        if known:
            lines += [known.meaning, known.action]
        elif answer.get("detail"):
            lines.append(answer["detail"])
        if answer.get("errors"):
            names = self._field_names()
            fields = [item["field"].removeprefix("/body/") for item in answer["errors"]]
            wrong = ", ".join(str(names.get(field, field)) for field in dict.fromkeys(fields))
            lines.append(self.env._("Not right: %(fields)s", fields=wrong))
        lines.append(self.env._("Request: %(request)s", request=answer.get("requestId") or request_id))
        return "\n".join(line for line in lines if line)

    @api.model
    def _field_names(self):
        """Return what operators call the fields of the sidecar's requests."""
        return {
            "schedule": self.env._("Schedule"),
            "professions": self.env._("Professions"),
            "rejectAlertRatio": self.env._("Alert Above"),
            "createUnmatched": self.env._("Unknown Person"),
            "changedSince": self.env._("From"),
            "changedUntil": self.env._("Until"),
            "reason": self.env._("Reason (at least one word, and no long numbers)"),
            "name": self.env._("Name"),
            "nik": self.env._("NIK"),
            "birthDate": self.env._("Birth Date"),
            "birthPlace": self.env._("Birth Place"),
            "sex": self.env._("Sex"),
            "titlePrefix": self.env._("Title"),
            "titleSuffix": self.env._("Degrees"),
        }

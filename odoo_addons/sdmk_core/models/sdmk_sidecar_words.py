from odoo import api, models

from .sdmk_sidecar import ANSWER_MEGABYTES

# The detail of these problems is in the reader's language. It names lines and columns of a file, and no value.
TOLD_IN_DETAIL = {"IMPORT_FILE_INVALID"}
# So is the detail where one of these is wrong.
SCHEDULE_FIELDS = {"/body/schedule", "/query/expression"}


class SdmkSidecar(models.AbstractModel):
    """What operators read where the sidecar denies a request or does not answer."""

    _inherit = "sdmk.sidecar"

    @api.model
    def _silence(self, only_reads, request_id):
        if only_reads:
            text = self.env._(
                "The sidecar does not answer. Try again. If it stays so, tell the technical team the number of the"
                " request."
            )
        else:
            # The order may have arrived, and only its answer may be lost.
            text = self.env._(
                "The sidecar does not answer. Check whether your order was carried out before you give it again. If it"
                " stays so, tell the technical team the number of the request."
            )
        return f"{text}\n{self._request_line(request_id)}"

    @api.model
    def _request_line(self, request_id):
        return self.env._("Request: %(request)s", request=request_id)

    @api.model
    def _too_large(self, only_reads, request_id):
        text = self.env._("The answer of the sidecar is larger than %(most)s MB.", most=ANSWER_MEGABYTES)
        return f"{text} {self._silence(only_reads, request_id)}"

    @api.model
    def _problem(self, answer, request_id):
        """Return what is wrong and what to do about it, in the operator's language, with the request's id."""
        answer = answer if isinstance(answer, dict) else {}
        known = self.env["sdmk.code"].sudo()._of(answer.get("code"))
        wrong = [item["field"] for item in answer.get("errors") or ()]
        if answer.get("detail") and wrong and set(wrong) <= SCHEDULE_FIELDS:
            # It says all, in the reader's language.
            return f"{answer['detail']}\n{self._request_line(answer.get('requestId') or request_id)}"
        lines = [known.name or answer.get("title") or self.env._("The sidecar rejects the request.")]
        # Other details are English, and stand for what the catalogue does not know.
        if answer.get("detail") and (not known or known.code in TOLD_IN_DETAIL):
            lines.append(answer["detail"])
        lines += [known.meaning, known.action]
        names = self._field_names()
        # What operators did not enter has no name that they know.
        wrong = {names[field]: None for field in map(_entered, wrong) if field in names}
        if wrong:
            lines.append(self.env._("Not right: %(fields)s", fields=", ".join(wrong)))
        lines.append(self._request_line(answer.get("requestId") or request_id))
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
            "asOf": self.env._(
                "Day of the File (needed where its rows have no time of change, and only there; not in the future)"
            ),
            "reason": self.env._("Reason (at least one word, and no long numbers)"),
            "name": self.env._("Name"),
            "nik": self.env._("NIK"),
            "str": self.env._("STR"),
            "caller": self.env._("Name or STR (more than titles and signs)"),
            "birthDate": self.env._("Birth Date"),
            "birthPlace": self.env._("Birth Place"),
            "sex": self.env._("Sex"),
            "titlePrefix": self.env._("Title"),
            "titleSuffix": self.env._("Degrees"),
            "/headers/authorization/sub": self.env._(
                "Your Login (at most 200 Latin characters, and no identity number)"
            ),
        }


def _entered(field):
    """Return the name of what was entered: ``professions`` for ``/body/professions/0``."""
    return field.removeprefix("/body/").partition("/")[0] if field.startswith("/body/") else field

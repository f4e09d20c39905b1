import csv
import io

from odoo import api, fields, models
from odoo.tools import format_datetime

# Number of changes per page, and of records that are named after an undo.
PAGE = 50
EFFECTS = ("deactivated", "name_changed", "stamp_only", "kept")
OUTCOMES = ("created", "linked", "updated", "superseded", "rejected")
LINES = 5000
# A spreadsheet treats a text that begins with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# The sidecar's names for the fields of a change, with the Odoo fields that have their labels.
REGISTRATION = {
    "status": "status",
    "sourceStatus": "source_status",
    "competence": "competence",
    "issuedOn": "issued_on",
    "validUntil": "valid_until",
    "isLifetime": "is_lifetime",
    "institution": "institution",
    "graduationYear": "graduation_year",
    "province": "province",
    "healthWorkerId": "health_worker_id",
}
PERSON = {
    "name": "name",
    "titlePrefix": "title_prefix",
    "titleSuffix": "title_suffix",
    "birthPlace": "birth_place",
    "birthDate": "birth_date",
    "sex": "sex",
}


class SdmkBatch(models.Model):
    """Planned and applied changes of a batch. Each view reads them from the sidecar; Odoo stores none of them."""

    _inherit = "sdmk.batch"

    def get_changes(self, after=0, asked=None):
        """Return a page of the batch's planned or applied changes.

        :param int after: the ``next`` of the page before
        :param dict asked: any of ``effect``, ``outcome``, ``profession`` and ``text``, an STR or words of a name
        """
        self.ensure_one()
        self._checked()
        sidecar = self.env["sdmk.sidecar"]
        body = self._asked(after, asked, PAGE)
        if "text" in body:
            page = sidecar._call("POST", "/v1/batches/{}/changes/search", self.id, body=body)
        else:
            page = sidecar._call("GET", "/v1/batches/{}/changes", self.id, query=body)
        return self._in_words(page)

    def export_changes(self, after=0, asked=None):
        """Return a large page of changes as lines of CSV, the first page with a header. The sidecar records the export.

        :return: ``lines``, and ``next`` for the next page
        :rtype: dict
        """
        self.ensure_one()
        self._checked()
        body = self._asked(after, asked, LINES)
        page = self._in_words(
            self.env["sdmk.sidecar"]._call("POST", "/v1/batches/{}/changes/export", self.id, body=body)
        )
        text = io.StringIO()
        lines = csv.writer(text)
        if body["after"] == 0:
            head = [
                self.env._("Outcome"),
                self.env._("Health Worker"),
                self.env._("STR"),
                self.env._("Profession"),
                self.env._("Status"),
                self.env._("Field"),
                self.env._("Before"),
                self.env._("After"),
                self.env._("Reason"),
            ]
            lines.writerow(head)
        for change in page["items"]:
            common = [
                change["outcomeName"],
                change["nameAfter"] or change["nameBefore"],
                change["strNumber"],
                change["professionName"],
                change["statusAfterName"],
            ]
            reasons = ", ".join(change["reasons"])
            for field in change["fields"] or [{"name": "", "before": "", "after": ""}]:
                cells = [*common, field["name"], field["before"], field["after"], reasons]
                lines.writerow([self._as_text(cell) for cell in cells])
        return {"lines": text.getvalue(), "next": page["next"]}

    def take_evidence(self, reason, language):
        """Return the evidence of the batch, as data and as a page for people. The sidecar records the export.

        :param str reason: the purpose of the evidence
        :param str language: ``id`` or ``en``
        """
        self.ensure_one()
        self._checked()
        body = {"reason": reason, "language": language}
        return self.env["sdmk.sidecar"]._call("POST", "/v1/batches/{}/evidence", self.id, body=body)

    def action_take_evidence(self):
        """Open the dialog that exports the evidence of the batch."""
        self.ensure_one()
        return {"type": "ir.actions.client", "tag": "sdmk_batch_evidence", "params": {"batch_id": self.id}}

    def action_view_audit_events(self):
        """Show the audit events of the batch: actions, actors and reasons."""
        self.ensure_one()
        return {
            **self.env["ir.actions.client"]._for_xml_id("sdmk_integration_manager.sdmk_audit_event_action"),
            "params": {"batch_id": self.id},
        }

    @api.model
    def _asked(self, after, asked, limit):
        """Return the valid parts of a request from a browser, which may be any JSON, as a query for the sidecar."""
        body = {"limit": limit, "after": after if type(after) is int else 0}
        asked = asked if isinstance(asked, dict) else {}
        if asked.get("effect") in EFFECTS:
            body["effect"] = asked["effect"]
        if asked.get("outcome") in OUTCOMES:
            body["outcome"] = asked["outcome"]
        if asked.get("profession") in dict(self.env["sdmk.profession"]._selection()):
            body["profession"] = asked["profession"]
        if isinstance(asked.get("text"), str) and asked["text"].strip():
            body["text"] = asked["text"].strip()[:200]
        return body

    @api.model
    def _as_text(self, cell):
        text = str(cell or "")
        return f"'{text}" if text.startswith(FORMULA) else text

    @api.model
    def _in_words(self, page):
        """Replace the sidecar's codes with the operators' terms."""
        professions = dict(self.env["sdmk.profession"]._selection())
        codes = {code.code: code.name for code in self.env["sdmk.code"].sudo().search([])}
        statuses = dict(self.env["sdmk.registration"]._fields["status"]._description_selection(self.env))
        labels = self._labels()
        people = self._people_of(page["items"])
        for change in page["items"]:
            change["outcomeName"] = self._outcome_name(change["outcome"])
            change["professionName"] = professions.get(change["profession"], change["profession"])
            change["reasons"] = [codes.get(code, code) for code in change["codes"]]
            for key in ("statusBefore", "statusAfter"):
                change[f"{key}Name"] = statuses.get(change[key], change[key])
            for field in change["fields"]:
                field["name"] = labels.get(field["field"], field["field"])
                for side in ("before", "after"):
                    field[side] = self._value_in_words(field["field"], field[side], statuses, people)
        if page.get("summary"):
            self._summary_in_words(page["summary"])
        return page

    @api.model
    def _summary_in_words(self, summary):
        """Add the names of professions and codes, and of the records that an undo left."""
        professions = dict(self.env["sdmk.profession"]._selection())
        codes = {code.code: code.name for code in self.env["sdmk.code"].sudo().search([])}
        for row in summary["professions"]:
            row["name"] = professions.get(row["profession"], row["profession"]) or self.env._("Cannot be read")
        for row in summary["codes"]:
            row["name"] = codes.get(row["code"], row["code"])
        whole = self.env._("All together")
        for row in summary["excesses"]:
            row["name"] = codes.get(row["reason"], row["reason"])
            row["professionName"] = (
                whole if row["profession"] == "*" else professions.get(row["profession"], row["profession"])
            )
        if summary["undo"]:
            self._undo_in_words(summary["undo"])
        summary["professionChoices"] = [{"code": code, "name": name} for code, name in professions.items()]

    @api.model
    def _undo_in_words(self, undo):
        """Add the names of people and registrations that the undo did not restore in full, if Odoo has them."""
        labels = self._labels()
        columns = {column: labels[name] for name, column in {**REGISTRATION, **PERSON}.items()}
        columns["nik_digest"] = labels["nik"]
        if undo.get("at"):
            undo["atName"] = format_datetime(self.env, fields.Datetime.to_datetime(undo["at"][:19].replace("T", " ")))
        for kind, model in (("people", "sdmk.health.worker"), ("registrations", "sdmk.registration")):
            left = undo["left"][kind] = undo["left"][kind][:PAGE]
            known = self.env[model].with_context(active_test=False).search([("id", "in", [row["id"] for row in left])])
            names = {record.id: record.display_name for record in known}
            for row in left:
                row["name"] = names.get(row["id"])
                row["fieldNames"] = [columns[column] for column in row["fields"] if column in columns]
        return undo

    @api.model
    def _labels(self):
        registration = self.env["sdmk.registration"].fields_get(REGISTRATION.values(), ["string"])
        person = self.env["sdmk.health.worker"].fields_get(PERSON.values(), ["string"])
        return {
            **{name: registration[column]["string"] for name, column in REGISTRATION.items()},
            **{name: person[column]["string"] for name, column in PERSON.items()},
            "nik": self.env._("NIK (changed)"),
        }

    @api.model
    def _people_of(self, changes):
        """Return the names of former and new holders of licences that moved."""
        ids = {
            int(field[side])
            for change in changes
            for field in change["fields"]
            if field["field"] == "healthWorkerId"
            for side in ("before", "after")
            if field[side]
        }
        people = self.env["sdmk.health.worker"].with_context(active_test=False).search([("id", "in", list(ids))])
        return {str(person.id): person.display_name for person in people}

    @api.model
    def _value_in_words(self, field, value, statuses, people):
        if value is None:
            return None
        if field == "status":
            return statuses.get(value, value)
        if field == "sex":
            return dict(self.env["sdmk.health.worker"]._fields["sex"]._description_selection(self.env)).get(
                value, value
            )
        if field == "isLifetime":
            return self.env._("Yes") if value == "true" else self.env._("No")
        if field == "healthWorkerId":
            return people.get(value, value)
        return value

    @api.model
    def _outcome_name(self, outcome):
        names = {
            **dict(self.env["sdmk.batch.outcome"]._fields["outcome"]._description_selection(self.env)),
            "edited": self.env._("Corrected"),
        }
        return names.get(outcome, outcome)

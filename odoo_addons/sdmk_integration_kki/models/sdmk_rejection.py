from odoo import api, fields, models
from odoo.exceptions import UserError

STATES = [
    ("open", "Open"),
    ("resolved", "Resolved"),
    ("dismissed", "Dismissed"),
    ("healed", "Healed"),
]
# What the sidecar takes in one order.
MOST = 1000


class SdmkRejection(models.Model):
    _name = "sdmk.rejection"
    _inherit = ["sdmk.mirror", "sdmk.read.count"]
    _description = "Refused Row"
    _log_access = False
    _order = "urgent desc, id desc"

    _mirror_columns = {
        "source": "varchar",
        "code": "varchar",
        "state": "varchar",
        "urgent": "boolean",
        "str_number": "varchar",
        "profession": "varchar",
        "rule": "int",
        "candidate_count": "int",
        "fields_at_fault": "varchar",
        "seen_count": "int",
        "first_batch_id": "int",
        "last_batch_id": "int",
        "closed_by_batch_id": "int",
        "decided_by": "varchar",
        "decision_reason": "varchar",
        "first_seen_at": "timestamp",
        "last_seen_at": "timestamp",
        "decided_at": "timestamp",
        "trace_id": "varchar",
    }

    version = fields.Float(digits=(16, 0), required=True, readonly=True)
    source = fields.Selection([("kki", "KKI"), ("sdmk", "Imported File")], readonly=True)
    code = fields.Selection("_selection_code", string="Reason", readonly=True, index=True)
    meaning = fields.Text(string="What It Means", compute="_compute_texts")
    action_text = fields.Text(string="What to Do", compute="_compute_texts")
    state = fields.Selection(STATES, readonly=True, index=True)
    urgent = fields.Boolean(readonly=True, help="A licence of a known person may have ended.")
    str_number = fields.Char(string="STR", readonly=True, index=True)
    profession = fields.Selection("_selection_profession", readonly=True)
    rule = fields.Integer(readonly=True, aggregator=None)
    candidate_count = fields.Integer(
        string="Candidates", readonly=True, aggregator=None, help="People whom the row may concern."
    )
    fields_at_fault = fields.Char(string="Fields of KKI at Fault", readonly=True)
    seen_count = fields.Integer(string="Times Seen", readonly=True, aggregator=None)
    first_batch_id = fields.Many2one("sdmk.batch", readonly=True)
    last_batch_id = fields.Many2one("sdmk.batch", readonly=True, index=True)
    closed_by_batch_id = fields.Many2one("sdmk.batch", string="Closed by Batch", readonly=True)
    decided_by = fields.Char(readonly=True)
    decision_reason = fields.Char(string="Reason Given", readonly=True)
    first_seen_at = fields.Datetime(string="First Seen", readonly=True)
    last_seen_at = fields.Datetime(string="Last Seen", readonly=True)
    decided_at = fields.Datetime(readonly=True)
    trace_id = fields.Char(string="Trace ID", readonly=True, index=True)

    @api.depends("code")
    def _compute_display_name(self):
        names = dict(self._selection_code())
        for record in self:
            record.display_name = names.get(record.code, record.code)

    @api.depends("code")
    @api.depends_context("lang")
    def _compute_texts(self):
        codes = {code.code: code for code in self.env["sdmk.code"].sudo().search([("kind", "=", "rejection")])}
        for record in self:
            known = codes.get(record.code)
            record.meaning = known.meaning if known else False
            record.action_text = known.action if known else False

    def action_retry(self):
        """Ask KKI once more for the STR of these rows."""
        answer = self._command("retry", {"ids": self._ids_to_decide()})
        if not answer["asked"]:
            raise UserError(self.env._("None of these rows has an STR that KKI could be asked for."))
        return self._notify(
            self.env._("KKI is asked again for %(asked)s; without an STR: %(skipped)s.", **answer),
        )

    def action_reprocess(self):
        """Run these rows through the present rules once more, as KKI sent them."""
        answer = self._command("reprocess", {"ids": self._ids_to_decide()})
        told = self.env._("Judged again: %(rows)s; no longer kept: %(purged)s.", **answer)
        if answer["unfit"]:
            told += " " + self.env._(
                "Left out: %(unfit)s. What is stored was changed or is of another row. Tell the security officer.",
                **answer,
            )
        return self._notify(told, "warning" if answer["unfit"] else "success")

    def action_dismiss(self):
        """Ask for the reason to take these rows off the desk."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Dismiss"),
            "res_model": "sdmk.rejection.dismissal",
            "view_mode": "form",
            "target": "new",
            "context": {"default_rejection_ids": self._ids_to_decide()},
        }

    def get_detail(self):
        """Return the row as KKI sent it beside the people whom it may concern, straight from the sidecar."""
        self.ensure_one()
        self._checked()
        detail = self.env["sdmk.sidecar"]._call("GET", "/v1/rejections/{}", self.id)
        professions = dict(self._selection_profession())
        statuses = dict(self.env["sdmk.registration"]._fields["status"]._description_selection(self.env))
        sexes = dict(self.env["sdmk.health.worker"]._fields["sex"]._description_selection(self.env))
        readings = [row["reading"] for row in detail["rows"] if row["reading"]]
        for told in (*readings, *detail["people"]):
            told["sexName"] = sexes.get(told["sex"], "")
        for licence in (*readings, *(licence for person in detail["people"] for licence in person["registrations"])):
            licence["professionName"] = professions.get(licence["profession"], licence["profession"])
            licence["statusName"] = statuses.get(licence["status"], licence["status"])
        keys = ("id", "state", "source", "rows", "people", "decisions", "retries")
        return {key: detail[key] for key in keys}

    def preview(self, health_worker_id, row=None):
        """Tell what a decision would do, without making it. The parameters are those of ``resolve``.

        :return: ``effects``, each a sentence and whether it is a warning; ``isHarmful``; ``planDigest`` for ``resolve``
        :rtype: dict
        """
        self.ensure_one()
        self._checked()
        body = self._owner(health_worker_id, row)
        seen = self.env["sdmk.sidecar"]._command(
            "verifier", "POST", "/v1/rejections/{}/resolve/preview", self.id, body=body
        )
        return {
            "effects": [{"text": text, "isWarning": is_warning} for text, is_warning in self._effects(seen)],
            "isHarmful": seen["isHarmful"],
            "planDigest": seen["planDigest"],
        }

    def _effects(self, seen):
        """Yield what a decision would do, in words: a sentence, and whether somebody loses something by it."""
        if seen["outcome"] == "rejected":
            names = dict(self._selection_code())
            reasons = ", ".join(names.get(code, code) for code in seen["codes"])
            yield self.env._("The row would be rejected again: %s", reasons), True
        statuses = dict(self.env["sdmk.registration"]._fields["status"]._description_selection(self.env))
        professions = dict(self._selection_profession())
        restricted = self.env._("a person whose data is restricted")
        losers = set()
        for licence in seen["licences"]:
            holder, former = licence["holderAfter"], licence["holderBefore"]
            words = {
                "str": licence["strNumber"],
                "profession": professions.get(licence["profession"], licence["profession"]),
                "holder": holder["name"] or restricted,
                "former": (former or {}).get("name") or restricted,
                "before": statuses.get(licence["statusBefore"], licence["statusBefore"]),
                "after": statuses.get(licence["statusAfter"], licence["statusAfter"]),
            }
            if former is None:
                yield self.env._("%(holder)s gets the licence %(str)s (%(profession)s, %(after)s).", **words), False
                continue
            if former["id"] != holder["id"]:
                losers.add(former["id"])
                yield (
                    self.env._(
                        "The licence %(str)s (%(profession)s) leaves %(former)s and goes to %(holder)s.", **words
                    ),
                    True,
                )
            if licence["statusBefore"] != licence["statusAfter"]:
                told = self.env._("The licence %(str)s changes from %(before)s to %(after)s.", **words)
                yield told, licence["statusBefore"] == "active"
        for person in seen["people"]:
            before = person["nameBefore"] or restricted
            words = {
                "name": person["nameAfter"] or before,
                "before": before,
                "licences": person["licences"],
                "active": person["activeLicences"],
            }
            if person["id"] is None:
                yield self.env._("A new person is created: %(name)s.", **words), False
            elif person["nameAfter"] and person["nameBefore"] and person["nameAfter"] != person["nameBefore"]:
                yield self.env._("The name changes from %(before)s to %(name)s.", **words), False
            if person["nik"] == "added":
                yield self.env._("%(name)s gets the NIK of the row.", **words), False
            elif person["nik"] == "replaced":
                yield self.env._("The NIK of %(name)s is replaced by the NIK of the row.", **words), True
            elif person["nik"] == "removed":
                yield self.env._("%(name)s has no NIK any more.", **words), True
            if person["id"] in losers:
                if person["licences"]:
                    yield self.env._("Licences that %(name)s keeps: %(licences)s; active: %(active)s.", **words), False
                else:
                    yield self.env._("%(name)s has no licence any more.", **words), True

    def _owner(self, health_worker_id, row):
        body = {"healthWorkerId": health_worker_id}
        if row:
            # The screen has more of it; what is none at all the sidecar does not take.
            body["row"] = {key: row.get(key) for key in ("batchId", "rowNo")} if isinstance(row, dict) else row
        return body

    def resolve(self, health_worker_id, row=None, reason=None, plan_digest=None):
        """Say whose the refused row is; the sidecar carries it out.

        :param health_worker_id: the id of a person, or ``new`` for somebody whom SDMK does not have
        :param dict row: which of the rows is meant, as ``{"batchId": …, "rowNo": …}``
        :param str plan_digest: of the preview that the operator saw
        :return: how the row's batch ended, and whose the row is now where that is known
        :rtype: dict
        """
        self.ensure_one()
        self._checked()
        body = self._owner(health_worker_id, row)
        if reason:
            body["reason"] = reason
        if plan_digest:
            body["planDigest"] = plan_digest
        answer = self.env["sdmk.sidecar"]._command("verifier", "POST", "/v1/rejections/{}/resolve", self.id, body=body)
        batch = answer["batch"]
        states = dict(self.env["sdmk.batch"]._fields["state"]._description_selection(self.env))
        if health_worker_id == "new" and batch["state"] == "applied":
            page = self.env["sdmk.sidecar"]._call("GET", "/v1/batches/{}/changes", batch["id"], query={"limit": 1})
            health_worker_id = next((change["healthWorkerId"] for change in page["items"]), None)
        return {
            "batchState": batch["state"],
            "batchStateName": states.get(batch["state"]),
            "healthWorkerId": health_worker_id if isinstance(health_worker_id, int) else None,
        }

    def _ids_to_decide(self):
        ids = self._checked().filtered(lambda record: record.state == "open").ids
        if not ids:
            raise UserError(self.env._("None of these rows is open any more."))
        if len(ids) > MOST:
            raise UserError(self.env._("Choose at most %(most)s rows at a time.", most=MOST))
        return ids

    def _command(self, order, body):
        return self.env["sdmk.sidecar"]._command("verifier", "POST", "/v1/rejections/{}", order, body=body)

    def _notify(self, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"message": message, "type": kind},
        }

    @api.model
    def _selection_code(self):
        return self.env["sdmk.code"]._selection("rejection")

    @api.model
    def _selection_profession(self):
        return self.env["sdmk.profession"]._selection()

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# The sidecar accepts no more rows in one order.
MOST = 1000
# The most rows that one rule dismisses.
MOST_BY_RULE = 10000
# The sidecar returns the names of no more rows in one answer.
MOST_NAMED = 100


class SdmkRejection(models.Model):
    """Views and actions of the review queue. Each of them asks the sidecar."""

    _inherit = "sdmk.rejection"

    def action_retry(self):
        """Ask KKI once more for the STR of these rows."""
        answer = self._command("retry", {"ids": self._ids_to_decide()})
        if not answer["asked"]:
            raise UserError(self.env._("None of these rows has an STR that KKI could be asked for."))
        return self._notify(
            self.env._("Rows that are fetched again from KKI: %(asked)s; without an STR: %(skipped)s.", **answer),
        )

    def action_reprocess(self):
        """Reprocess the stored original rows with the present rules."""
        answer = self._command("reprocess", {"ids": self._ids_to_decide()})
        told = self.env._("Re-evaluated: %(rows)s; no longer kept: %(purged)s.", **answer)
        if answer["unfit"]:
            told += " " + self.env._(
                "Left out: %(unfit)s. Stored data was changed or belongs to another row. Tell the security officer.",
                **answer,
            )
        return self._notify(told, "warning" if answer["unfit"] else "success")

    def action_dismiss(self):
        """Open the dialog that asks for the reason to dismiss these rows."""
        ids = self._ids_to_decide()
        return {"type": "ir.actions.client", "tag": "sdmk_dismiss", "params": {"ids": ids}}

    def action_dismiss_by_rule(self):
        """Open the dialog that asks for a rule, by which open rows of the present list are dismissed."""
        self.env["sdmk.sidecar"]._check_role("verifier")
        domain = self._rule_domain(self.env.context.get("active_domain") or [])
        names = dict(self._selection_code())
        groups = self._read_group(domain, ["code"], ["__count", "id:max"], order="__count desc")
        if not groups:
            raise UserError(self.env._("This list has no open rows that are not urgent."))
        rules = [
            {
                "code": code,
                "name": names.get(code, code),
                "count": count,
                # Rows that arrive after the dialog was opened are not dismissed.
                "domain": list(domain & Domain("code", "=", code) & Domain("id", "<=", last)),
            }
            for code, count, last in groups
        ]
        return {
            "type": "ir.actions.client",
            "tag": "sdmk_dismiss_by_rule",
            "params": {"rules": rules, "most": MOST_BY_RULE},
        }

    @api.model
    def dismiss_by_rule(self, domain, reason):
        """Dismiss the open rows of a rule, except urgent ones.

        :return: number of dismissed rows
        :rtype: int
        """
        self.env["sdmk.sidecar"]._check_role("verifier")
        ids = self.search(self._rule_domain(domain), order="id", limit=MOST_BY_RULE + 1).ids
        if len(ids) > MOST_BY_RULE:
            raise UserError(
                self.env._("At most %(most)s rows can be dismissed at once. Narrow the list.", most=MOST_BY_RULE)
            )
        dismissed = 0
        for start in range(0, len(ids), MOST):
            answer = self._command("dismiss", {"ids": ids[start : start + MOST], "reason": reason})
            dismissed += answer["dismissed"]
        return dismissed

    @api.model
    def _rule_domain(self, domain):
        return Domain(domain) & Domain("state", "=", "open") & Domain("urgent", "=", False)

    def dismiss(self, reason):
        """Dismiss these rows until KKI sends them with different content."""
        return self._checked()._command("dismiss", {"ids": self.ids, "reason": reason})["dismissed"]

    def reopen(self):
        """Put a dismissed row back into the queue."""
        self.ensure_one()
        self._checked()
        self.env["sdmk.sidecar"]._command("verifier", "POST", "/v1/rejections/{}/reopen", self.id, body={})

    def undo_decision(self, batch_id, reason):
        """Undo the batch that applied the present decision about this row.

        :param int batch_id: the batch of the decision on the screen; a newer decision is never undone in its place
        :return: the final state of the batch, in words
        """
        self.ensure_one()
        self._checked()
        sidecar = self.env["sdmk.sidecar"]
        sidecar._check_role("administrator")
        detail = sidecar._call("GET", "/v1/rejections/{}", self.id)
        if not any(one["batchId"] == batch_id and one["batchState"] == "applied" for one in detail["decisions"]):
            raise UserError(self.env._("This decision no longer stands. Reload the row."))
        answer = sidecar._command("administrator", "POST", "/v1/batches/{}/undo", batch_id, body={"reason": reason})
        return self._batch_states().get(answer["state"])

    def get_names(self):
        """Return the names in these rows and the names of their candidates, read from the sidecar.

        :rtype: list[dict]
        """
        ids = self._checked().ids
        if len(ids) > MOST_NAMED:
            raise UserError(self.env._("Choose at most %(most)s rows at a time.", most=MOST_NAMED))
        answer = self.env["sdmk.sidecar"]._call("POST", "/v1/rejections/names", body={"ids": ids}, only_reads=True)
        return answer["items"]

    def get_detail(self):
        """Return the row as KKI sent it, and its candidates, read from the sidecar."""
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
        states = self._batch_states()
        for decision in detail["decisions"]:
            decision["batchStateName"] = states.get(decision["batchState"])
        keys = (
            "id",
            "state",
            "source",
            "strNumber",
            "rows",
            "people",
            "decisions",
            "retries",
            "decidedBy",
            "decidedAt",
        )
        return {key: detail[key] for key in (*keys, "decisionReason")}

    def preview(self, health_worker_id, row=None):
        """Preview a decision. The parameters are those of ``resolve``.

        :return: ``effects``, each a sentence and whether it is a warning; ``isHarmful``; ``planDigest`` for ``resolve``
        :rtype: dict
        """
        self.ensure_one()
        self._checked()
        body = self._owner(health_worker_id, row)
        seen = self.env["sdmk.sidecar"]._command(
            "verifier", "POST", "/v1/rejections/{}/resolve/preview", self.id, body=body, only_reads=True
        )
        return {
            "effects": [{"text": text, "isWarning": is_warning} for text, is_warning in self._effects(seen)],
            "isHarmful": seen["isHarmful"],
            "planDigest": seen["planDigest"],
        }

    def _effects(self, seen):
        """Yield the effects of a decision, each as a sentence and whether it harms a person."""
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
                yield told, licence["isHarmful"]
        for person in seen["people"]:
            before = person["nameBefore"] or restricted
            # One name for one person: the candidate is shown under the name before the decision.
            words = {
                "name": person["nameBefore"] or person["nameAfter"] or restricted,
                "after": person["nameAfter"],
                "before": before,
                "licences": person["licences"],
                "active": person["activeLicences"],
            }
            if person["id"] is None:
                yield self.env._("A new person is created: %(name)s.", **words), False
            elif person["nameAfter"] and person["nameBefore"] and person["nameAfter"] != person["nameBefore"]:
                yield self.env._("The name changes from %(before)s to %(after)s.", **words), False
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
            # The screen's row has more keys. The sidecar rejects values that are not a row.
            body["row"] = {key: row.get(key) for key in ("batchId", "rowNo")} if isinstance(row, dict) else row
        return body

    def resolve(self, health_worker_id, row=None, reason=None, plan_digest=None):
        """Decide which person the rejected row belongs to. The sidecar applies the decision.

        :param health_worker_id: the id of a person, or ``new`` for a person that SDMK does not have
        :param dict row: one of the rejection's rows, as ``{"batchId": …, "rowNo": …}``
        :param str plan_digest: the digest from the preview that the operator saw
        :return: the state of the decision's batch, and the person's id if it is known
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
        states = self._batch_states()
        if health_worker_id == "new" and batch["state"] == "applied":
            health_worker_id = self._created_by(batch["id"])
        return {
            "batchState": batch["state"],
            "batchStateName": states.get(batch["state"]),
            "healthWorkerId": health_worker_id if isinstance(health_worker_id, int) else None,
        }

    def _created_by(self, batch_id):
        """Return the id of the person that a decision created; None if it cannot be read, which is no failure."""
        try:
            page = self.env["sdmk.sidecar"]._call("GET", "/v1/batches/{}/changes", batch_id, query={"limit": 1})
        except UserError:
            return None
        return next((change["healthWorkerId"] for change in page["items"]), None)

    def _batch_states(self):
        return dict(self.env["sdmk.batch"]._fields["state"]._description_selection(self.env))

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

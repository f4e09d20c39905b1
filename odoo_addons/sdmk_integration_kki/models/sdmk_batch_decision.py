from odoo import models
from odoo.exceptions import UserError

DECISIONS = ("apply", "discard", "undo")


class SdmkBatch(models.Model):
    """What an administrator decides about a batch as a whole; the sidecar carries it out."""

    _inherit = "sdmk.batch"

    def action_apply(self):
        """Show what the held batch would do, and ask for the reason to apply it."""
        return self._ask("apply")

    def action_discard(self):
        """Ask for the reason to end the held batch without applying it."""
        return self._ask("discard")

    def action_undo(self):
        """Show what the undo of the batch would do, and ask for its reason."""
        return self._ask("undo")

    def get_preview(self, decision):
        """Return what a decision would do as things are now.

        :param str decision: ``apply`` or ``undo``
        :return: for ``apply`` the ``summary`` of the changes, and ``planDigest`` for :meth:`decide`; else the ``undo``
        :rtype: dict
        """
        self._check_decision(decision, ("apply", "undo"))
        seen = self.env["sdmk.sidecar"]._call("GET", "/v1/batches/{}/{}/preview", self.id, decision)
        if decision == "undo":
            return {"undo": self._undo_in_words(seen)}
        self._summary_in_words(seen["summary"])
        return seen

    def decide(self, decision, reason, plan_digest=None, watermark="keep"):
        """Give the order to apply, discard or undo the batch.

        :param str plan_digest: of the preview that the operator saw, if the batch is applied
        :param str watermark: whether a discarded period is fetched again (``keep``) or not (``advance``)
        """
        self._check_decision(decision, DECISIONS)
        body = {"reason": reason}
        if decision == "apply":
            body["planDigest"] = plan_digest
        elif decision == "discard":
            body["watermark"] = watermark
        self.env["sdmk.sidecar"]._command("administrator", "POST", "/v1/batches/{}/{}", self.id, decision, body=body)

    def _ask(self, decision):
        self._check_decision(decision, DECISIONS)
        self.env["sdmk.sidecar"]._check_role("administrator")
        return {
            "type": "ir.actions.client",
            "tag": "sdmk_batch_decision",
            "params": {"batch_id": self.id, "decision": decision},
        }

    def _check_decision(self, decision, known):
        """See that there is such a decision: a request from a browser may hold any JSON."""
        self.ensure_one()
        self._checked()
        if decision not in known:
            raise UserError(self.env._("There is no such decision."))

import json
import re

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

# The most heads in one call.
MOST = 5000
COMPARED = [("set_aside_at", "=", False)]


class SdmkAuditHead(models.Model):
    """An end (head) of the sidecar's audit chain, stored when the sidecar sent it.

    A head is never changed, with one exception: after a restore of the sidecar's database, heads that the backup does
    not have are set aside. They stay here, with the reason, but are no longer compared.

    A person who cuts off or rewrites the chain in the sidecar's database cannot change the heads here, so
    ``sdmk audit verify --head`` detects it.
    """

    _name = "sdmk.audit.head"
    _inherit = "sdmk.service"
    _description = "Audit Head"
    _log_access = False
    _order = "noted_at desc, seq desc, id desc"
    _rec_name = "head"

    seq = fields.Integer(string="Events", required=True, readonly=True, aggregator=None)
    hash = fields.Char(required=True, readonly=True)
    noted_at = fields.Datetime(required=True, readonly=True)
    head = fields.Char(
        string="For Verification",
        compute="_compute_head",
        help="The number and the hash of the link, as the technical team needs them to verify the chain.",
    )
    is_contradicted = fields.Boolean(
        string="Contradicted",
        compute="_compute_is_contradicted",
        search="_search_is_contradicted",
        help="The sidecar has sent another event for this place, or (64 zeros) none: its audit was changed. "
        "Tell the security officer.",
    )

    set_aside_at = fields.Datetime(
        string="Set Aside",
        readonly=True,
        help="Since then this head is not compared any more: the sidecar's database was restored to a time before it.",
    )
    set_aside_reason = fields.Char(string="Reason", readonly=True)

    # After a head was set aside, the same head can be stored again, and is then compared like any other.
    _noted_uniq = models.UniqueIndex("(seq, hash) WHERE set_aside_at IS NULL", "A head is noted once.")

    @api.depends("seq", "hash")
    def _compute_head(self):
        for record in self:
            record.head = f"{record.seq}:{record.hash}"

    @api.depends("seq", "hash", "set_aside_at")
    def _compute_is_contradicted(self):
        compared = Domain("seq", "in", self.mapped("seq")) & Domain(COMPARED)
        counts = dict(self._read_group(compared, ["seq"], ["__count"]))
        for record in self:
            record.is_contradicted = not record.set_aside_at and counts.get(record.seq, 0) > 1

    def _search_is_contradicted(self, operator, value):
        if operator != "in":
            return NotImplemented
        groups = self._read_group(COMPARED, ["seq"], having=[("__count", ">", 1)])
        return Domain("seq", "in", [seq for (seq,) in groups]) & Domain(COMPARED)

    @api.model
    def sync_audit_heads(self, payload):
        """Store the heads of the chain that are not stored yet.

        :param str payload: JSON text, as contracts/odoo describes
        :return: number of new heads
        :rtype: int
        """
        heads = [(row.get("seq"), row.get("hash")) for row in self._read_rows(payload, "audit_heads")[0]]
        for seq, digest in heads:
            if type(seq) is not int or not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
                raise self._no_payload()
        noted = 0
        for seq, digest in heads:
            self.env.cr.execute(
                SQL(
                    "insert into %s (seq, hash, noted_at) values (%s, %s, now() at time zone 'UTC')"
                    " on conflict do nothing",
                    SQL.identifier(self._table),
                    seq,
                    digest,
                )
            )
            noted += self.env.cr.rowcount
        self.invalidate_model()
        return noted

    @api.model
    def compare_audit_heads(self, payload):
        """Return a page of the stored heads as JSON text, because XML-RPC has no integers above 31 bits.

        :param str payload: ``{"after": 0, "limit": 5000}``, the last id of the page before and the size of the page
        """
        told = self._read_call(payload, "after", "limit")
        after, limit = told.get("after"), told.get("limit")
        if type(after) is not int or type(limit) is not int:
            raise self._no_payload()
        heads = self.sudo().search([("id", ">", after), *COMPARED], order="id", limit=min(limit, MOST))
        return json.dumps([{"id": head.id, "seq": head.seq, "hash": head.hash} for head in heads])

    @api.model
    def set_aside_audit_heads(self, payload):
        """Set these heads aside, because the sidecar's database was restored to a time before them.

        :param str payload: ``{"ids": [7], "reason": "..."}``
        :return: number of heads that are no longer compared
        :rtype: int
        """
        told = self._read_call(payload, "ids", "reason")
        ids, reason = told.get("ids"), told.get("reason")
        if not isinstance(ids, list) or not all(type(one) is int for one in ids):
            raise self._no_payload()
        if not isinstance(reason, str) or not reason.strip():
            raise self._no_payload()
        self.env.cr.execute(
            SQL(
                "update %s set set_aside_at = now() at time zone 'UTC', set_aside_reason = %s"
                " where id = any(%s) and set_aside_at is null",
                SQL.identifier(self._table),
                reason,
                ids,
            )
        )
        self.invalidate_model()
        return self.env.cr.rowcount

    @api.model
    def recall_audit_heads(self, payload):
        """Return numbers of stored heads as JSON text: the newest ones, and increasingly fewer older ones.

        The sidecar then sends its present links at these places. If a hash differs, both are stored here.

        :param str payload: ``{}``
        """
        self._read_call(payload)
        heads = self.sudo()
        found = heads.search(COMPARED, order="id desc", limit=1)
        last, distance, places = found.id, 1, set()
        while found:
            places.add(found.seq)
            found = heads.search([("id", "<=", last - distance), *COMPARED], order="id desc", limit=1)
            distance *= 2
        return json.dumps(sorted(places))

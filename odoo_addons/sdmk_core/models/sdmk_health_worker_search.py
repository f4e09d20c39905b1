from collections.abc import Collection, Mapping

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .sdmk_registration import STATUSES

# The sidecar returns no more people in one answer; the likeliest come first.
MOST_FOUND = 100
# Each text causes a request to the sidecar, so their number is limited.
MOST_TEXTS = 5
SEARCHED_BY = ("ilike", "like", "=", "in")

LICENCE_STATES = [("active", "Active"), ("mixed", "In Part"), ("ended", "Deactivated")]


class SdmkHealthWorkerSearch(models.Model):
    """Search of people by an STR or name as a caller says it, and the licences column of lists."""

    _inherit = "sdmk.health.worker"

    caller = fields.Char(
        string="Name or STR",
        compute="_compute_caller",
        search="_search_caller",
        help="As a caller says it: an STR in any spelling, or a name in any order, also misspelt.",
    )
    str_numbers = fields.Text(string="STR", compute="_compute_licences")
    professions = fields.Text(compute="_compute_licences")
    licence_statuses = fields.Text(string="Status", compute="_compute_licences")
    licence_state = fields.Selection(LICENCE_STATES, string="Licence Status", compute="_compute_licences")

    def _compute_caller(self):
        """Return no value: the field exists only for searching."""
        self.caller = False

    @api.model
    def _search_caller(self, operator, value):
        texts = _texts_of(value)
        if operator not in SEARCHED_BY or not texts:
            return NotImplemented
        # A search of people has already asked the sidecar. A search of their registrations asks it here.
        return [("id", "in", [worker_id for text in texts for worker_id in self._ids_by_caller(text)])]

    @api.model
    def _ids_by_caller(self, text):
        """Return the ids of the people who match a text, the likeliest first. A transaction asks for a text only once.

        :raises UserError: with the sidecar's message about the search
        """
        asked = self.env.cr.cache.setdefault(("sdmk.caller", self.env.uid), {})
        if text not in asked:
            page = self.env["sdmk.sidecar"]._call(
                "POST", "/v1/health-workers/search", body={"caller": text, "limit": MOST_FOUND}, only_reads=True
            )
            asked[text] = [person["id"] for person in page["items"]]
        return asked[text]

    @api.model
    def _search(self, domain, offset=0, limit=None, order=None, **kwargs):
        texts = [
            text
            for item in Domain(domain).iter_conditions()
            if item.field_expr == "caller" and item.operator in SEARCHED_BY
            for text in _texts_of(item.value)
        ]
        if len(texts) > MOST_TEXTS:
            raise UserError(self.env._("Search for at most %(most)s people at once.", most=MOST_TEXTS))
        # Ask now, because Odoo takes an error within a field's search method for an operator that the field lacks.
        ids = [worker_id for text in texts for worker_id in self._ids_by_caller(text)]
        query = super()._search(domain, offset, limit, order, **kwargs)
        if ids and order == self._order:
            query.order = SQL("array_position(%s, %s)", ids, SQL.identifier(self._table, "id"))
        return query

    @api.depends("registration_ids.str_number", "registration_ids.profession", "registration_ids.status")
    @api.depends_context("lang")
    def _compute_licences(self):
        """List the licences, one per line. A replaced licence is omitted if there are others."""
        ranks = {status: rank for rank, (status, _label) in enumerate(STATUSES)}
        registrations = self.env["sdmk.registration"]
        statuses = dict(registrations._fields["status"]._description_selection(self.env))
        professions = dict(registrations._selection_profession())
        for record in self:
            licences = record.registration_ids.sorted(lambda licence: (ranks.get(licence.status, 99), -licence.id))
            present = licences.filtered(lambda licence: licence.status != "replaced") or licences
            record.str_numbers = "\n".join(licence.str_number or "" for licence in present)
            record.professions = "\n".join(
                professions.get(licence.profession, licence.profession or "") for licence in present
            )
            record.licence_statuses = "\n".join(statuses.get(licence.status, "") for licence in present)
            active = len(present.filtered(lambda licence: licence.status == "active"))
            record.licence_state = present and (
                "mixed" if 0 < active < len(present) else "active" if active else "ended"
            )


def _texts_of(value):
    """Return the texts of a condition; none if a value is not a text."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Collection) or isinstance(values, Mapping):
        return []
    return list(values) if all(isinstance(text, str) for text in values) else []

import logging

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.http import request
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

# A screen shows fewer people. A call that reads more is recorded.
RECORDED_ABOVE = 200
# The limit of one call, except for system administrators.
MOST_READ = 2000
# The default retention of the sidecar's disclosures.
RETENTION_DAYS = 730


class SdmkBulkRead(models.Model):
    """Records of calls that read many people at once: the user, the time, the count and the fields of the search."""

    _name = "sdmk.bulk.read"
    _inherit = "sdmk.service"
    _description = "Bulk Read"
    _log_access = False
    _order = "id desc"
    _rec_name = "login"

    read_at = fields.Datetime(string="When", required=True, readonly=True, index=True)
    login = fields.Char(string="Who", required=True, readonly=True)
    model = fields.Char(required=True, readonly=True)
    model_name = fields.Char(string="Records Of", compute="_compute_words")
    records = fields.Integer(string="How Many", required=True, readonly=True)
    way = fields.Char(string="Call", readonly=True, help="The address that was called.")
    criteria = fields.Char(readonly=True, help="Fields and operators of the search, without the values.")
    searched_fields = fields.Char(string="Searched By", compute="_compute_words")
    is_denied = fields.Boolean(string="Denied", readonly=True)

    @api.depends("model", "criteria")
    def _compute_words(self):
        """Name the model and the searched fields as the screens do."""
        models = {model.model: model.name for model in self.env["ir.model"].sudo().search([])}
        for line in self:
            line.model_name = models.get(line.model, line.model)
            labels = self.env[line.model].sudo().fields_get(attributes=["string"]) if line.model in self.env else {}
            names = [condition.split(" ")[0].split(".")[0] for condition in (line.criteria or "").split(", ")]
            known = [labels[name]["string"] for name in names if name in labels]
            line.searched_fields = ", ".join(dict.fromkeys(known)) or False

    @api.autovacuum
    def _gc_old(self):
        """Delete, once a day, records that are older than the system parameter ``sdmk.bulk_read.retention_days``."""
        given = self.env["ir.config_parameter"].sudo().get_param("sdmk.bulk_read.retention_days") or RETENTION_DAYS
        try:
            days = int(given)
        except ValueError:
            days = 0
        if days < 1:
            _logger.error("sdmk.bulk_read.retention_days is no number of days: no bulk read is deleted.")
            return
        self.env.cr.execute(
            SQL("delete from sdmk_bulk_read where read_at < now() at time zone 'UTC' - make_interval(days => %s)", days)
        )
        if self.env.cr.rowcount:
            _logger.info("%s records of bulk reads older than %s days are deleted.", self.env.cr.rowcount, days)


class SdmkReadCount(models.AbstractModel):
    """Counts the records of people that one call reads, whichever method it uses."""

    _name = "sdmk.read.count"
    _description = "Count of the Records That a Call Reads"

    @api.model
    def search_fetch(self, domain, field_names=None, offset=0, limit=None, order=None):
        self._read_so_far()["criteria"] = self._criteria_of(domain)
        return super().search_fetch(domain, field_names, offset=offset, limit=limit, order=order)

    def export_data(self, fields_to_export):
        """Record every export of any size. Odoo itself requires a group for exports that no role of SDMK has."""
        self._read_so_far()["is_export"] = True
        return super().export_data(fields_to_export)

    def _fetch_query(self, query, fields):
        # All reads of columns pass here: lists, forms, relations, names, exports and computed fields.
        # Ids alone tell nothing about a person: a form reads them to page through its lists.
        if self.env.uid == api.SUPERUSER_ID or all(field.name == "id" or field.type == "many2one" for field in fields):
            return super()._fetch_query(query, fields)
        most = self._most_read()
        if most and (query.limit is None or query.limit > most):
            # One record above the limit is enough to deny the call.
            query.limit = most + 1
        fetched = super()._fetch_query(query, fields)
        so_far = self._read_so_far()
        so_far["ids"].update(fetched._ids)
        self._count(so_far)
        return fetched

    @api.model
    def _read_group(self, domain, groupby=(), aggregates=(), having=(), offset=0, limit=None, order=None):
        groups = super()._read_group(domain, groupby, aggregates, having, offset, limit, order)
        return self._counted_groups(domain, groups)

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        sets = super()._read_grouping_sets(domain, grouping_sets, aggregates, order)
        for groups in sets:
            self._counted_groups(domain, groups)
        return sets

    @api.model
    def _counted_groups(self, domain, groups):
        """Count each group as a record, or, if it lists values, each value."""
        if self.env.uid != api.SUPERUSER_ID and groups:
            so_far = self._read_so_far()
            so_far["criteria"] = self._criteria_of(domain)
            listed = sum(
                max((len(value) for value in group if isinstance(value, (list, tuple))), default=1) for group in groups
            )
            so_far["groups"] = max(so_far["groups"], listed)
            self._count(so_far)
        return groups

    @api.model
    def _read_so_far(self):
        """Return the counts of records of this model that this transaction has read for its user."""
        key = ("sdmk.read.count", self._name, self.env.uid)
        empty = {"ids": set(), "groups": 0, "criteria": "", "is_export": False, "record": None, "recorded": 0}
        return self.env.cr.cache.setdefault(key, empty)

    @api.model
    def _count(self, so_far):
        """Record a call that reads many, and deny one that reads too many.

        :raises AccessError: above the limit
        """
        count = max(len(so_far["ids"]), so_far["groups"])
        most = self._most_read()
        is_denied = bool(most) and count > most
        if count > so_far["recorded"] and (count > RECORDED_ABOVE or so_far["is_export"]):
            self._record(so_far, count, is_denied)
        if is_denied:
            raise AccessError(
                self.env._(
                    "One call reads at most %(most)s health workers, registrations or rejected rows. Narrow your"
                    " search. A system administrator may read more.",
                    most=most,
                )
            )

    @api.model
    def _most_read(self):
        """Return how many records the user may read with one call, or None."""
        return None if self.env.user.has_group("base.group_system") else MOST_READ

    @api.model
    def _record(self, so_far, count, is_denied):
        # In a separate transaction, because a call that is denied or only reads commits nothing.
        with self.env.registry.cursor() as cr:
            if so_far["record"] is None:
                cr.execute(
                    SQL(
                        "insert into sdmk_bulk_read (read_at, login, model, records, way, criteria, is_denied)"
                        " values (now() at time zone 'UTC', %s, %s, %s, %s, %s, %s) returning id",
                        self.env.user.login,
                        self._name,
                        count,
                        request.httprequest.path[:200] if request else None,
                        so_far["criteria"],
                        is_denied,
                    )
                )
                so_far["record"] = cr.fetchone()[0]
            else:
                cr.execute(
                    SQL(
                        "update sdmk_bulk_read set records = %s, is_denied = %s where id = %s",
                        count,
                        is_denied,
                        so_far["record"],
                    )
                )
        so_far["recorded"] = count

    @api.model
    def _criteria_of(self, domain):
        """Return the fields and operators of a domain, without its values: they may be a person's name or number."""
        conditions = Domain(domain).iter_conditions()
        return ", ".join(dict.fromkeys(f"{item.field_expr} {item.operator}" for item in conditions))[:500]

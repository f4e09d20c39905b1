import io
import json

import psycopg2
from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

# For more ids than this, the list is not sent: screens just reload.
TOLD_IDS = 100
# A table of a payload without rows.
NOTHING = {"columns": ["id", "version"], "rows": ""}
# Bytes that are sent to PostgreSQL at a time.
COPY_SIZE = 1 << 16


class SdmkMirror(models.AbstractModel):
    """Base of the records that mirror the sidecar's database. Only the sidecar writes them.

    A record has the same id as in the sidecar, and a version that rises with each change. A row that is not newer than
    the stored one changes nothing, so rows may arrive twice, late or in any order. A deleted record stays as an
    archived row without content, so that an older row that arrives later cannot restore it.
    """

    _name = "sdmk.mirror"
    _inherit = "sdmk.service"
    _description = "Mirror of a record of SDMK"

    # Names and SQL types of the columns in the payload, without id and version.
    _mirror_columns: dict[str, str] = {}
    # Comparison and repair work on ranges of this column.
    _mirror_block = "id"
    # Condition for rows that the sidecar also has. The other rows stand for deleted records.
    _mirror_present = "active"

    @api.model
    def _receive(self, payload, models_by_key):
        """Store the tables of a payload, in the order of the models.

        :param str payload: JSON text, as contracts/odoo describes
        :param dict models_by_key: the model of each table in the payload
        :return: for each table, the number of rows that were newer than the stored ones
        :rtype: dict
        """
        told = self._read_call(payload, "repair", *models_by_key)
        between = self._read_range(told["repair"]) if "repair" in told else None
        counts = {}
        for key, name in models_by_key.items():
            model = self.env[name].sudo()
            # The range of people counts for their registrations as well. Each other kind is repaired alone.
            is_meant = between is not None and (key in told["repair"] or "active" in model._mirror_columns)
            counts[key] = model._store(told.get(key, NOTHING), between if is_meant else None)
        return counts

    @api.model
    def _read_range(self, repair):
        match list(repair.values()) if isinstance(repair, dict) else None:
            case [[int(first), int(last)]]:
                return first, last
        raise self._no_payload()

    @api.model
    def _store(self, table, between=None):
        """Store the rows that are newer than the stored ones, and return their number.

        :param dict table: ``columns``, and ``rows`` in COPY's text format
        :param tuple between: first and last of a range that the rows contain completely. They then replace stored rows
            regardless of the version, and all other rows of the range are deleted
        """
        told = self._copy_in(table)
        columns = ("version", *self._mirror_columns)
        # Rows that are not newer are left out before the insert, because `on conflict` would lock each of them. The
        # subquery looks up each row in the index, while a join might read the whole table. If a record appears twice,
        # the newer version counts. Rows are sorted by id, so that two calls with common rows cannot deadlock.
        self.env.cr.execute(
            SQL(
                """
                insert into %(table)s (id, %(names)s)
                select distinct on (id) id, %(names)s from %(told)s
                where %(is_repair)s
                    or (select k.version >= %(told)s.version from %(table)s k where k.id = %(told)s.id) is not true
                order by id, version desc
                on conflict (id) do update set %(changes)s
                where %(table)s.version < excluded.version or %(is_repair)s
                returning id
                """,
                table=SQL.identifier(self._table),
                told=told,
                names=SQL(", ").join(SQL.identifier(name) for name in columns),
                changes=SQL(", ").join(
                    SQL("%s = excluded.%s", SQL.identifier(name), SQL.identifier(name)) for name in columns
                ),
                is_repair=between is not None,
            )
        )
        stored = [record_id for (record_id,) in self.env.cr.fetchall()]
        if between is not None:
            self._drop_others(told, between)
        # Another call in this transaction may create the table again.
        self.env.cr.execute(SQL("drop table %s", told))
        self.invalidate_model()
        if stored:
            self._tell_screens(stored)
        return len(stored)

    @api.model
    def _copy_in(self, table):
        """Copy the rows of a table into a temporary one, and return its name.

        Columns that the table lacks are null in all rows.

        :rtype: SQL
        :raises ValidationError: if these are not rows of this model; the message does not repeat their content
        """
        # The version is copied as a bigint, because a double accepts infinity, and no later version would be newer.
        types = {"id": "int not null", "version": "bigint not null", **self._mirror_columns}
        match table:
            case {"columns": [*columns], "rows": str(rows), **others} if not others:
                pass
            case _:
                raise self._no_payload()
        if not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
            raise self._no_payload()
        if not {"id", "version"} <= set(columns):
            raise ValidationError(self.env._("Rows of SDMK come with their ids and versions; these do not."))
        if not set(columns) <= set(types):
            raise ValidationError(self.env._("SDMK sends columns that are unknown here. Are the addons too old?"))
        told = SQL.identifier(f"{self._table}_told")
        self.env.cr.execute(
            SQL(
                "create temp table %s (%s) on commit drop",
                told,
                SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in types.items()),
            )
        )
        copy = SQL("copy %s (%s) from stdin", told, SQL(", ").join(map(SQL.identifier, columns)))
        try:
            self.env.cr.copy_expert(copy.code, io.BytesIO(rows.encode()), COPY_SIZE)
        except (psycopg2.DataError, psycopg2.IntegrityError, UnicodeEncodeError):
            # Without the cause, because PostgreSQL's message repeats the line.
            raise ValidationError(self.env._("Rows of SDMK cannot be read.")) from None
        # COPY stops at an end marker within the data, and ignores the lines after it.
        if self.env.cr.rowcount != rows.count("\n"):
            raise ValidationError(self.env._("Rows of SDMK cannot be read."))
        return told

    @api.model
    def _tell_screens(self, ids):
        """Notify the screens of operators, after the commit, that these records may have changed."""
        told = {"model": self._name, "ids": ids if len(ids) <= TOLD_IDS else None}
        self.env["bus.bus"]._sendone(self.env.ref("sdmk_core.group_sdmk_auditor"), "sdmk.mirror/changed", told)

    @api.model
    def _drop_others(self, told, between):
        """Remove the records of a range that are not in the payload.

        A record that can be archived is emptied and archived. The others are deleted: the sidecar never deletes one, so
        only a restore of its database leaves some here.
        """
        first, last = between
        table = SQL.identifier(self._table)
        condition = SQL(
            "%(block)s between %(first)s and %(last)s"
            " and not exists (select from %(told)s where %(told)s.id = %(table)s.id)",
            block=SQL.identifier(self._mirror_block),
            first=first,
            last=last,
            told=told,
            table=table,
        )
        if "active" not in self._mirror_columns:
            self.env.cr.execute(SQL("delete from %s where %s", table, condition))
            return
        changes = SQL(", ").join(
            SQL("%s = null", SQL.identifier(name)) for name in self._mirror_columns if name != "active"
        )
        self.env.cr.execute(
            SQL(
                "update %s set active = false, %s where %s and %s",
                table,
                changes,
                SQL(self._mirror_present),
                condition,
            )
        )

    @api.model
    def _compare(self, payload, models_by_key):
        """Return summaries of the stored records, by block of ids, as JSON text: XML-RPC has no integers above 31 bits.

        :param str payload: ``{"block": 5000}``, the number of ids in one block
        """
        self._read_call("{}")
        size = int(json.loads(payload)["block"])
        blocks = {}
        for key, name in models_by_key.items():
            model = self.env[name].sudo()
            self.env.cr.execute(
                SQL(
                    """
                    select jsonb_build_object('block', %(block)s / %(size)s, 'count', count(*),
                        'version', max(version)::bigint,
                        'hash', sum(
                            ('x' || left(md5(jsonb_strip_nulls(to_jsonb(r))::text), 8))::bit(32)::bigint
                        )::bigint)
                    from (select id, version, %(columns)s from %(table)s where %(condition)s) r
                    group by %(block)s / %(size)s
                    """,
                    block=SQL.identifier(model._mirror_block),
                    size=SQL(str(size)),
                    columns=SQL(", ").join(
                        # In the format of a payload.
                        SQL("to_char(%(name)s, 'YYYY-MM-DD HH24:MI:SS') as %(name)s", name=SQL.identifier(name))
                        if kind == "timestamp"
                        else SQL.identifier(name)
                        for name, kind in model._mirror_columns.items()
                    ),
                    table=SQL.identifier(model._table),
                    condition=SQL(model._mirror_present if "active" in model._mirror_columns else "true"),
                )
            )
            blocks[key] = [row for (row,) in self.env.cr.fetchall()]
        return json.dumps(blocks)

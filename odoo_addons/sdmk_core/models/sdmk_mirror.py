import io
import json

import psycopg2
from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

# Above, a screen rather looks again than through the list.
TOLD_IDS = 100
# A table of a payload that holds no row.
NOTHING = {"columns": ["id", "version"], "rows": ""}
# Bytes that are handed to PostgreSQL at a time.
COPY_SIZE = 1 << 16


class SdmkMirror(models.AbstractModel):
    """What the records of the sidecar's database have in common here: they are written by it alone.

    A record has the id that it has there, and a version that rises with each change. A row that is not newer than
    what is stored changes nothing, so rows may come twice, late or in any order. Of a record that is gone an archived
    line stays, without any content: an older row that comes later finds it and brings nothing back.
    """

    _name = "sdmk.mirror"
    _inherit = "sdmk.service"
    _description = "Mirror of a record of SDMK"

    # Names and SQL types of the columns that a row of the payload fills, beside id and version.
    _mirror_columns: dict[str, str] = {}
    # The column by whose ranges both sides are compared and repaired.
    _mirror_block = "id"
    # Which rows the sidecar has as well. The others stand for records that are gone.
    _mirror_present = "active"

    @api.model
    def _receive(self, payload, models_by_key):
        """Store the tables of a payload, in the order of the models.

        :param str payload: JSON text, as contracts/odoo describes
        :param dict models_by_key: the model that each table of the payload belongs to
        :return: by table, how many of its rows were newer than what was stored
        :rtype: dict
        """
        told = self._read_call(payload, "repair", *models_by_key)
        between = self._read_range(told["repair"]) if "repair" in told else None
        return {
            key: self.env[model].sudo()._store(told.get(key, NOTHING), between) for key, model in models_by_key.items()
        }

    @api.model
    def _read_range(self, repair):
        match list(repair.values()) if isinstance(repair, dict) else None:
            case [[int(first), int(last)]]:
                return first, last
        raise self._no_payload()

    @api.model
    def _store(self, table, between=None):
        """Store the rows that are newer than what is there, and return how many they were.

        :param dict table: ``columns``, and ``rows`` as COPY's text format has them
        :param tuple between: first and last of a range of which the rows are all that there is: then they count
            whatever their versions, and what is here beyond them goes
        """
        told = self._copy_in(table)
        columns = ("version", *self._mirror_columns)
        # What is known already is left out before anything is written: `on conflict` would lock each such row. The
        # subquery is one look into the index for each row told, where a join may read the whole table. Of one record
        # that stands twice the newer version counts. Sorted by id: two calls that share rows then wait for each other
        # and cannot deadlock.
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
        if between is not None and "active" in self._mirror_columns:
            self._drop_others(told, between)
        # There may be another call in this transaction.
        self.env.cr.execute(SQL("drop table %s", told))
        self.invalidate_model()
        if stored:
            self._tell_screens(stored)
        return len(stored)

    @api.model
    def _copy_in(self, table):
        """Copy the rows of a table into a temporary one, and return its name.

        A column that is not told is null in all of them.

        :rtype: SQL
        :raises ValidationError: where they are no rows of this model; what they hold is not repeated
        """
        # As a bigint, since a double would also take infinity, above which no version comes.
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
            raise ValidationError(self.env._("SDMK tells of columns that are not known here. Are the addons too old?"))
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
            # Not as the cause: PostgreSQL repeats the line.
            raise ValidationError(self.env._("Rows of SDMK cannot be read.")) from None
        # COPY ends at a line that says so, whatever follows.
        if self.env.cr.rowcount != rows.count("\n"):
            raise ValidationError(self.env._("Rows of SDMK cannot be read."))
        return told

    @api.model
    def _tell_screens(self, ids):
        """Let the screens of operators know, once the rows are committed, that these records may have changed."""
        told = {"model": self._name, "ids": ids if len(ids) <= TOLD_IDS else None}
        self.env["bus.bus"]._sendone(self.env.ref("sdmk_core.group_sdmk_auditor"), "sdmk.mirror/changed", told)

    @api.model
    def _drop_others(self, told, between):
        """Empty and archive the records of a range that are not among those told."""
        first, last = between
        self.env.cr.execute(
            SQL(
                "update %(table)s set active = false, %(changes)s"
                " where %(block)s between %(first)s and %(last)s and %(present)s"
                " and not exists (select from %(told)s where %(told)s.id = %(table)s.id)",
                table=SQL.identifier(self._table),
                changes=SQL(", ").join(
                    SQL("%s = null", SQL.identifier(name)) for name in self._mirror_columns if name != "active"
                ),
                block=SQL.identifier(self._mirror_block),
                present=SQL(self._mirror_present),
                first=first,
                last=last,
                told=told,
            )
        )

    @api.model
    def _compare(self, payload, models_by_key):
        """Return what is here, counted in blocks of ids, as JSON text: XML-RPC has no integers above 31 bits.

        :param str payload: ``{"block": 5000}``, the ids of one block
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
                        # As a payload has it.
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

import json

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

# Above, a screen rather looks again than through the list.
TOLD_IDS = 100


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

    @api.model
    def _receive(self, payload, models_by_key):
        """Store the rows of a payload, in the order of the models.

        :param str payload: JSON text, as contracts/odoo describes
        :param dict models_by_key: the model that each list of the payload belongs to
        :return: by list, how many of its rows were newer than what was stored
        :rtype: dict
        """
        lists, repair = self._read_call(payload, *models_by_key)
        try:
            rows = {key: self._newest(lists[key]) for key in models_by_key}
            between = next(iter(repair.values()), None)
        except (KeyError, TypeError) as error:
            raise ValidationError(self.env._("This is not a payload of SDMK.")) from error
        return {key: self.env[model].sudo()._store(rows[key], between) for key, model in models_by_key.items()}

    @api.model
    def _newest(self, rows):
        """Of one record that stands twice the newer version counts: one statement cannot touch a row twice."""
        newest = {}
        for row in rows:
            known = newest.setdefault(row["id"], row)
            if known["version"] < row["version"]:
                newest[row["id"]] = row
        return list(newest.values())

    @api.model
    def _store(self, rows, between=None):
        """Store the rows that are newer than what is there, and return how many they were.

        :param list between: first and last of a range of which the rows are all that there is: then they count whatever
            their versions, and what is here beyond them goes
        """
        columns = {"version": "float8", **self._mirror_columns}
        names = SQL(", ").join(SQL.identifier(name) for name in columns)
        # Sorted by id: two calls that share rows then wait for each other and cannot deadlock.
        self.env.cr.execute(
            SQL(
                """
                insert into %(table)s (id, %(names)s)
                select id, %(names)s from jsonb_to_recordset(%(rows)s::jsonb) as r (id int, %(types)s) order by id
                on conflict (id) do update set %(changes)s
                where %(table)s.version < excluded.version or %(is_repair)s
                """,
                table=SQL.identifier(self._table),
                names=names,
                rows=json.dumps(rows),
                types=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in columns.items()),
                changes=SQL(", ").join(
                    SQL("%s = excluded.%s", SQL.identifier(name), SQL.identifier(name)) for name in columns
                ),
                is_repair=between is not None,
            )
        )
        stored = self.env.cr.rowcount
        if between is not None and "active" in self._mirror_columns:
            self._drop_others(rows, between)
        self.invalidate_model()
        if stored:
            self._tell_screens([row["id"] for row in rows])
        return stored

    @api.model
    def _tell_screens(self, ids):
        """Let the screens of operators know, once the rows are committed, that these records may have changed."""
        told = {"model": self._name, "ids": ids if len(ids) <= TOLD_IDS else None}
        self.env["bus.bus"]._sendone(self.env.ref("sdmk_core.group_sdmk_auditor"), "sdmk.mirror/changed", told)

    @api.model
    def _drop_others(self, rows, between):
        """Empty and archive the records of a range that are not among these rows."""
        first, last = between
        self.env.cr.execute(
            SQL(
                "update %(table)s set active = false, %(changes)s"
                " where %(block)s between %(first)s and %(last)s and active and id <> all (%(ids)s)",
                table=SQL.identifier(self._table),
                changes=SQL(", ").join(
                    SQL("%s = null", SQL.identifier(name)) for name in self._mirror_columns if name != "active"
                ),
                block=SQL.identifier(self._mirror_block),
                first=first,
                last=last,
                ids=[row["id"] for row in rows],
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
                        'hash', sum(('x' || left(md5(jsonb_strip_nulls(to_jsonb(r))::text), 8))::bit(32)::bigint)::bigint)
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
                    condition=SQL("active" if "active" in model._mirror_columns else "true"),
                )
            )
            blocks[key] = [row for (row,) in self.env.cr.fetchall()]
        return json.dumps(blocks)

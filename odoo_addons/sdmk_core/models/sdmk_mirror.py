import json

from odoo import api, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL


class SdmkMirror(models.AbstractModel):
    """What the records of the sidecar's database have in common here: they are written by it alone.

    A record has the id that it has there, and a version that rises with each change. A row that is not newer than
    what is stored changes nothing, so rows may come twice, late or in any order.
    """

    _name = "sdmk.mirror"
    _description = "Mirror of a record of SDMK"

    # Names and SQL types of the columns that a row of the payload fills, beside id and version.
    _mirror_columns: dict[str, str] = {}

    @api.model
    def _receive(self, payload, models_by_key):
        """Store the rows of a payload, in the order of the models.

        :param str payload: JSON text, as contracts/odoo describes
        :param dict models_by_key: the model that each list of the payload belongs to
        :return: by list, how many of its rows were newer than what was stored
        :rtype: dict
        :raises AccessError: where the caller is not the service account
        :raises ValidationError: where the text is no such payload
        """
        if not self.env.user.has_group("sdmk_core.group_sdmk_service"):
            raise AccessError(self.env._("Only the service account of SDMK may write here."))
        try:
            lists = json.loads(payload)
            rows = {key: self._newest(lists.pop(key, [])) for key in models_by_key}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValidationError(self.env._("This is not a payload of SDMK.")) from error
        if lists:
            raise ValidationError(self.env._("This is not a payload of SDMK."))
        return {key: self.env[model].sudo()._store(rows[key]) for key, model in models_by_key.items()}

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
    def _store(self, rows):
        """Store the rows that are newer than what is there, and return how many they were."""
        columns = {"version": "float8", **self._mirror_columns}
        names = SQL(", ").join(SQL.identifier(name) for name in columns)
        # Sorted by id: two calls that share rows then wait for each other and cannot deadlock.
        self.env.cr.execute(
            SQL(
                """
                insert into %(table)s (id, %(names)s)
                select id, %(names)s from jsonb_to_recordset(%(rows)s::jsonb) as r (id int, %(types)s) order by id
                on conflict (id) do update set %(changes)s
                where %(table)s.version < excluded.version
                """,
                table=SQL.identifier(self._table),
                names=names,
                rows=json.dumps(rows),
                types=SQL(", ").join(SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in columns.items()),
                changes=SQL(", ").join(
                    SQL("%s = excluded.%s", SQL.identifier(name), SQL.identifier(name)) for name in columns
                ),
            )
        )
        self.invalidate_model()
        return self.env.cr.rowcount

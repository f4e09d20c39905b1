import json

from odoo import api, models
from odoo.tools import SQL


class SdmkCatalogue(models.AbstractModel):
    """Texts of a release of the sidecar, in all of its languages."""

    _name = "sdmk.catalogue"
    _inherit = "sdmk.service"
    _description = "Words of the SDMK Sidecar"

    # Names and SQL types of an entry's columns, without its code. Texts in several languages are jsonb.
    _catalogue_columns: dict[str, str] = {}

    @api.model
    def _receive_words(self, payload, key):
        """Store the entries of a payload by their codes. Only a repair removes entries that the payload lacks.

        :param str payload: JSON text, as contracts/odoo describes
        :return: number of entries that were added, changed or removed
        :rtype: int
        """
        rows, is_repair = self._read_rows(payload, key)
        if not all(isinstance(row.get("code"), str) for row in rows):
            raise self._no_payload()
        table = SQL.identifier(self._table)
        columns = [SQL.identifier(name) for name in self._catalogue_columns]
        self.env.cr.execute(
            SQL(
                """
                insert into %(table)s (code, %(names)s)
                select code, %(names)s from jsonb_to_recordset(%(rows)s::jsonb) as r (code varchar, %(types)s)
                order by code
                on conflict (code) do update set %(changes)s
                where (%(present)s) is distinct from (%(given)s)
                """,
                table=table,
                names=SQL(", ").join(columns),
                rows=json.dumps(rows),
                types=SQL(", ").join(
                    SQL("%s %s", SQL.identifier(name), SQL(kind)) for name, kind in self._catalogue_columns.items()
                ),
                changes=SQL(", ").join(SQL("%s = excluded.%s", column, column) for column in columns),
                present=SQL(", ").join(SQL("%s.%s", table, column) for column in columns),
                given=SQL(", ").join(SQL("excluded.%s", column) for column in columns),
            )
        )
        changed = self.env.cr.rowcount
        if is_repair:
            codes = [row["code"] for row in rows]
            self.env.cr.execute(SQL("delete from %s where code <> all (%s::varchar[])", table, codes))
            changed += self.env.cr.rowcount
        self.invalidate_model()
        return changed

    @api.model
    def _selection(self, *kinds):
        """Return the entries as the values of a selection field, in the user's language."""
        domain = [("kind", "in", kinds)] if kinds else []
        return [(entry.code, entry.name) for entry in self.sudo().search(domain)]

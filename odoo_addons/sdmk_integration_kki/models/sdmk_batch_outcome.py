from odoo import fields, models
from odoo.tools import SQL

OUTCOMES = [
    ("created", "Created"),
    ("linked", "Linked"),
    ("updated", "Updated"),
    ("unchanged", "Unchanged"),
    ("superseded", "Superseded"),
    ("rejected", "Rejected"),
]


class SdmkBatchOutcome(models.Model):
    """Outcomes of the rows of applied batches, one record per batch and outcome, for graphs and pivots."""

    _name = "sdmk.batch.outcome"
    _description = "Outcome Details"
    _auto = False
    _order = "finished_at desc, batch_id"

    batch_id = fields.Many2one("sdmk.batch", readonly=True)
    kind = fields.Selection(related="batch_id.kind")
    finished_at = fields.Datetime(string="Day", readonly=True)
    outcome = fields.Selection(OUTCOMES, readonly=True)
    rows = fields.Integer(readonly=True)

    @property
    def _table_query(self):
        return SQL(
            """
            select b.id * 8 + o.place as id, b.id as batch_id, b.finished_at, o.outcome, o.rows
            from sdmk_batch b, lateral (values
                (0, 'created', b.created), (1, 'linked', b.linked), (2, 'updated', b.updated),
                (3, 'unchanged', b.unchanged), (4, 'superseded', b.superseded), (5, 'rejected', b.rejected)
            ) o (place, outcome, rows)
            where b.state = 'applied' and b.kind not in ('clock', 'check') and o.rows > 0
            """
        )

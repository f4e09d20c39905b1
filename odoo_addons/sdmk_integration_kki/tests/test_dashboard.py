import datetime

from odoo import fields
from odoo.tests import tagged

from .common import KkiCase


@tagged("post_install", "-at_install")
class TestDashboard(KkiCase):
    def setUp(self):
        super().setUp()
        self.env.cr.execute("delete from sdmk_rejection; delete from sdmk_batch")
        now = fields.Datetime.now()
        today = {"created_at": str(now), "finished_at": str(now)}
        yesterday = {key: str(now - datetime.timedelta(days=1)) for key in today}
        self.tell_words()
        self.tell(
            self.batch(1, **yesterday),
            self.batch(2, **today, rejected=5),
            self.batch(3, **today, state="held"),
            self.batch(4, **today, state="failed"),
            self.batch(5, **{**today, "finished_at": None}, state="fetching", fetched=3),
            self.batch(6, **today, kind="clock", updated=900),
            rejections=[
                self.rejection(1),
                self.rejection(2, urgent=True),
                self.rejection(3, code="NAME_MISSING"),
                self.rejection(4, state="resolved"),
            ],
        )

    def figures(self, role="auditor"):
        return self.env["sdmk.dashboard"].with_user(self.users[role]).get_figures()

    def test_today_and_what_waits_is_told(self):
        figures = self.figures()
        self.assertEqual(figures["today"]["rejected"], 5)
        self.assertEqual(figures["today"]["updated"], 2, "the calendar's batch brought no rows")
        self.assertEqual([figures[key] for key in ("held", "failedToday", "open", "urgent")], [1, 1, 3, 1])
        self.assertEqual([(batch["id"], batch["progress"]) for batch in figures["running"]], [(5, 30)])

    def test_rows_of_two_weeks_are_told_by_day_and_outcome(self):
        figures = self.figures()
        self.assertEqual(len(figures["days"]), 14)
        created = next(item for item in figures["outcomes"] if item["key"] == "created")
        self.assertEqual(created["rows"][-2:], [4, 4])
        self.assertEqual(sum(created["rows"]), 8)

    def test_open_rows_are_told_by_reason_the_most_first(self):
        reasons = [(reason["label"], reason["rows"]) for reason in self.figures()["reasons"]]
        self.assertEqual(reasons, [("IDENTITY_CONFLICT name", 2), ("NAME_MISSING name", 1)])

    def test_outcomes_are_counted_for_graphs_and_pivots(self):
        groups = (
            self.env["sdmk.batch.outcome"].with_user(self.users["auditor"])._read_group([], ["outcome"], ["rows:sum"])
        )
        self.assertEqual(dict(groups)["rejected"], 7)

    def test_a_sidecar_that_is_silent_is_told_and_no_error(self):
        self.sidecar.refuse("UNAVAILABLE", 503)
        self.assertFalse(self.env["sdmk.dashboard"].with_user(self.users["auditor"]).get_sidecar()["isThere"])
        self.sidecar.answer({"nextRunDueAt": "2026-01-02T19:00:00.000Z"})
        answer = self.env["sdmk.dashboard"].with_user(self.users["auditor"]).get_sidecar()
        self.assertEqual(answer, {"isThere": True, "nextRun": "2026-01-02 19:00:00"})

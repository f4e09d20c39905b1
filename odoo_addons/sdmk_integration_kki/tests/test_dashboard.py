import datetime

import requests
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

    def test_figures_have_today_and_the_waiting_work(self):
        figures = self.figures()
        today = {row["key"]: row for row in figures["today"]}
        self.assertEqual(today["rejected"]["kki"], 5)
        self.assertEqual(today["updated"]["kki"], 2, "the calendar's batch brought no rows")
        self.assertEqual([figures[key] for key in ("held", "failedToday", "open", "urgent")], [1, 1, 3, 1])
        self.assertEqual([(batch["id"], batch["progress"]) for batch in figures["running"]], [(5, 30)])

    def test_the_rows_to_review_are_those_that_their_link_shows(self):
        self.tell(
            self.batch(9),
            rejections=[self.rejection(5, code="STR_INACTIVE", candidate_count=0)],
        )
        action = self.env.ref("sdmk_integration_kki.sdmk_rejection_open_action")
        menu = self.env.ref("sdmk_integration_kki.sdmk_rejection_action")
        self.assertEqual(action.context, menu.context, "both open with the filter Needs Work")
        shown = self.env["sdmk.rejection"].search_count([("needs_work", "=", True)])
        self.assertEqual((self.figures()["open"], shown), (3, 3), "an inactive licence of somebody unknown needs none")

    def test_rows_of_two_weeks_are_counted_by_day_and_outcome(self):
        figures = self.figures()
        self.assertEqual(len(figures["days"]), 14)
        created = next(item for item in figures["outcomes"] if item["key"] == "created")
        self.assertEqual(created["rows"][-2:], [4, 4])
        self.assertEqual(sum(created["rows"]), 8)

    def test_open_rows_are_counted_by_reason_the_most_frequent_first(self):
        reasons = [(reason["label"], reason["rows"]) for reason in self.figures()["reasons"]]
        self.assertEqual(reasons, [("IDENTITY_CONFLICT name", 2), ("NAME_MISSING name", 1)])

    def test_outcomes_are_counted_for_graphs_and_pivots(self):
        groups = (
            self.env["sdmk.batch.outcome"].with_user(self.users["auditor"])._read_group([], ["outcome"], ["rows:sum"])
        )
        self.assertEqual(dict(groups)["rejected"], 7)

    def test_rows_of_imports_are_counted_separately_from_rows_of_kki(self):
        now = str(fields.Datetime.now())
        self.tell(self.batch(7, kind="import", created=700, created_at=now, finished_at=now))
        created = next(row for row in self.figures()["today"] if row["key"] == "created")
        self.assertEqual((created["kki"], created["imported"]), (4, 700))

    def levels(self, verdict):
        return [(reason["level"], reason["href"]) for reason in verdict]

    def test_the_status_has_a_reason_with_a_link_for_each_waiting_item(self):
        settings = f"/odoo/sdmk.integration/{self.env.ref('sdmk_integration_kki.sdmk_integration_kki').id}"
        self.assertEqual(
            self.levels(self.figures()["verdict"]),
            [
                ("broken", settings),
                ("broken", "/odoo/sdmk.batch/4"),
                ("needed", "/odoo/sdmk-kki/sdmk-held-batches/3"),
                ("needed", "/odoo/sdmk-kki/sdmk-urgent-rows"),
                ("needed", "/odoo/sdmk-kki/sdmk-failed-batches"),
            ],
        )
        self.env.cr.execute("update sdmk_integration set version = 1, is_active = true")
        self.env.cr.execute("delete from sdmk_rejection; delete from sdmk_batch where state in ('held', 'failed')")
        self.env.invalidate_all()
        self.assertEqual(self.figures()["verdict"], [])
        self.env.cr.execute("update sdmk_integration set is_active = false")
        self.env.invalidate_all()
        self.assertEqual(self.levels(self.figures()["verdict"]), [("needed", settings)])

    def test_a_failed_run_is_no_reason_once_a_later_one_was_applied(self):
        self.tell(self.batch(8, **{key: str(fields.Datetime.now()) for key in ("created_at", "finished_at")}))
        self.assertNotIn("/odoo/sdmk.batch/4", [reason["href"] for reason in self.figures()["verdict"]])

    def sidecar_says(self, **given):
        answer = {
            "nextRunDueAt": "2026-01-02T19:00:00.000Z",
            "lastRunsDueAt": [],
            "changedAt": "2020-01-01T00:00:00.000Z",
            "mirror": {"waiting": 0, "failing": 0, "oldestSeconds": 0},
        }
        self.sidecar.answer({**answer, **given})
        return self.env["sdmk.dashboard"].with_user(self.users["auditor"]).get_sidecar()

    def test_a_sidecar_that_does_not_answer_is_shown_and_raises_no_error(self):
        self.sidecar.answer(requests.Timeout("slow"))
        silent = self.env["sdmk.dashboard"].with_user(self.users["auditor"]).get_sidecar()
        (reason,) = silent["verdict"]
        self.assertEqual((reason["level"], silent["isSilent"]), ("broken", True))
        self.assertRegex(reason["text"], "^The sidecar does not answer")
        self.assertLess(sum(self.sidecar.last["timeout"]), 8, "it is asked every few seconds")
        self.assertEqual(self.sidecar_says(), {"isSilent": False, "nextRun": "2026-01-02 19:00:00", "verdict": []})

    def test_a_success_is_missing_after_two_due_runs_without_one(self):
        def due(*minutes):
            now = fields.Datetime.now()
            return [(now + datetime.timedelta(minutes=minute)).isoformat() + "Z" for minute in minutes]

        self.assertEqual(self.sidecar_says(lastRunsDueAt=due(-1, -60))["verdict"], [], "the last success is of now")
        overdue = self.sidecar_says(lastRunsDueAt=due(90, 60))["verdict"]
        self.assertEqual([reason["level"] for reason in overdue], ["broken"])
        changed = due(70)[0]
        self.assertEqual(self.sidecar_says(lastRunsDueAt=due(90, 60), changedAt=changed)["verdict"], [])
        self.env.cr.execute("delete from sdmk_rejection; delete from sdmk_batch")
        self.assertIn("yet", self.sidecar_says(lastRunsDueAt=due(-1, -60))["verdict"][0]["text"])

    def test_an_old_backlog_of_messages_for_odoo_is_shown(self):
        mirror = {"waiting": 1234, "failing": 0, "oldestSeconds": 59}
        self.assertEqual(self.sidecar_says(mirror=mirror)["verdict"], [])
        (behind,) = self.sidecar_says(mirror={**mirror, "oldestSeconds": 900})["verdict"]
        self.assertIn("1,234", behind["text"])
        self.assertIn("15 minutes", behind["text"])
        self.assertEqual(self.sidecar_says(mirror=None)["verdict"], [])

    def test_the_list_behind_a_bar_has_the_counted_rows(self):
        now = fields.Datetime.now().replace(tzinfo=datetime.UTC)
        day = int(now.astimezone(self.env["sdmk.dashboard"]._zone()).strftime("%Y%m%d"))
        batches = self.env["sdmk.batch"].with_user(self.users["auditor"])
        self.assertEqual(batches.search([("applied_on", "=", day)]).ids, [2])
        self.assertEqual(batches.browse(2).applied_on, day)
        rejections = self.env["sdmk.rejection"].with_user(self.users["auditor"])
        for reason in self.figures()["reasons"]:
            code = int(reason["href"].split("/")[2])
            found = rejections.search([("state", "=", "open"), ("reason_id", "=", code)])
            self.assertEqual((len(found), set(found.mapped("code"))), (reason["rows"], {reason["key"]}))

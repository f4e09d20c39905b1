import json

from odoo.addons.sdmk_core.copy_text import copy_table
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .common import TRACE, KkiCase


@tagged("post_install", "-at_install")
class TestSync(KkiCase):
    def test_batches_and_rejected_rows_come_in_one_call(self):
        self.assertEqual(self.tell(self.batch(), rejections=[self.rejection()]), {"batches": 1, "rejections": 1})
        batch = self.env["sdmk.batch"].browse(1)
        self.assertEqual((batch.fetched, batch.duration, batch.rejection_count), (10, 30.0, 1))
        self.assertEqual(self.env["sdmk.rejection"].browse(1).last_batch_id, batch)

    def test_a_repeated_or_late_call_changes_nothing(self):
        self.tell(self.batch(version=5), rejections=[self.rejection(version=8, state="resolved")])
        for _ in range(2):
            told = self.tell(self.batch(version=5), rejections=[self.rejection(version=7)])
            self.assertEqual(told, {"batches": 0, "rejections": 0})
        self.assertEqual(self.env["sdmk.rejection"].browse(1).state, "resolved")

    def test_a_repair_deletes_what_is_beyond_of_the_repaired_kind_alone(self):
        self.tell(
            self.batch(version=9),
            self.batch(2, version=10),
            self.batch(6000),
            rejections=[self.rejection(last_batch_id=2), self.rejection(2)],
        )
        self.tell(self.batch(version=3), repair={"batches": [0, 4999]})
        batches = self.env["sdmk.batch"].search([("id", "in", (1, 2, 6000))], order="id")
        self.assertEqual([(b.id, b.version) for b in batches], [(1, 3), (6000, 1)])
        rejections = self.env["sdmk.rejection"].search([("id", "in", (1, 2))], order="id")
        self.assertEqual([r.last_batch_id.id for r in rejections], [False, 1])
        self.receive(
            "sdmk.batch", "sync_batches", rejections=copy_table([self.rejection(2)]), repair={"rejections": [0, 4999]}
        )
        self.assertEqual(rejections.exists().ids, [2])
        self.assertEqual(len(batches.exists()), 2)

    def test_progress_is_a_share_of_the_expected_rows_and_below_100_until_the_end(self):
        for version, (state, fetched, expected, progress) in enumerate(
            (
                ("queued", 0, None, 0),
                ("fetching", 5, 10, 50),
                ("fetching", 20, 10, 99),
                ("applied", 9, 10, 100),
            ),
            start=2,
        ):
            self.tell(self.batch(version=version, state=state, fetched=fetched, expected_total=expected))
            self.assertEqual(self.env["sdmk.batch"].browse(1).progress, progress, state)

    def test_codes_have_texts(self):
        self.tell_words()
        self.env["res.lang"]._activate_lang("id_ID")
        self.tell(
            self.batch(state="held", hold_reasons="DEACTIVATIONS"),
            self.batch(2, state="failed", error_code="KKI_UNAVAILABLE"),
            rejections=[self.rejection()],
        )
        held, failed = self.env["sdmk.batch"].with_context(lang="id_ID").browse((1, 2))
        self.assertEqual(held.hold_reason_ids.mapped("action"), ["DEACTIVATIONS tindakan"])
        self.assertEqual(failed.error_ids.mapped("name"), ["KKI_UNAVAILABLE nama"])
        rejection = self.env["sdmk.rejection"].with_context(lang="id_ID").browse(1)
        self.assertEqual(rejection.display_name, "IDENTITY_CONFLICT nama")
        self.assertEqual(rejection.meaning, "IDENTITY_CONFLICT arti")
        labels = dict(rejection.fields_get(["code"])["code"]["selection"])
        self.assertEqual(labels["NAME_MISSING"], "NAME_MISSING nama")

    def test_a_trace_finds_batch_rejected_row_and_worker(self):
        self.tell(self.batch(), rejections=[self.rejection()])
        self.send(self.worker(), registrations=[self.registration(trace_id=TRACE)])
        for model, view, name in (
            ("sdmk.batch", "sdmk_integration_kki.sdmk_batch_view_search", "trace_id"),
            ("sdmk.rejection", "sdmk_integration_kki.sdmk_rejection_view_search", "trace_id"),
            ("sdmk.registration", "sdmk_core.sdmk_registration_view_search", "trace_id"),
            ("sdmk.health.worker", "sdmk_core.sdmk_health_worker_view_search", "Trace ID"),
        ):
            with self.subTest(model=model):
                arch = self.env[model].get_view(self.env.ref(view).id, "search")["arch"]
                self.assertIn(name, arch)
                path = "registration_ids.trace_id" if model == "sdmk.health.worker" else "trace_id"
                found = self.env[model].with_user(self.users["auditor"]).search([(path, "=", TRACE)])
                self.assertEqual(found.ids, [1])

    def test_only_the_service_account_reads_blocks(self):
        self.tell(self.batch(), rejections=[self.rejection()])
        model = self.env["sdmk.batch"]
        with self.assertRaises(AccessError):
            model.with_user(self.users["admin"]).compare_batches('{"block": 5000}')
        blocks = json.loads(model.with_user(self.users["service"]).compare_batches('{"block": 5000}'))
        self.assertEqual([len(blocks[key]) for key in ("batches", "rejections")], [1, 1])

    def test_an_invalid_payload_is_rejected(self):
        for text in ("", "[]", '{"batches": [1]}', '{"batches": {}}', '{"others": []}'):
            with self.subTest(text=text), self.assertRaises(ValidationError):
                self.env["sdmk.batch"].with_user(self.users["service"]).sync_batches(text)

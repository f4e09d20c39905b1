from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import SdmkCase


@tagged("post_install", "-at_install")
class TestSync(SdmkCase):
    def test_rows_are_stored_under_their_ids(self):
        answer = self.send(
            self.worker(7),
            self.worker(8, name="Budi Rekaan"),
            registrations=[self.registration(3, health_worker_id=7)],
        )
        self.assertEqual(answer, {"health_workers": 2, "registrations": 1})
        worker = self.env["sdmk.health.worker"].browse(7)
        self.assertEqual((worker.name, worker.sex), ("Siti Rekaan", "female"))
        self.assertEqual(worker.registration_ids.mapped("str_number"), ["EQ00000000000001"])

    def test_only_a_newer_version_changes_anything(self):
        self.send(self.worker(version=5, name="Baru"))
        for version in (5, 4):
            answer = self.send(self.worker(version=version, name="Lama"))
            self.assertEqual(answer["health_workers"], 0)
        self.assertEqual(self.env["sdmk.health.worker"].browse(1).name, "Baru")
        self.send(self.worker(version=6, name="Terbaru"))
        self.assertEqual(self.env["sdmk.health.worker"].browse(1).name, "Terbaru")

    def test_the_same_call_twice_changes_nothing_the_second_time(self):
        rows = {"registrations": [self.registration()]}
        self.send(self.worker(), **rows)
        self.assertEqual(self.send(self.worker(), **rows), {"health_workers": 0, "registrations": 0})

    def test_of_a_record_that_stands_twice_the_newer_counts(self):
        self.send(self.worker(version=2, name="Baru"), self.worker(version=1, name="Lama"))
        self.assertEqual(self.env["sdmk.health.worker"].browse(1).name, "Baru")

    def test_a_registration_moves_to_another_person(self):
        self.send(self.worker(1), self.worker(2), registrations=[self.registration(5)])
        self.send(registrations=[self.registration(5, version=2, health_worker_id=2)])
        self.assertEqual(self.env["sdmk.health.worker"].browse(2).registration_ids.ids, [5])

    def test_what_is_no_payload_is_refused(self):
        model = self.env["sdmk.health.worker"].with_user(self.users["service"])
        for text in ("", "[]", "1", '{"health_workers": [1]}', '{"health_workers": [{}]}', '{"people": []}'):
            with self.assertRaises(ValidationError):
                model.sync_health_workers(text)

    def test_a_worker_is_found_by_str_and_by_trace_id(self):
        registration = self.registration(1, trace_id="a" * 32)
        self.send(self.worker(1), self.worker(2, name="Budi Rekaan"), registrations=[registration])
        workers = self.env["sdmk.health.worker"].with_user(self.users["auditor"])
        for field, value in (("str_number", "EQ00000000000001"), ("trace_id", "a" * 32)):
            self.assertEqual(workers.search([(f"registration_ids.{field}", "=", value)]).ids, [1])

import json

from odoo.exceptions import AccessError, ValidationError
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

    def test_a_person_who_is_gone_does_not_come_back_with_an_older_call(self):
        self.send(self.worker(1, version=4), registrations=[self.registration(1, version=5)])
        gone = [{"id": 1, "version": 9, "active": False}]
        self.send(*gone, registrations=gone)
        self.send(self.worker(1, version=4), registrations=[self.registration(1, version=5)])
        workers = self.env["sdmk.health.worker"].with_context(active_test=False)
        self.assertEqual([(w.active, w.name) for w in workers.search([("id", "=", 1)])], [(False, False)])
        self.assertFalse(self.env["sdmk.registration"].search([("id", "=", 1)]))

    def test_a_repair_counts_whatever_the_versions_and_drops_what_is_beyond(self):
        self.send(self.worker(1, version=9, name="Salah"), self.worker(2), self.worker(6000, version=3))
        payload = json.dumps({"repair": {"health_workers": [0, 4999]}, "health_workers": [self.worker(1, version=2)]})
        self.env["sdmk.health.worker"].with_user(self.users["service"]).sync_health_workers(payload)
        workers = self.env["sdmk.health.worker"].search([("id", "in", (1, 2, 6000))], order="id")
        self.assertEqual([(w.id, w.name) for w in workers], [(1, "Siti Rekaan"), (6000, "Siti Rekaan")])

    def test_blocks_are_told_with_count_version_and_a_hash_of_what_they_hold(self):
        self.env.cr.execute("delete from sdmk_health_worker")
        self.send(self.worker(1, version=7), self.worker(5001, version=8), {"id": 2, "version": 9, "active": False})
        model = self.env["sdmk.health.worker"]
        with self.assertRaises(AccessError):
            model.with_user(self.users["admin"]).compare_health_workers('{"block": 5000}')

        def ask():
            return json.loads(model.with_user(self.users["service"]).compare_health_workers('{"block": 5000}'))

        blocks = ask()
        self.assertEqual(blocks["registrations"], [])
        told = sorted((block["block"], block["count"], block["version"]) for block in blocks["health_workers"])
        self.assertEqual(told, [(0, 1, 7), (1, 1, 8)])
        self.env.cr.execute("update sdmk_health_worker set name = 'Salah' where id = 1")
        changed = {block["block"]: block for block in ask()["health_workers"]}
        unchanged = {block["block"]: block for block in blocks["health_workers"]}
        self.assertNotEqual(changed[0]["hash"], unchanged[0]["hash"])
        self.assertEqual(changed[1], unchanged[1])

    def test_professions_have_their_names_in_both_languages(self):
        rows = [{"code": "invented", "name": {"en_US": "Invented", "id_ID": "Rekaan"}}]
        model = self.env["sdmk.profession"]
        for changed in (1, 0):
            answer = model.with_user(self.users["service"]).sync_professions(json.dumps({"professions": rows}))
            self.assertEqual(answer, changed)
        self.assertIn(("invented", "Invented"), self.env["sdmk.registration"]._selection_profession())
        self.env["res.lang"]._activate_lang("id_ID")
        self.assertEqual(model.with_context(lang="id_ID").search([("code", "=", "invented")]).name, "Rekaan")

    def test_why_a_registration_is_this_person_s_is_told_in_words(self):
        self.send(self.worker(), registrations=[self.registration()])
        told = self.env["sdmk.registration"].browse(1).match_text
        self.assertEqual(told, "equal: NIK; similar: name; different: birthplace")

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

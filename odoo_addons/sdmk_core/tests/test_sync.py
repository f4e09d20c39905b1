import json
import traceback

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

    def test_if_a_record_appears_twice_the_newer_one_counts(self):
        self.send(self.worker(version=2, name="Baru"), self.worker(version=1, name="Lama"))
        self.assertEqual(self.env["sdmk.health.worker"].browse(1).name, "Baru")

    def test_a_registration_moves_to_another_person(self):
        self.send(self.worker(1), self.worker(2), registrations=[self.registration(5)])
        self.send(registrations=[self.registration(5, version=2, health_worker_id=2)])
        self.assertEqual(self.env["sdmk.health.worker"].browse(2).registration_ids.ids, [5])

    def test_an_older_call_does_not_restore_a_deleted_person(self):
        self.send(self.worker(1, version=4), registrations=[self.registration(1, version=5)])
        gone = [{"id": 1, "version": 9, "active": False}]
        self.send(*gone, registrations=gone)
        self.send(self.worker(1, version=4), registrations=[self.registration(1, version=5)])
        workers = self.env["sdmk.health.worker"].with_context(active_test=False)
        self.assertEqual([(w.active, w.name) for w in workers.search([("id", "=", 1)])], [(False, False)])
        self.assertFalse(self.env["sdmk.registration"].search([("id", "=", 1)]))

    def test_a_repair_ignores_versions_and_deletes_other_rows_of_its_range(self):
        self.send(self.worker(1, version=9, name="Salah"), self.worker(2), self.worker(6000, version=3))
        self.send(self.worker(1, version=2), repair={"health_workers": [0, 4999]})
        workers = self.env["sdmk.health.worker"].search([("id", "in", (1, 2, 6000))], order="id")
        self.assertEqual([(w.id, w.name) for w in workers], [(1, "Siti Rekaan"), (6000, "Siti Rekaan")])

    def test_a_block_has_a_count_a_version_and_a_hash(self):
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

    def test_the_match_of_a_registration_is_explained_in_words(self):
        self.send(self.worker(), registrations=[self.registration()])
        told = self.env["sdmk.registration"].browse(1).match_text
        rule = "Rule 6: The STR is new, and the NIK is that of this health worker."
        self.assertEqual(told, f"{rule}\nEqual: NIK.\nSimilar: name.\nDifferent: birthplace.")

    def test_every_character_arrives_unchanged(self):
        name = "Ni\tLuh \\N \\. \n\r \b 'Ayu' \"Ö\" %s ; drop table sdmk_health_worker --"
        self.send(self.worker(1, name=name), self.worker(2, name="\\N"), self.worker(3, name="\\."))
        workers = self.env["sdmk.health.worker"].browse((1, 2, 3))
        self.assertEqual(workers.mapped("name"), [name, "\\N", "\\."])

    def test_missing_values_are_empty(self):
        self.send(self.worker(1, birth_place="Bogor"))
        self.send({"id": 1, "version": 2, "active": True, "name": "Siti Rekaan"})
        self.assertFalse(self.env["sdmk.health.worker"].browse(1).birth_place)

    def test_a_call_leaves_no_table_behind(self):
        for version in (1, 2):
            self.send(self.worker(1, version=version))
        self.env.cr.execute("select relname from pg_class where relpersistence = 't' and relname like '%told'")
        self.assertEqual(self.env.cr.fetchall(), [])

    def test_screens_are_notified_of_stored_records(self):
        def told():
            self.env.cr.precommit.run()
            messages = self.env["bus.bus"].sudo().search([], order="id desc", limit=2).mapped("message")
            return [json.loads(message)["payload"] for message in reversed(messages)]

        self.send(self.worker(1), self.worker(2), registrations=[self.registration(5)])
        self.assertEqual(
            told(), [{"model": "sdmk.health.worker", "ids": [1, 2]}, {"model": "sdmk.registration", "ids": [5]}]
        )
        self.send(self.worker(1), self.worker(2, version=2))
        self.assertEqual(told()[1], {"model": "sdmk.health.worker", "ids": [2]})
        self.send(*(self.worker(record_id, version=3) for record_id in range(1, 102)))
        self.assertEqual(told()[1], {"model": "sdmk.health.worker", "ids": None})

    def test_an_invalid_payload_is_rejected(self):
        model = self.env["sdmk.health.worker"].with_user(self.users["service"])
        table = {"columns": ["id", "version"], "rows": "1\t1\n"}
        told = (
            {"people": table},
            {"health_workers": [{"id": 1, "version": 1}]},
            {"health_workers": {}},
            {"health_workers": {**table, "more": 1}},
            {"health_workers": {**table, "columns": "id, version"}},
            {"health_workers": {**table, "columns": [["id"], "version"]}},
            {"health_workers": {**table, "columns": ["id", "version", "id"], "rows": "1\t1\t1\n"}},
            {"health_workers": {**table, "rows": ["1\t1\n"]}},
            {"repair": {}},
            {"repair": [0, 4999]},
            {"repair": {"health_workers": [0]}},
            {"repair": {"health_workers": [0, "4999"]}},
            {"repair": {"health_workers": [0, 4999], "registrations": [0, 4999]}},
        )
        for text in ("", "[]", "1", None, *map(json.dumps, told)):
            with self.subTest(text=text), self.assertRaisesRegex(ValidationError, "not a payload"):
                model.sync_health_workers(text)

    def test_unknown_columns_are_rejected(self):
        for columns, says in (
            (["id", "active"], "ids and versions"),
            (["version", "name"], "ids and versions"),
            (["id", "version", "nik"], "unknown here"),
            (["id", "version", "create_uid"], "unknown here"),
            (["id", "version", 'name") from stdin; drop table sdmk_health_worker --'], "unknown here"),
        ):
            with self.subTest(columns=columns), self.assertRaisesRegex(ValidationError, says):
                self.send_lines(columns, "")

    def test_rows_that_cannot_be_read_are_rejected_and_not_repeated(self):
        columns = ["id", "version", "active", "name", "birth_date"]
        good = "1\t1\tt\tSiti Rahasia\t1990-01-01\n"
        self.assertEqual(self.send_lines(columns, good)["health_workers"], 1)
        for rows in (
            "2\t1\tt\tSiti Rahasia\n",
            "2\t1\tt\tSiti Rahasia\t1990-01-01\tmore\n",
            "2\t1\tt\tSiti Rahasia\tRahasia\n",
            "2\t1\tRahasia\tSiti\t1990-01-01\n",
            "\\N\t1\tt\tSiti Rahasia\t1990-01-01\n",
            "2\t\\N\tt\tSiti Rahasia\t1990-01-01\n",
            "2\tNaN\tt\tSiti Rahasia\t1990-01-01\n",
            "2\tinfinity\tt\tSiti Rahasia\t1990-01-01\n",
            "9999999999\t1\tt\tSiti Rahasia\t1990-01-01\n",
            "2\t1\tt\tSiti \x00 Rahasia\t1990-01-01\n",
            "2\t1\tt\tSiti \ud800 Rahasia\t1990-01-01\n",
            "2\t1\tt\tSiti Rahasia\t1990-01-01",
            "2\t1\tt\tSiti Rahasia\t1990-01-01\n\\.\n3\t1\tt\tBudi\t1990-01-01\n",
            "2\t1\tt\tSiti Rahasia\t1990-01-01\n\n",
        ):
            with self.subTest(rows=rows):
                with self.assertRaises(ValidationError) as caught:
                    self.send_lines(columns, rows)
                shown = "".join(traceback.format_exception(caught.exception))
                self.assertIn("cannot be read", shown)
                self.assertNotIn("Rahasia", shown)
        self.assertEqual(self.env["sdmk.health.worker"].search([("name", "like", "Rahasia")]).ids, [1])

    def send_lines(self, columns, rows):
        table = {"columns": columns, "rows": rows}
        return self.receive("sdmk.health.worker", "sync_health_workers", health_workers=table)

    def test_a_worker_is_found_by_str_and_by_trace_id(self):
        registration = self.registration(1, trace_id="a" * 32)
        self.send(self.worker(1), self.worker(2, name="Budi Rekaan"), registrations=[registration])
        workers = self.env["sdmk.health.worker"].with_user(self.users["auditor"])
        for field, value in (("str_number", "EQ00000000000001"), ("trace_id", "a" * 32)):
            self.assertEqual(workers.search([(f"registration_ids.{field}", "=", value)]).ids, [1])

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models.sdmk_bulk_read import MOST_READ, RECORDED_ABOVE
from .common import SdmkCase

NAME = "Siti Rekaan"


@tagged("post_install", "-at_install")
class TestBulkRead(SdmkCase):
    """An attacker with a login of Odoo reads as many records as they can."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry_enter_test_mode_cls()

    def setUp(self):
        super().setUp()
        people = [self.worker(i) for i in range(1, MOST_READ + 2)]
        licences = [self.registration(i, health_worker_id=i, str_number=f"EQ{i:014d}") for i in range(1, MOST_READ + 2)]
        self.send(*people, registrations=licences)
        # Exports of other tests are recorded in a separate transaction, so their rollback leaves the records.
        self.env.cr.execute("delete from sdmk_bulk_read")
        self._new_call()

    def _new_call(self):
        self.env.cr.cache.clear()
        self.env.invalidate_all()

    def as_role(self, role, model="sdmk.health.worker"):
        return self.env[model].with_user(self.users[role])

    def recorded(self):
        self.env["sdmk.bulk.read"].invalidate_model()
        return [
            (line.login, line.model, line.records, line.is_denied)
            for line in self.env["sdmk.bulk.read"].search([], order="id")
        ]

    def ways(self, model, count):
        """Return the ways in which a browser or program reads this many records."""
        ids = list(range(1, count + 1))
        return {
            "search_read": lambda: model.search_read([("id", "in", ids)], ["display_name", "active"]),
            "web_search_read": lambda: model.web_search_read([("id", "in", ids)], {"display_name": {}}),
            "read": lambda: model.browse(ids).read(["display_name"]),
            "web_read": lambda: model.browse(ids).web_read({"display_name": {}}),
            "name_search": lambda: model.name_search("", [("id", "in", ids)], limit=None),
        }

    def test_a_screen_of_records_is_not_recorded(self):
        for name, read in self.ways(self.as_role("auditor"), 80).items():
            self._new_call()
            with self.subTest(way=name):
                read()
                self.assertEqual(self.recorded(), [])

    def test_every_way_to_read_many_records_is_recorded(self):
        count = RECORDED_ABOVE + 1
        for model in ("sdmk.health.worker", "sdmk.registration"):
            for name, read in self.ways(self.as_role("verifier", model), count).items():
                self._new_call()
                self.env.cr.execute("delete from sdmk_bulk_read")
                with self.subTest(model=model, way=name):
                    read()
                    self.assertIn((self.users["verifier"].login, model, count, False), self.recorded())

    def test_no_role_reads_more_than_the_limit_with_one_call(self):
        for role in ("auditor", "verifier", "admin"):
            for model in ("sdmk.health.worker", "sdmk.registration"):
                for name, read in self.ways(self.as_role(role, model), MOST_READ + 1).items():
                    self._new_call()
                    self.env.cr.execute("delete from sdmk_bulk_read")
                    with self.subTest(role=role, model=model, way=name):
                        with self.assertRaisesRegex(AccessError, str(MOST_READ)):
                            read()
                        self.assertTrue(any(is_denied for *_, is_denied in self.recorded()))

    def test_small_pages_within_one_call_add_up(self):
        auditor = self.as_role("auditor")
        with self.assertRaises(AccessError):
            for first in range(1, MOST_READ + 2, 100):
                auditor.search_read([("id", ">=", first)], ["name"], limit=100, order="id")

    def test_relations_and_groups_that_list_values_count_too(self):
        auditor = self.as_role("auditor", "sdmk.registration")
        for name, read in {
            "relation": lambda: auditor.search([], limit=500).mapped("health_worker_id.name"),
            "groups": lambda: auditor.formatted_read_group([], ["str_number"], ["__count"]),
            "list": lambda: auditor.formatted_read_group([], [], ["str_number:array_agg"]),
        }.items():
            self._new_call()
            self.env.cr.execute("delete from sdmk_bulk_read")
            with self.subTest(way=name):
                try:
                    read()
                except AccessError:
                    self.assertNotEqual(name, "relation")
                self.assertTrue(self.recorded())

    def test_the_search_is_recorded_without_its_values(self):
        self.as_role("auditor").search_read(
            [("name", "ilike", NAME), ("birth_date", "=", "1990-01-01")], ["name"], limit=300
        )
        line = self.env["sdmk.bulk.read"].search([])
        self.assertEqual(line.criteria, "name ilike, birth_date =")
        self.assertFalse([value for value in line.read()[0].values() if NAME in str(value) or "1990" in str(value)])

    def test_the_list_names_models_and_fields_as_the_screens_do(self):
        domain = [("name", "ilike", NAME), ("registration_ids.str_number", "=", "EQ1")]
        self.as_role("auditor").search_read(domain[:1], ["name"], limit=300)
        line = self.env["sdmk.bulk.read"].with_user(self.users["auditor"]).search([])
        self.assertEqual((line.model_name, line.searched_fields), ("Health Worker", "Name"))
        criteria = self.as_role("auditor")._criteria_of(domain)
        self.env.cr.execute("update sdmk_bulk_read set criteria = %s", [criteria])
        line.invalidate_recordset()
        self.assertEqual(line.searched_fields, "Name, Registrations")

    def test_ids_of_related_records_are_not_recorded(self):
        self.as_role("auditor", "sdmk.registration").search_fetch([], ["health_worker_id"], limit=500)
        self.assertEqual(self.recorded(), [])

    def test_a_system_administrator_reads_all_and_is_recorded(self):
        self.users["admin"].group_ids += self.env.ref("base.group_system")
        self._new_call()
        self.assertEqual(len(self.as_role("admin").search_read([], ["name"])), MOST_READ + 1)
        self.assertEqual(self.recorded(), [(self.users["admin"].login, "sdmk.health.worker", MOST_READ + 1, False)])

    def test_an_export_of_any_size_needs_a_group_and_is_recorded(self):
        with self.assertRaises(UserError):
            self.as_role("auditor").browse(1).export_data(["name"])
        self.users["verifier"].group_ids += self.env.ref("base.group_allow_export")
        self._new_call()
        self.as_role("verifier").browse(1).export_data(["name"])
        self.assertEqual(self.recorded(), [(self.users["verifier"].login, "sdmk.health.worker", 1, False)])

    def test_auditors_see_the_records_and_nobody_changes_them(self):
        self.as_role("verifier").search_read([], ["name"], limit=300)
        log = self.env["sdmk.bulk.read"].with_user(self.users["auditor"]).search([])
        self.assertEqual(len(log), 1)
        system = self.user_without_role
        system.group_ids += self.env.ref("base.group_system")
        self.assertTrue(log.with_user(system).read(["login"]))
        with mute_logger("odoo.addons.base.models.ir_model"):
            for change in (
                lambda: log.write({"login": "x"}),
                log.unlink,
                lambda: log.sudo().write({"login": "x"}),
                lambda: log.sudo().create({"login": "x", "model": "x", "records": 1, "read_at": "2026-01-01"}),
                log.sudo().unlink,
            ):
                with self.assertRaises(AccessError):
                    change()

    def test_records_are_deleted_after_the_retention_of_the_parameter(self):
        self.env.cr.execute(
            """
            insert into sdmk_bulk_read (read_at, login, model, records)
            select now() at time zone 'UTC' - make_interval(days => age), age, 'x', 201
            from unnest(array[10, 729, 731]) age
            """
        )
        kept = self.env["sdmk.bulk.read"]
        for parameter, expected in (
            (None, ["729", "10"]),
            ("junk", ["729", "10"]),
            ("0", ["729", "10"]),
            ("30", ["10"]),
        ):
            self.env["ir.config_parameter"].set_param("sdmk.bulk_read.retention_days", parameter)
            with mute_logger("odoo.addons.sdmk_core.models.sdmk_bulk_read"):
                kept._gc_old()
            kept.invalidate_model()
            self.assertEqual(kept.search([], order="read_at").mapped("login"), expected)

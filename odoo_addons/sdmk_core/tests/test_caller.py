from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import SdmkCase
from .fake_sidecar import FakeSidecar

NIK = "3171014101900077"


@tagged("post_install", "-at_install")
class TestCaller(SdmkCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.send(
            self.worker(1, name="Ayu Rekaan"),
            self.worker(2, name="Budi Rekaan"),
            self.worker(3, name="Citra Rekaan"),
            registrations=[
                self.registration(11, health_worker_id=1, str_number="EQ00000000000011", status="replaced"),
                self.registration(12, health_worker_id=1, str_number="EQ00000000000012"),
                self.registration(21, health_worker_id=2, str_number="EQ00000000000021", status="revoked"),
                self.registration(22, health_worker_id=2, str_number="EQ00000000000022", status="active"),
                self.registration(31, health_worker_id=3, str_number="EQ00000000000031", status="expired"),
            ],
        )
        self.auditor = self.users["auditor"]

    def people(self, user="auditor"):
        return self.env["sdmk.health.worker"].with_user(self.users[user])

    def found(self, *ids):
        self.sidecar.answer({"items": [{"id": worker_id} for worker_id in ids], "next": None})

    def test_people_found_by_the_sidecar_come_in_its_order(self):
        self.found(3, 1)
        records = self.people().search([("caller", "ilike", "citra rekan")])
        self.assertEqual(records.ids, [3, 1])
        self.assertEqual(self.sidecar.last["path"], "/v1/health-workers/search")
        self.assertEqual(self.sidecar.last["json"], {"caller": "citra rekan", "limit": 100})
        self.assertEqual(self.sidecar.last["signed"]["role"], "auditor")

    def test_a_list_asks_once_for_its_rows_and_their_number(self):
        self.found(2, 1)
        page = self.people().web_search_read([("caller", "ilike", "rekaan")], {"name": {}}, limit=1)
        self.assertEqual([row["name"] for row in page["records"]], ["Budi Rekaan"])
        self.assertEqual(page["length"], 2)
        self.assertEqual(len(self.sidecar.asked), 1)

    def test_a_list_that_is_sorted_or_filtered_otherwise_stays_so(self):
        self.found(3, 1)
        self.assertEqual(self.people().search([("caller", "ilike", "rekaan")], order="name").ids, [1, 3])
        narrowed = [("caller", "ilike", "rekaan"), ("registration_ids.status", "=", "active")]
        self.assertEqual(self.people().search(narrowed).ids, [1])
        self.assertEqual(self.people().search_count([("caller", "=", "rekaan")]), 2)

    def test_nobody_is_found_if_the_sidecar_finds_nobody(self):
        self.found()
        self.assertFalse(self.people().search([("caller", "ilike", "xaverius")]))

    def test_registrations_are_found_by_the_text_of_a_caller(self):
        self.found(2)
        registrations = self.env["sdmk.registration"].with_user(self.auditor)
        self.assertEqual(registrations.search([("health_worker_id.caller", "=", "budi")]).ids, [22, 21])

    def test_a_fault_in_a_search_is_reported(self):
        self.sidecar.refuse("VALIDATION_FAILED", 400, errors=[{"field": "/body/caller", "message": "must hold more"}])
        with self.assertRaisesRegex(UserError, "Name or STR"):
            self.people().search([("caller", "ilike", "dr.")])
        self.assertEqual(len(self.sidecar.asked), 1)

    def test_a_search_for_many_people_at_once_asks_the_sidecar_for_nobody(self):
        many = ["|"] * 5 + [("caller", "ilike", f"person {number}") for number in range(6)]
        for domain in (many, [("caller", ">", "budi")]):
            self.assertDenied(self.people().search, domain)
        self.assertEqual(self.sidecar.asked, [])

    def test_a_user_without_a_role_finds_nobody(self):
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.env["sdmk.health.worker"].with_user(self.user_without_role).search([("caller", "ilike", "budi")])
        self.assertEqual(self.sidecar.asked, [])

    def test_a_list_shows_licences_without_a_query_for_each_person(self):
        people = self.people().browse([1, 2, 3])
        people.mapped("name")
        people.env.flush_all()
        # Queries for licences, their columns, names of professions, and the group that sets the limit of people.
        with self.assertQueryCount(4):
            told = [(p.str_numbers, p.licence_statuses, p.licence_state) for p in people]
        self.assertEqual(
            told,
            [
                ("EQ00000000000012", "Active", "active"),
                ("EQ00000000000022\nEQ00000000000021", "Active\nRevoked", "mixed"),
                ("EQ00000000000031", "Expired", "ended"),
            ],
        )

    def find_by_nik(self, user, reason):
        self.users[user].password = f"sdmk-{user}-password"
        self.authenticate(f"sdmk-{user}", f"sdmk-{user}-password")
        return self.url_open("/sdmk/health_worker/find_by_nik", json={"params": {"nik": NIK, "reason": reason}})

    def test_a_verifier_finds_a_nik_with_a_reason_and_no_cache_keeps_it(self):
        for answer, expected in (((2,), 2), ((), False)):
            self.found(*answer)
            response = self.find_by_nik("verifier", "a hospital asks")
            self.assertEqual(response.json()["result"], expected)
            self.assertEqual(response.headers["Cache-Control"], "no-store")
            self.assertEqual(self.sidecar.last["json"], {"nik": NIK, "reason": "a hospital asks"})

    def test_an_auditor_cannot_search_for_a_nik(self):
        with mute_logger("odoo.http"):
            response = self.find_by_nik("auditor", "look")
        self.assertEqual(response.json()["error"]["data"]["name"], "odoo.exceptions.AccessError")
        self.assertEqual(self.sidecar.asked, [])

    def test_the_history_has_sentences(self):
        empty = {
            "reason": None,
            "batch": None,
            "undone": None,
            "strNumber": None,
            "profession": None,
            "statusBefore": None,
            "statusAfter": None,
            "nameBefore": None,
            "nameAfter": None,
            "otherHealthWorkerId": None,
            "fields": [],
        }
        self.sidecar.answer(
            {
                "items": [
                    {
                        **empty,
                        "at": "2026-11-02T03:04:05.678Z",
                        "kind": "moved_away",
                        "by": "dewi",
                        "reason": "as on the card",
                        "batch": {"id": 7, "kind": "decision", "traceId": "0" * 32},
                        "strNumber": "EQ00000000000021",
                        "otherHealthWorkerId": 2,
                    },
                    {
                        **empty,
                        "at": "2026-11-01T03:04:05.678Z",
                        "kind": "edited",
                        "by": "rina",
                        "fields": ["birth_place", "nik"],
                    },
                    {
                        **empty,
                        "at": "2026-10-01T03:04:05.678Z",
                        "kind": "updated",
                        "by": "schedule",
                        "strNumber": "EQ00000000000011",
                        "statusBefore": "active",
                        "statusAfter": "revoked",
                        "fields": ["status", "source_status"],
                    },
                ],
                "isCut": False,
            }
        )
        history = self.people().browse(1).read_history()
        self.assertEqual(self.sidecar.last["path"], "/v1/health-workers/1/history")
        moved, edited, updated = history["entries"]
        self.assertEqual(moved["title"], "A licence went to another person")
        self.assertEqual(moved["other"], {"id": 2, "name": "Budi Rekaan"})
        self.assertEqual((moved["by"], moved["reason"], moved["batchId"]), ("dewi", "as on the card", 7))
        self.assertEqual(edited["title"], "Personal data was corrected by hand")
        self.assertEqual(edited["details"], [{"label": "Changed", "before": None, "after": "Birth Place, NIK"}])
        self.assertEqual(updated["by"], "By the schedule")
        self.assertIn({"label": "Status", "before": "Active", "after": "Revoked"}, updated["details"])

    def test_every_rule_of_the_matching_table_is_a_sentence(self):
        model = self.env["sdmk.registration"]
        for rule in ("0", "1", "2", "3", "5", "6", "9"):
            self.assertRegex(model._match_rule(rule), rf"^Rule {rule}: .{{20,}}\.$")

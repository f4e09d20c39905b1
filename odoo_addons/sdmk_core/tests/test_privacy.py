import json

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import ANY_JSON, SdmkCase
from .fake_sidecar import FakeSidecar

OFFICER = "data_protection_officer"
OTHERS = ("auditor", "verifier", "admin")
RESTRICTED = {"id": 1, "version": 2, "active": False, "restricted_at": "2026-11-28 03:00:00"}


@tagged("post_install", "-at_install")
class TestPrivacy(SdmkCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.send(self.worker(), registrations=[self.registration()])

    def as_role(self, role, model="sdmk.health.worker"):
        return self.env[model].with_user(self.users[role])

    def decide(self, decision, role=OFFICER, **given):
        """Make a decision like a browser: open the dialog from the form, fill it in, press the button."""
        action = getattr(self.as_role(role).browse(1), f"action_{decision}")()
        wizard = self.as_role(role, action["res_model"]).with_context(**action["context"])
        return wizard.create({"reason": "Asked by letter", **given}).action_decide()

    def test_nobody_has_the_role_by_default_not_even_administrators(self):
        group = self.env.ref("sdmk_core.group_sdmk_data_protection_officer")
        self.assertEqual(group.with_context(active_test=False).all_user_ids, self.users[OFFICER])
        self.assertFalse(self.users["admin"].has_group("sdmk_core.group_sdmk_data_protection_officer"))
        self.assertFalse(self.users[OFFICER].has_group("sdmk_core.group_sdmk_verifier"))

    def test_a_decision_goes_to_the_sidecar_with_its_reason_and_the_officer_s_role(self):
        for decision, given, sent in (
            ("restrict", {}, {}),
            ("unrestrict", {}, {}),
            ("erase", {"is_understood": True}, {"scope": "former"}),
            ("erase", {"is_understood": True, "scope": "all"}, {"scope": "all"}),
        ):
            with self.subTest(decision=decision, given=given):
                told = self.decide(decision, **given)
                self.assertEqual(told["params"]["type"], "success")
                asked = self.sidecar.last
                self.assertEqual((asked["method"], asked["path"]), ("POST", f"/v1/health-workers/1/{decision}"))
                self.assertEqual(asked["json"], {"reason": "Asked by letter", **sent})
                self.assertEqual(asked["signed"]["role"], OFFICER)

    def test_reads_of_the_officer_are_signed_with_the_role_of_an_auditor(self):
        self.as_role(OFFICER, "sdmk.sidecar")._call("GET", "/v1/runs")
        self.assertEqual(self.sidecar.last["signed"]["role"], "auditor")

    def test_an_erasure_needs_the_officer_s_confirmation_and_every_decision_a_reason(self):
        with self.assertRaises(ValidationError):
            self.decide("erase", scope="all")
        for decision in ("restrict", "unrestrict", "erase"):
            with self.subTest(decision=decision):
                self.assertDenied(lambda decision=decision: self.decide(decision, reason=False, is_understood=True))
        self.assertEqual(self.sidecar.asked, [])

    def test_no_other_role_decides_or_opens_the_dialogs(self):
        for role in (*OTHERS, "service"):
            worker = self.as_role(role).browse(1)
            for name, attack in {
                "dialog": lambda role=role: self.as_role(role, "sdmk.privacy.decision").create(
                    {"health_worker_id": 1, "decision": "restrict", "reason": "x"}
                ),
                "decision": lambda worker=worker: worker._decide("erase", {"reason": "x", "scope": "all"}),
                "whole way": lambda role=role: self.decide("restrict", role=role),
            }.items():
                with (
                    self.subTest(role=role, way=name),
                    self.assertRaises(AccessError),
                    mute_logger("odoo.addons.base.models.ir_model"),
                ):
                    attack()
        self.assertEqual(self.sidecar.asked, [])

    def test_the_officer_reveals_no_nik_and_corrects_nobody(self):
        worker = self.as_role(OFFICER).browse(1)
        with self.assertRaises(AccessError):
            worker._edit({"name": "Rekaan"})
        with self.assertRaises(AccessError):
            self.as_role(OFFICER, "sdmk.sidecar")._command("verifier", "POST", "/v1/health-workers/{}/reveal", 1)
        self.assertEqual(self.sidecar.asked, [])

    def test_an_invalid_id_is_never_part_of_an_address(self):
        for given in ANY_JSON[1:]:
            with self.subTest(id=given):
                self.assertDenied(self.as_role(OFFICER).browse([given])._decide, "restrict", {"reason": "x"})
        self.assertEqual(self.sidecar.asked, [])

    def test_a_restricted_person_keeps_a_row_with_only_the_number(self):
        gone = {"id": 1, "version": 2, "active": False}
        self.send(RESTRICTED, registrations=[gone])
        for role in (*OTHERS, OFFICER):
            self.assertFalse(self.as_role(role).search([]))
            worker = self.as_role(role).with_context(active_test=False).search([("restricted_at", "!=", False)])
            self.assertEqual(worker.display_name, "Restricted data, number 1")
            self.assertFalse(worker.name or worker.birth_date or worker.registration_ids)
        # Restricted people are archived. The menu's context and a filter of the list show them.
        action = self.env.ref("sdmk_core.sdmk_privacy_action")
        self.assertIn("'active_test': False", action.context)
        self.assertEqual(self.as_role("auditor").search([("active", "=", False), ("restricted_at", "!=", False)]).id, 1)
        self.send(self.worker(version=3), registrations=[self.registration(version=3)])
        worker = self.as_role("auditor").search([])
        self.assertEqual((worker.display_name, worker.restricted_at), ("Siti Rekaan", False))

    def test_an_erased_person_shows_the_day_and_keeps_the_licence_history(self):
        erased = {"id": 1, "version": 2, "active": True, "name": "Data dihapus", "erased_at": "2026-11-28 03:00:00"}
        self.send(erased)
        worker = self.as_role("auditor").search([("erased_at", "!=", False)])
        self.assertEqual((worker.display_name, len(worker.registration_ids)), ("Data dihapus", 1))

    def test_restricted_people_are_compared_and_repaired(self):
        model = self.env["sdmk.health.worker"].with_user(self.users["service"])

        def block():
            [found] = json.loads(model.compare_health_workers('{"block": 5000}'))["health_workers"]
            return found["count"], found["hash"]

        self.send(RESTRICTED, self.worker(2))
        count, restricted = block()
        self.assertEqual(count, 2)
        self.env.cr.execute("update sdmk_health_worker set restricted_at = null where id = 1")
        self.assertNotEqual(block(), (2, restricted))
        repair = {"health_workers": [0, 4999]}
        self.send(RESTRICTED, self.worker(2), repair=repair)
        self.assertEqual(block(), (2, restricted))
        # A person who has been deleted leaves nothing, not even the restriction.
        self.send(self.worker(2), repair=repair)
        self.env.cr.execute("select active, restricted_at from sdmk_health_worker where id = 1")
        self.assertEqual(self.env.cr.fetchone(), (False, None))

    def report(self, user, asked):
        self.users[user].password = f"sdmk-{user}-password"
        self.authenticate(f"sdmk-{user}", f"sdmk-{user}-password")
        return self.url_open("/sdmk/person_report", json={"params": {"asked": asked}})

    def test_no_cache_keeps_the_report(self):
        answer = {"healthWorkerId": 1, "page": "<!doctype html>", "candidates": []}
        self.sidecar.answer(answer)
        asked = {"str": "EQ00000000000001", "language": "id", "reason": "Asked by letter"}
        response = self.report(OFFICER, asked)
        self.assertEqual(response.json()["result"], answer)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual((self.sidecar.last["path"], self.sidecar.last["json"]), ("/v1/person-reports", asked))
        self.assertEqual(self.sidecar.last["signed"]["role"], OFFICER)

    def test_only_the_officer_gets_the_report(self):
        for role in OTHERS:
            with self.subTest(role=role), mute_logger("odoo.http"):
                response = self.report(role, {"id": 1, "reason": "look"})
                self.assertEqual(response.json()["error"]["data"]["name"], "odoo.exceptions.AccessError")
        self.assertEqual(self.sidecar.asked, [])

import re
from types import SimpleNamespace
from unittest.mock import patch

import requests
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import sdmk_sidecar
from .common import SdmkCase
from .fake_sidecar import FakeSidecar


@tagged("post_install", "-at_install")
class TestSidecar(SdmkCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.env["res.lang"]._activate_lang("id_ID")
        codes = [
            {
                "code": "PARTITION_BUSY",
                "kind": "problem",
                "name": {"en_US": "A run is under way", "id_ID": "Proses sedang berjalan"},
                "meaning": {"en_US": "One at a time.", "id_ID": "Satu per satu."},
                "action": {"en_US": "Wait.", "id_ID": "Tunggu."},
            }
        ]
        self.receive("sdmk.code", "sync_codes", codes=codes)

    def call(self, user="admin", **given):
        return self.env["sdmk.sidecar"].with_user(self.users[user])._call("GET", "/v1/runs", **given)

    def test_a_call_carries_who_asks_and_an_id(self):
        self.call()
        headers = self.sidecar.last["headers"]
        self.assertEqual(headers["X-Actor"], "sdmk-admin")
        self.assertEqual(headers["Authorization"], "Bearer sdmk_key")
        self.assertTrue(re.fullmatch(r"odoo-[0-9a-f-]{36}", headers["X-Request-ID"]))

    def test_a_call_goes_on_with_the_trace_of_the_request_and_begins_one_where_there_is_none(self):
        given = f"00-{'a' * 32}-{'b' * 16}-01"
        for header, goes_on in ((given, True), (None, False), (f"00-{'0' * 32}-{'b' * 16}-01", False), ("x", False)):
            with self.subTest(header=header):
                headers = {"traceparent": header} if header else {}
                answered = SimpleNamespace(httprequest=SimpleNamespace(headers=headers))
                with patch.object(sdmk_sidecar, "request", answered):
                    self.call()
                sent = self.sidecar.last["headers"]["traceparent"]
                self.assertEqual(sent == given, goes_on)
                self.assertRegex(sent, r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$")
        # A scheduled action answers no request.
        self.call()
        self.assertRegex(self.sidecar.last["headers"]["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")

    def test_a_problem_is_told_in_the_language_of_the_operator_with_the_request(self):
        self.sidecar.refuse("PARTITION_BUSY")
        with self.assertRaises(UserError) as told:
            self.env["sdmk.sidecar"].with_context(lang="id_ID")._call("GET", "/v1/runs")
        self.assertEqual(str(told.exception).splitlines()[:3], ["Proses sedang berjalan", "Satu per satu.", "Tunggu."])
        self.assertIn("r-1", str(told.exception))

    def test_a_field_at_fault_is_named_as_the_screen_names_it(self):
        self.sidecar.refuse("VALIDATION_FAILED", 400, errors=[{"field": "/body/schedule", "message": "must be cron"}])
        with self.assertRaisesRegex(UserError, "Schedule"):
            self.call()

    def test_a_sidecar_that_is_silent_is_told_with_the_request(self):
        for failure in (requests.ConnectionError("gone"), requests.Timeout("slow")):
            self.sidecar.answer(failure)
            with self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"):
                self.call()

    def test_without_an_address_nothing_is_called(self):
        self.env["ir.config_parameter"].set_param("sdmk.sidecar.url", "")
        with self.assertRaises(UserError):
            self.call()
        self.assertEqual(self.sidecar.asked, [])

    def test_an_order_needs_its_role(self):
        sidecar = self.env["sdmk.sidecar"]
        for user, role, may in (
            ("auditor", "verifier", False),
            ("auditor", "admin", False),
            ("verifier", "admin", False),
            ("verifier", "verifier", True),
            ("admin", "admin", True),
            ("admin", "verifier", True),
        ):
            with self.subTest(user=user, role=role):
                if may:
                    sidecar.with_user(self.users[user])._command(role, "POST", "/v1/x")
                else:
                    with self.assertRaises(AccessError):
                        sidecar.with_user(self.users[user])._command(role, "POST", "/v1/x")
        self.assertEqual(len(self.sidecar.asked), 3)

    def test_a_correction_is_shown_at_once_as_the_sidecar_stored_it(self):
        self.send(self.worker(version=7))
        self.sidecar.answer(
            {
                "id": 1,
                "version": 12,
                "name": "Siti Benar",
                "titlePrefix": "dr.",
                "titleSuffix": None,
                "nikMasked": "**************77",
                "birthPlace": "Bogor",
                "birthDate": "1990-01-01",
                "sex": "female",
                "sources": {
                    "name": {"source": "sdmk"},
                    "nik": None,
                    "birthPlace": None,
                    "birthDate": None,
                    "sex": None,
                },
            }
        )
        worker = self.env["sdmk.health.worker"].with_user(self.users["admin"]).browse(1)
        form = (
            self.env["sdmk.health.worker.edit"]
            .with_user(self.users["admin"])
            .with_context(**worker.action_edit()["context"])
        )
        form.create({"name": "Siti Benar", "reason": "as on the certificate"}).action_save()
        self.assertEqual(self.sidecar.last["headers"]["If-Match"], '"7"')
        self.assertEqual(self.sidecar.last["json"], {"name": "Siti Benar", "reason": "as on the certificate"})
        self.assertEqual((worker.name, worker.name_source, worker.version), ("Siti Benar", "sdmk", 12))

    def test_a_correction_is_not_for_a_verifier(self):
        self.send(self.worker())
        with self.assertRaises(AccessError):
            self.env["sdmk.health.worker"].with_user(self.users["verifier"]).browse(1)._edit({"name": "Siti"})
        self.assertEqual(self.sidecar.asked, [])

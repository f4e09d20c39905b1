from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import SdmkCase
from .fake_sidecar import FakeSidecar

NIK = "3171014101900077"


@tagged("post_install", "-at_install")
class TestNik(SdmkCase, HttpCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.send(self.worker())

    def ask(self, user, path, **params):
        self.users[user].password = f"sdmk-{user}-password"
        self.authenticate(f"sdmk-{user}", f"sdmk-{user}-password")
        return self.url_open(path, json={"params": params})

    def test_a_verifier_sees_a_nik_with_a_reason_and_no_cache_keeps_it(self):
        self.sidecar.answer({"nik": NIK})
        response = self.ask("verifier", "/sdmk/health_worker/1/nik", reason="compare the card")
        self.assertEqual(response.json()["result"], {"nik": NIK})
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(self.sidecar.last["path"], "/v1/health-workers/1/reveal")
        self.assertEqual(self.sidecar.last["json"], {"reason": "compare the card"})

    def test_an_auditor_cannot_see_a_nik(self):
        with mute_logger("odoo.http"):
            response = self.ask("auditor", "/sdmk/health_worker/1/nik", reason="look")
        self.assertEqual(response.json()["error"]["data"]["name"], "odoo.exceptions.AccessError")
        self.assertEqual(self.sidecar.asked, [])

    def test_only_an_administrator_corrects_a_nik(self):
        with mute_logger("odoo.http"):
            response = self.ask("verifier", "/sdmk/health_worker/1/nik/correct", nik=NIK, reason="card")
        self.assertEqual(response.json()["error"]["data"]["name"], "odoo.exceptions.AccessError")
        self.assertEqual(self.sidecar.asked, [])

import base64
import hashlib
import io
import re
from types import SimpleNamespace
from unittest.mock import patch

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from odoo.exceptions import AccessError, MissingError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import sdmk_sidecar
from .common import ANY_JSON, SdmkCase
from .fake_sidecar import KEY, FakeSidecar


@tagged("post_install", "-at_install")
class TestSidecar(SdmkCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.env["res.lang"]._activate_lang("id_ID")
        codes = [
            {
                "code": "RUN_OPEN",
                "kind": "problem",
                "name": {"en_US": "A run is under way", "id_ID": "Proses sedang berjalan"},
                "meaning": {"en_US": "One at a time.", "id_ID": "Satu per satu."},
                "action": {"en_US": "Wait.", "id_ID": "Tunggu."},
            }
        ]
        self.receive("sdmk.code", "sync_codes", codes=codes)

    def sidecar_as(self, user):
        return self.env["sdmk.sidecar"].with_user(self.users[user])

    def call(self, user="admin", **given):
        return self.sidecar_as(user)._call("GET", "/v1/runs", **given)

    def test_a_call_has_the_operator_and_a_request_id(self):
        self.call()
        headers = self.sidecar.last["headers"]
        signed = self.sidecar.last["signed"]
        self.assertEqual((signed["sub"], signed["role"]), ("sdmk-admin", "administrator"))
        self.assertEqual((signed["htm"], signed["htu"]), ("GET", "/v1/runs"))
        self.assertNotIn(KEY, str(self.sidecar.asked))
        self.assertTrue(re.fullmatch(r"odoo-[0-9a-f-]{36}", headers["X-Request-ID"]))

    def test_a_signature_covers_the_body_and_the_key_is_not_sent(self):
        public = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(f"{KEY[5:]}=")).public_key()
        self.sidecar_as("verifier")._command("verifier", "POST", "/v1/x", body={"reason": "é"})
        asked = self.sidecar.last
        scheme, token = asked["headers"]["Authorization"].split(" ")
        signed, signature = token.rsplit(".", 1)
        public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())
        digest = base64.urlsafe_b64encode(hashlib.sha256(asked["data"]).digest()).rstrip(b"=").decode()
        self.assertEqual((scheme, asked["signed"]["body"]), ("SDMK-Operator", digest))
        self.assertEqual(asked["signed"]["exp"] - asked["signed"]["iat"], 30)
        self.call()
        self.assertNotEqual(self.sidecar.last["signed"]["jti"], asked["signed"]["jti"])

    def test_a_file_is_sent_whole_and_signed_with_a_longer_time_limit(self):
        content = b"\x00NIK\r\n\xff" * 1000
        file = io.BytesIO(content)
        file.seek(7)
        self.sidecar_as("admin")._command("administrator", "POST", "/v1/x", query={"format": "csv"}, file=file)
        asked = self.sidecar.last
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.assertEqual((asked["data"], asked["signed"]["body"]), (content, digest))
        self.assertEqual((asked["path"], asked["signed"]["htu"]), ("/v1/x?format=csv", "/v1/x?format=csv"))
        self.assertEqual(asked["headers"]["Content-Type"], "application/octet-stream")
        self.assertRegex(asked["headers"]["X-Request-ID"], "^odoo-")
        self.assertRegex(asked["headers"]["traceparent"], "^00-")
        of_file = asked["timeout"][1]
        self.call()
        self.assertGreater(of_file, self.sidecar.last["timeout"][1])
        # After 120 s Odoo ends its own request, and the operator would get no message.
        self.assertLess(of_file, 120)

    def test_the_highest_role_is_signed_and_without_a_role_nothing_is_called(self):
        for user, role in (("auditor", "auditor"), ("verifier", "verifier"), ("admin", "administrator")):
            self.call(user)
            self.assertEqual(self.sidecar.last["signed"]["role"], role)
        asked = len(self.sidecar.asked)
        portal = self._new_user("portal", "base.group_portal")
        for user in (self.users["service"], self.user_without_role, portal):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.env["sdmk.sidecar"].with_user(user)._call("GET", "/v1/runs")
        self.assertEqual(len(self.sidecar.asked), asked)

    def test_an_address_contains_only_ids_and_words(self):
        path = self.env["sdmk.sidecar"]._path
        self.assertEqual(path("/v1/a/{}/{}", (7, "kki")), "/v1/a/7/kki")
        self.assertEqual(path("/v1/a", (), {"b": "c&d=/"}), "/v1/a?b=c%26d%3D%2F")
        for segment in ANY_JSON:
            if type(segment) is not int or segment < 1:
                with self.subTest(segment=segment), self.assertRaises(ValidationError):
                    path("/v1/a/{}", (segment,))

    def test_records_are_checked_by_id_existence_and_right(self):
        self.send(self.worker())
        workers = self.env["sdmk.health.worker"].with_user(self.users["auditor"])
        self.assertEqual(workers.browse(1)._checked().ids, [1])
        for given in ANY_JSON:
            if given is not ANY_JSON[0]:
                with self.subTest(id=given), self.assertRaises(MissingError):
                    workers.browse([given])._checked()
        for user in (self.users["service"], self.user_without_role):
            with (
                self.subTest(user=user.login),
                self.assertRaises(AccessError),
                mute_logger("odoo.addons.base.models.ir_model"),
            ):
                workers.with_user(user).browse(1)._checked()

    def test_a_redirect_is_neither_followed_nor_an_answer(self):
        for status in (301, 302, 307, 308):
            self.sidecar.answer({"id": 1}, status)
            with self.subTest(status=status), self.assertRaisesRegex(UserError, "does not answer"):
                self.call()
            self.assertIs(self.sidecar.last["allow_redirects"], False)

    def test_a_call_continues_the_trace_of_the_request_or_begins_one(self):
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
        # A scheduled action runs without a request.
        self.call()
        self.assertRegex(self.sidecar.last["headers"]["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")

    def test_a_problem_is_in_the_language_of_the_operator_with_the_request_id(self):
        self.sidecar.refuse("RUN_OPEN")
        with self.assertRaises(UserError) as told:
            self.env["sdmk.sidecar"].with_context(lang="id_ID")._call("GET", "/v1/runs")
        self.assertEqual(str(told.exception).splitlines()[:3], ["Proses sedang berjalan", "Satu per satu.", "Tunggu."])
        self.assertIn("r-1", str(told.exception))

    def test_only_file_problems_show_their_detail_because_others_are_english(self):
        words = {name: {"en_US": name.title()} for name in ("name", "meaning", "action")}
        self.receive("sdmk.code", "sync_codes", codes=[{"code": "IMPORT_FILE_INVALID", "kind": "problem", **words}])
        for code, lines in (
            ("IMPORT_FILE_INVALID", ["Name", "why", "Meaning", "Action"]),
            ("RUN_OPEN", ["A run is under way", "One at a time.", "Wait."]),
            ("UNHEARD_OF", ["UNHEARD_OF", "why"]),
        ):
            self.sidecar.refuse(code)
            with self.subTest(code=code), self.assertRaises(UserError) as told:
                self.call()
            self.assertEqual(str(told.exception).splitlines(), [*lines, "Request: r-1"])

    def test_an_invalid_field_has_the_label_of_the_screen_and_others_are_not_named(self):
        for field, name in (("/body/professions/3", "Professions"), ("/body/name", "Name")):
            self.sidecar.refuse("VALIDATION_FAILED", 400, errors=[{"field": field, "message": "must be known"}])
            with self.subTest(field=field), self.assertRaisesRegex(UserError, f"Not right: {name}\n"):
                self.call()
        self.sidecar.refuse("VALIDATION_FAILED", 400, errors=[{"field": "/body/planDigest", "message": "is missing"}])
        with self.assertRaises(UserError) as told:
            self.call()
        self.assertNotIn("planDigest", str(told.exception))

    def test_an_invalid_schedule_is_explained_only_by_the_sidecar(self):
        errors = [{"field": "/body/schedule", "message": "the hour"}]
        self.sidecar.refuse("VALIDATION_FAILED", 400, detail="Bagian jam salah.", errors=errors)
        with self.assertRaises(UserError) as told:
            self.call()
        self.assertEqual(str(told.exception).splitlines(), ["Bagian jam salah.", "Request: r-1"])

    def test_a_screen_waits_for_seconds_and_an_order_longer(self):
        self.call()
        connecting, reading = self.sidecar.last["timeout"]
        self.assertLessEqual(connecting + reading, 10)
        self.sidecar_as("admin")._command("administrator", "POST", "/v1/x", body={})
        self.assertGreater(self.sidecar.last["timeout"][1], 10)
        self.env["sdmk.sidecar"]._call("POST", "/v1/x", body={}, only_reads=True)
        self.assertLess(self.sidecar.last["timeout"][1], 10)
        self.env["sdmk.sidecar"]._call("GET", "/v1/x", seconds=20)
        self.assertEqual(self.sidecar.last["timeout"][1], 20)

    def test_a_missing_answer_is_reported_with_the_request_id(self):
        for failure in (requests.ConnectionError("gone"), requests.Timeout("slow")):
            self.sidecar.answer(failure)
            with self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"):
                self.call()

    def test_an_answer_above_the_limit_is_not_read_to_its_end(self):
        body = b"[" + b" " * (32 << 20) + b"]"
        for method in ("GET", "POST"):
            self.sidecar.answer(body)
            with self.assertRaisesRegex(UserError, "16 MB"):
                self.env["sdmk.sidecar"]._call(method, "/v1/runs")
            self.assertTrue(self.sidecar.last["stream"])
            self.assertLess(self.sidecar.read, 17 << 20)

    def test_a_compressed_answer_or_one_that_is_not_json_is_rejected(self):
        self.sidecar.answer(b"<html>")
        with self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"):
            self.call()
        self.sidecar.answer({}, headers={"Content-Encoding": "gzip"})
        with self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"):
            self.call()
        self.assertEqual(self.sidecar.last["headers"]["Accept-Encoding"], "identity")

    def test_an_answer_that_is_too_slow_is_abandoned(self):
        self.sidecar.answer({"state": "x" * (1 << 17)})
        with (
            patch("odoo.addons.sdmk_core.models.sdmk_sidecar.READ_SECONDS", -1),
            self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"),
        ):
            self.call()

    def test_without_an_address_nothing_is_called(self):
        self.env["sdmk.sidecar"]._connect("")
        with self.assertRaises(UserError):
            self.call()
        self.assertEqual(self.sidecar.asked, [])

    def test_a_key_belongs_to_its_address(self):
        sidecar = self.env["sdmk.sidecar"]
        parameters = self.env["ir.config_parameter"]
        # The address may also change by another way.
        parameters.set_param("sdmk.sidecar.allowed_urls", "http://sidecar.invalid http://other.invalid")
        parameters.set_param("sdmk.sidecar.url", "http://other.invalid")
        with self.assertRaises(UserError):
            self.call()
        sidecar._connect("http://sidecar.invalid/")
        self.call()
        sidecar._connect("http://other.invalid")
        self.assertFalse(parameters.get_param("sdmk.sidecar.key"))
        with self.assertRaises(UserError):
            self.call()
        self.assertEqual(len(self.sidecar.asked), 1)

    def test_an_address_must_be_allowed_by_a_system_administrator(self):
        parameters = self.env["ir.config_parameter"]
        with self.assertRaisesRegex(AccessError, "system administrator"):
            self.sidecar_as("admin")._connect("https://elsewhere.invalid", KEY)
        self.assertEqual(parameters.get_param("sdmk.sidecar.url"), "http://sidecar.invalid")
        system = self._new_user("system", "base.group_system")
        self.env["sdmk.sidecar"].with_user(system)._connect("https://elsewhere.invalid", KEY)
        self.assertIn("https://elsewhere.invalid", parameters.get_param("sdmk.sidecar.allowed_urls").split())
        self.sidecar_as("admin")._connect("http://sidecar.invalid", KEY)
        self.call()
        # An address that was removed from the list is not called any more.
        parameters.set_param("sdmk.sidecar.allowed_urls", "https://elsewhere.invalid")
        with self.assertRaisesRegex(UserError, "system administrator"):
            self.call()

    def test_an_invalid_address_or_key_is_rejected(self):
        for url in (
            "ftp://sidecar.invalid",
            "sidecar.invalid",
            "https://",
            "https://a@sidecar.invalid",
            "https://sidecar.invalid?x=",
            "https://sidecar.invalid/#",
            "https://sidecar.invalid /v1",
            "https://sidecar.invalid/a/../b//",
            "https://sidecar.invalid:99999",
            "https://[::1",
        ):
            with self.subTest(url=url), self.assertRaises(ValidationError):
                self.env["sdmk.sidecar"]._connect(url, KEY)
        for key in ("x", f"{KEY}x", KEY[:-1], f"{KEY}\n"):
            with self.subTest(key=key), self.assertRaises(ValidationError):
                self.env["sdmk.sidecar"]._connect("http://sidecar.invalid", key)

    def test_an_order_needs_its_role(self):
        sidecar = self.env["sdmk.sidecar"]
        for user, role, may in (
            ("auditor", "verifier", False),
            ("auditor", "administrator", False),
            ("verifier", "administrator", False),
            ("verifier", "verifier", True),
            ("admin", "administrator", True),
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
                "hasNik": True,
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

    def test_a_verifier_cannot_correct_a_person(self):
        self.send(self.worker())
        with self.assertRaises(AccessError):
            self.env["sdmk.health.worker"].with_user(self.users["verifier"]).browse(1)._edit({"name": "Siti"})
        self.assertEqual(self.sidecar.asked, [])

import datetime
import functools

from odoo import fields
from odoo.addons.sdmk_core.tests.common import SdmkCase
from odoo.addons.sdmk_core.tests.fake_sidecar import KEY, FakeSidecar
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestIntegration(SdmkCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.integration = self.env["sdmk.integration"].create({"name": "Rekaan", "code": "rekaan"})
        self.hand_over(version=3)

    def row(self, **given):
        row = {
            "code": "rekaan",
            "version": 3,
            "active": True,
            "schedule": "0 2 * * *",
            "reject_alert_ratio": 0.2,
            "create_unmatched": "create",
            "changed_by": "configuration",
            "changed_at": "2026-01-01 00:00:00",
            "time_zone": "Asia/Jakarta",
        }
        return {**row, **given}

    def hand_over(self, **given):
        return self.receive("sdmk.integration", "sync_integrations", integrations=[self.row(**given)])

    def stored(self, **given):
        answer = {
            "version": 4,
            "active": True,
            "schedule": "0 2 * * *",
            "professions": None,
            "rejectAlertRatio": 0.2,
            "createUnmatched": "create",
            "changedBy": "sdmk-admin",
            "changedAt": "2026-01-02T03:04:05.678Z",
            "nextRunDueAt": None,
        }
        return {**answer, **given}

    def as_role(self, role):
        return self.integration.with_user(self.users[role])

    def test_a_row_that_is_not_newer_changes_nothing(self):
        self.assertEqual(self.hand_over(version=3, schedule="1 1 * * *"), 0)
        self.assertEqual(self.hand_over(version=2, schedule="1 1 * * *"), 0)
        self.assertEqual(self.integration.schedule, "0 2 * * *")
        self.assertEqual(self.hand_over(version=5, schedule="1 1 * * *"), 1)
        self.assertEqual((self.integration.schedule, self.integration.version), ("1 1 * * *", 5))

    def test_a_repair_ignores_the_stored_version(self):
        repair = {"repair": True, "integrations": [self.row(professions="doctor", version=3)]}
        self.receive(
            "sdmk.profession",
            "sync_professions",
            professions=[{"code": code, "name": {"en_US": code}} for code in ("doctor", "nurse")],
        )
        self.hand_over(version=4, professions="doctor nurse", changed_by="somebody", active=False)
        tell = functools.partial(self.receive, "sdmk.integration", "sync_integrations", **repair)
        self.assertEqual((tell(), tell()), (1, 0))
        self.assertEqual(
            self.integration.mapped(lambda record: (record.version, record.changed_by, record.is_active)),
            [(3, "configuration", True)],
        )
        self.assertEqual(self.integration.profession_ids.mapped("code"), ["doctor"])
        for forged in ("time_zone = 'UTC'", "reject_alert_ratio = 0.9", "version = 2147483647", "code = 'x'"):
            self.env.cr.execute(f"update sdmk_integration set {forged} where id = {self.integration.id}")  # noqa: S608
            self.integration.invalidate_recordset()
            self.assertEqual((tell(), tell()), (1, 0), forged)

    def test_an_invalid_payload_is_denied(self):
        for rows in (
            [{}],
            [{"code": "rekaan"}],
            [{"code": "rekaan", "version": "9"}],
            [{"code": ["rekaan"], "version": 9}],
        ):
            with self.subTest(rows=rows), self.assertRaises(ValidationError):
                self.receive("sdmk.integration", "sync_integrations", integrations=rows)

    def test_the_sidecar_stores_a_setting_before_odoo(self):
        self.sidecar.answer(self.stored(schedule="30 3 * * *"))
        with Form(self.as_role("admin")) as form:
            form.schedule = "30 3 * * *"
        asked = self.sidecar.last
        self.assertEqual((asked["method"], asked["path"]), ("PUT", "/v1/integrations/rekaan"))
        self.assertEqual(asked["headers"]["If-Match"], '"3"')
        self.assertEqual(asked["json"]["schedule"], "30 3 * * *")
        self.assertIsNone(asked["json"]["professions"])
        self.assertEqual((self.integration.version, self.integration.changed_by), (4, "sdmk-admin"))

    def test_a_change_that_the_sidecar_cannot_store_is_rejected(self):
        self.sidecar.refuse("VALIDATION_FAILED", 400)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.as_role("admin").write({"schedule": "every day"})
        self.integration.invalidate_recordset()
        self.assertEqual(self.integration.schedule, "0 2 * * *")

    def test_the_sidecar_turns_the_switch(self):
        self.sidecar.answer(self.stored(active=False))
        self.as_role("admin").action_switch_off()
        self.assertFalse(self.sidecar.last["json"]["active"])
        self.assertFalse(self.integration.is_active)

    def test_only_an_administrator_gives_orders(self):
        for role in ("auditor", "verifier"):
            integration = self.as_role(role)
            for name, refused in {
                "schedule": lambda record: record.write({"schedule": "1 1 * * *"}),
                "switch": lambda record: record.action_switch_off(),
                "connection": lambda record: record.action_test_connection(),
                "installation": lambda record: record.action_check_installation(),
                "key": lambda record: record.action_renew_key(),
                "address": lambda record: record.write({"sidecar_url": "http://sidecar.invalid"}),
                "key of the sidecar": lambda record: record.write({"sidecar_key": KEY}),
            }.items():
                with (
                    self.subTest(role=role, order=name),
                    mute_logger("odoo.addons.base.models.ir_model"),
                    self.assertRaises(AccessError),
                ):
                    refused(integration)
        self.assertEqual(self.sidecar.asked, [])

    def check_connection(self, **found):
        fine = {"isFine": True, "en": ["Fine."], "id": ["Baik."]}
        checks = [{"what": what, **fine, **found.get(what, {})} for what in ("kki", "odoo", "secrets")]
        self.sidecar.answer({"checks": checks})
        self.sidecar.answer(self.stored(active=False))
        return self.as_role("admin").action_test_connection()["params"]

    def test_a_working_connection_is_reported(self):
        params = self.check_connection()
        self.assertIn("switched off", params["message"])
        self.assertEqual(params["message"].count("✓"), 4)
        self.assertEqual((params["type"], params["sticky"]), ("success", False))
        self.assertEqual(
            [(asked["method"], asked["path"]) for asked in self.sidecar.asked[-2:]],
            [("POST", "/v1/integrations/rekaan/check"), ("GET", "/v1/integrations/rekaan")],
        )

    def test_faults_are_reported_in_the_language_of_the_user_and_marked(self):
        self.env["res.lang"]._activate_lang("id_ID")
        self.users["admin"].lang = "id_ID"
        for what in ("kki", "odoo", "secrets"):
            wrong = {"isFine": False, "en": ["Wrong: path."], "id": ["Salah: alamat."]}
            params = self.check_connection(**{what: wrong})
            self.assertIn("Salah: alamat.", params["message"])
            self.assertNotIn("Wrong", params["message"])
            self.assertEqual((params["message"].count("✗"), params["message"].count("✓")), (1, 3))
            self.assertEqual((params["type"], params["sticky"]), ("danger", True))

    def test_warnings_of_a_source_stay_on_the_screen_line_by_line_with_what_to_do(self):
        params = self.check_connection(kki={"en": ["Fine.", *(f"Warning: {n}." for n in range(9))]})
        self.assertEqual((params["type"], params["sticky"]), ("warning", True))
        lines = params["message"].splitlines()
        self.assertIn("Warning: 4.", lines)
        self.assertNotIn("Warning: 5.", lines)
        self.assertIn("technical team", lines[-1])
        self.assertEqual(params["className"], "text-prewrap")

    def test_parts_that_were_not_checked_are_reported(self):
        for what in ("kki", "odoo"):
            params = self.check_connection(**{what: {"isFine": None, "en": [], "id": []}})
            self.assertIn("Not checked", params["message"])
            self.assertEqual(params["type"], "danger")

    def check_installation(self, **found):
        findings = []
        for check in ("schema", "clock", "runs"):
            state = found.get(check, "ok")
            is_wrong = state in ("warning", "failed")
            en = {"name": check.title(), "action": "Call the team." if is_wrong else None}
            id_ = {"name": f"Nama {check}", "action": "Hubungi tim." if is_wrong else None}
            findings.append({"check": check, "state": state, "found": "in English", "en": en, "id": id_})
        self.sidecar.answer({"findings": findings})
        return self.as_role("admin").action_check_installation()["params"]

    def test_a_healthy_installation_is_reported(self):
        params = self.check_installation(clock="skipped")
        self.assertEqual(params["message"].splitlines(), ["✓ Schema", "· Clock", "✓ Runs"])
        self.assertEqual((params["type"], params["sticky"]), ("success", False))
        self.assertEqual((self.sidecar.last["method"], self.sidecar.last["path"]), ("GET", "/v1/doctor"))

    def test_each_fault_of_the_installation_has_an_action_in_the_language_of_the_user(self):
        params = self.check_installation(runs="warning")
        self.assertEqual(params["message"].splitlines()[-2:], ["! Runs", "Call the team."])
        self.assertEqual((params["type"], params["sticky"]), ("warning", True))
        self.env["res.lang"]._activate_lang("id_ID")
        self.users["admin"].lang = "id_ID"
        params = self.check_installation(schema="failed", runs="warning")
        lines = ["✗ Nama schema", "Hubungi tim.", "✓ Nama clock", "! Nama runs", "Hubungi tim."]
        self.assertEqual(params["message"].splitlines(), lines)
        self.assertEqual((params["type"], params["sticky"]), ("danger", True))

    def test_a_schedule_is_described_in_words_or_its_fault_is(self):
        runs = ["2026-01-02T19:00:00.000Z"]
        self.sidecar.answer({"en": "Every day", "id": "Setiap hari", "nextRunsDueAt": runs})
        told = self.as_role("auditor").get_schedule("0 2 * * *")
        self.assertEqual(told, {"words": "Every day", "runs": ["2026-01-02 19:00:00"]})
        self.assertEqual(self.sidecar.last["path"], "/v1/integrations/rekaan/schedule?expression=0+2+%2A+%2A+%2A")
        errors = [{"field": "/query/expression", "message": "the hour"}]
        self.sidecar.refuse("VALIDATION_FAILED", 400, detail="The hour is wrong.", errors=errors)
        self.assertEqual(self.as_role("auditor").get_schedule("0 25 * * *"), {"problem": "The hour is wrong."})

    def test_the_key_of_the_sidecar_is_never_shown(self):
        parameters = self.env["ir.config_parameter"]
        new = f"sdmk_{'n' * 43}"
        self.as_role("admin").write({"sidecar_key": new})
        self.assertEqual(parameters.get_param("sdmk.sidecar.key"), new)
        admin = self.as_role("admin")
        for read in (
            lambda: admin.read(),
            lambda: admin.export_data(["sidecar_key"]) if admin.env.user.has_group("base.group_allow_export") else "",
            lambda: admin.onchange({}, [], {"sidecar_key": {}, "sidecar_url": {}}),
            lambda: admin.default_get(["sidecar_key"]),
            lambda: admin.web_read({"sidecar_key": {}}),
        ):
            self.assertNotIn(new, str(read()))
        # The dots that the form shows are not a key.
        self.as_role("admin").write({"sidecar_key": self.as_role("admin").sidecar_key})
        self.assertEqual(parameters.get_param("sdmk.sidecar.key"), new)

    def test_no_search_finds_the_key_of_the_sidecar(self):
        for role in ("auditor", "verifier", "admin"):
            model = self.env["sdmk.integration"].with_user(self.users[role])
            for name, ask in {
                "search": lambda model: model.search([("sidecar_key", "=like", "sdmk_k%")]),
                "order": lambda model: model.search([], order="sidecar_key"),
                "group": lambda model: model.formatted_read_group([], ["sidecar_key"], ["__count"]),
                "parameter": lambda model: model.env["ir.config_parameter"].get_param("sdmk.sidecar.key"),
                "parameters": lambda model: model.env["ir.config_parameter"].search_read([], ["value"]),
            }.items():
                with self.subTest(role=role, by=name), mute_logger("odoo.domains", "odoo.fields"):
                    self.assertDenied(ask, model)

    def test_only_administrators_see_the_connection(self):
        for role in ("auditor", "verifier"):
            record = self.as_role(role)
            self.assertFalse({"sidecar_url", "sidecar_key", "account_key_ends"} & record.read()[0].keys())
            for name in ("sidecar_url", "sidecar_key", "account_key_ends"):
                with self.subTest(role=role, field=name), self.assertRaises(AccessError):
                    record.read([name])

    def test_an_administrator_cannot_send_the_key_to_another_address(self):
        parameters = self.env["ir.config_parameter"]
        for change in (
            {"sidecar_url": "https://elsewhere.invalid"},
            {"sidecar_url": "https://elsewhere.invalid", "sidecar_key": KEY},
            {"sidecar_key": KEY, "sidecar_url": "https://elsewhere.invalid"},
        ):
            with self.subTest(change=list(change)), self.assertRaises(AccessError), self.env.cr.savepoint():
                self.as_role("admin").write(change)
        self.assertEqual(parameters.get_param("sdmk.sidecar.url"), "http://sidecar.invalid")
        # Each of two allowed addresses has its own key.
        parameters.set_param("sdmk.sidecar.allowed_urls", "http://sidecar.invalid http://other.invalid")
        self.as_role("admin").write({"sidecar_url": "http://other.invalid"})
        self.assertFalse(parameters.get_param("sdmk.sidecar.key"))
        with self.assertRaises(UserError):
            self.as_role("admin").action_test_connection()
        self.assertEqual(self.sidecar.asked, [])
        for change in ({"sidecar_key": KEY}, {"sidecar_key": KEY, "sidecar_url": "http://sidecar.invalid"}):
            self.as_role("admin").write(change)
            self.assertEqual(parameters.get_param("sdmk.sidecar.key"), KEY)

    def test_nobody_can_write_values_of_the_sidecar(self):
        forged = {
            "is_active": False,
            "changed_by": "somebody",
            "changed_at": "2020-01-01 00:00:00",
            "version": 99,
            "code": "x",
            "name": "x",
            "time_zone": "UTC",
            "account_key_ends": "2099-01-01 00:00:00",
            "create_uid": 1,
        }
        before = self.integration.read([*forged, "schedule"])
        for user in (*self.users.values(), self.user_without_role, self.env.user):
            record = self.integration.with_user(user)
            for name, value in forged.items():
                attacks = {
                    "write": lambda: record.write({name: value}),
                    "write beside a setting": lambda: record.write({"schedule": "1 1 * * *", name: value}),
                    "save": lambda: record.web_save({name: value}, {}),
                    "create": lambda: record.create({"name": "x", "code": "x", name: value}),
                    "context": lambda: record.with_context(sdmk_told="sdmk.integration").write({name: value}),
                    "default": lambda: record.with_context(**{f"default_{name}": value}).copy(),
                }
                for way, attack in attacks.items():
                    # An addon, as superuser, may create a record with name and code.
                    if user == self.env.user and way == "create" and name in ("name", "code"):
                        continue
                    with (
                        self.subTest(user=user.login, field=name, way=way),
                        mute_logger("odoo.addons.base.models.ir_model", "odoo.models"),
                        self.assertRaises(AccessError),
                        self.env.cr.savepoint(),
                    ):
                        attack()
            with mute_logger("odoo.addons.base.models.ir_model"):
                for attack in (
                    lambda: record.update_field_translations("name", {"en_US": "x"}),
                    lambda: record.name_create("x") if not record.env.su else record._check_told(),
                    lambda: record.write({"profession_ids": [Command.create({"code": "x", "name": "x"})]}),
                ):
                    with self.subTest(user=user.login), self.assertRaises(AccessError), self.env.cr.savepoint():
                        attack()
                imported = record.load(["id", "name", "code", "is_active"], [["x.y", "x", "x", "1"]])
                self.assertFalse(imported["ids"])
        self.integration.invalidate_recordset()
        self.assertEqual(self.integration.read([*forged, "schedule"]), before)
        self.assertEqual(self.sidecar.asked, [])

    def test_a_renewed_key_replaces_the_former_one(self):
        account = self.env.ref("sdmk_integration_manager.user_sdmk_service")
        keys = []
        for _ in range(2):
            self.as_role("admin").action_renew_key()
            asked = self.sidecar.last
            self.assertEqual((asked["method"], asked["path"]), ("PUT", "/v1/odoo/account"))
            self.assertEqual(asked["json"]["login"], "sdmk-sidecar")
            keys.append(asked["json"]["apiKey"])
        stored = self.env["res.users.apikeys"].sudo().search([("user_id", "=", account.id)])
        self.assertEqual(len(stored), 1)
        check = self.env["res.users.apikeys"]._check_credentials
        self.assertEqual([check(scope="rpc", key=key) for key in keys], [None, account.id])

    def test_a_key_is_renewed_before_it_ends(self):
        self.env["sdmk.integration"]._cron_renew_key()
        self.assertEqual(self.sidecar.asked, [])
        self.as_role("admin").action_renew_key()
        self.env["sdmk.integration"]._cron_renew_key()
        self.assertEqual(len(self.sidecar.asked), 1)
        soon = fields.Datetime.now() + datetime.timedelta(days=20)
        self.integration._write_as_told({"account_key_ends": soon})
        self.env["sdmk.integration"]._cron_renew_key()
        self.assertEqual(len(self.sidecar.asked), 2)

    def test_an_integration_is_not_deleted(self):
        with self.assertRaises(UserError):
            self.integration.unlink()

    def test_the_account_of_the_sidecar_is_not_an_internal_user(self):
        account = self.env.ref("sdmk_integration_manager.user_sdmk_service")
        self.assertTrue(account.share)
        self.assertFalse(account.has_group("base.group_user"))

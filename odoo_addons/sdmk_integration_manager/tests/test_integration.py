import datetime

from odoo import fields
from odoo.addons.sdmk_core.tests.common import SdmkCase
from odoo.addons.sdmk_core.tests.fake_sidecar import FakeSidecar
from odoo.exceptions import AccessError, UserError
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

    def test_what_is_not_newer_changes_nothing(self):
        self.assertEqual(self.hand_over(version=3, schedule="1 1 * * *"), 0)
        self.assertEqual(self.hand_over(version=2, schedule="1 1 * * *"), 0)
        self.assertEqual(self.integration.schedule, "0 2 * * *")
        self.assertEqual(self.hand_over(version=5, schedule="1 1 * * *"), 1)
        self.assertEqual((self.integration.schedule, self.integration.version), ("1 1 * * *", 5))

    def test_a_setting_is_stored_by_the_sidecar_before_it_is_here(self):
        self.sidecar.answer(self.stored(schedule="30 3 * * *"))
        with Form(self.as_role("admin")) as form:
            form.schedule = "30 3 * * *"
        asked = self.sidecar.last
        self.assertEqual((asked["method"], asked["path"]), ("PUT", "/v1/integrations/rekaan"))
        self.assertEqual(asked["headers"]["If-Match"], '"3"')
        self.assertEqual(asked["json"]["schedule"], "30 3 * * *")
        self.assertIsNone(asked["json"]["professions"])
        self.assertEqual((self.integration.version, self.integration.changed_by), (4, "sdmk-admin"))

    def test_a_change_that_the_sidecar_cannot_store_is_refused(self):
        self.sidecar.refuse("VALIDATION_FAILED", 400)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.as_role("admin").write({"schedule": "every day"})
        self.integration.invalidate_recordset()
        self.assertEqual(self.integration.schedule, "0 2 * * *")

    def test_the_switch_is_turned_by_the_sidecar(self):
        self.sidecar.answer(self.stored(active=False))
        self.as_role("admin").action_switch_off()
        self.assertFalse(self.sidecar.last["json"]["active"])
        self.assertFalse(self.integration.is_active)

    def test_only_an_administrator_commands(self):
        for role in ("auditor", "verifier"):
            integration = self.as_role(role)
            for name, refused in {
                "schedule": lambda record: record.write({"schedule": "1 1 * * *"}),
                "switch": lambda record: record.action_switch_off(),
                "connection": lambda record: record.action_test_connection(),
                "key": lambda record: record.action_renew_key(),
                "address": lambda record: record.write({"sidecar_url": "http://elsewhere.invalid"}),
            }.items():
                with (
                    self.subTest(role=role, order=name),
                    mute_logger("odoo.addons.base.models.ir_model"),
                    self.assertRaises(AccessError),
                ):
                    refused(integration)
        self.assertEqual(self.sidecar.asked, [])

    def test_the_connection_is_told_to_work(self):
        self.sidecar.answer(self.stored(active=False))
        action = self.as_role("admin").action_test_connection()
        self.assertIn("switched off", action["params"]["message"])

    def test_the_key_of_the_sidecar_is_never_shown(self):
        self.as_role("admin").write({"sidecar_key": "sdmk_new_key"})
        self.assertEqual(self.env["ir.config_parameter"].get_param("sdmk.sidecar.key"), "sdmk_new_key")
        self.assertNotIn("sdmk_new_key", self.as_role("admin").sidecar_key)
        # What the form shows is no key.
        self.as_role("admin").write({"sidecar_key": self.as_role("admin").sidecar_key})
        self.assertEqual(self.env["ir.config_parameter"].get_param("sdmk.sidecar.key"), "sdmk_new_key")

    def test_a_renewed_key_takes_the_place_of_the_former_one(self):
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
        self.integration.account_key_ends = fields.Datetime.now() + datetime.timedelta(days=20)
        self.env["sdmk.integration"]._cron_renew_key()
        self.assertEqual(len(self.sidecar.asked), 2)

    def test_an_integration_is_not_deleted(self):
        with self.assertRaises(UserError):
            self.integration.unlink()

    def test_the_account_of_the_sidecar_is_no_employee(self):
        account = self.env.ref("sdmk_integration_manager.user_sdmk_service")
        self.assertTrue(account.share)
        self.assertFalse(account.has_group("base.group_user"))

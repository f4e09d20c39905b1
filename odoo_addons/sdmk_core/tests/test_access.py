from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SdmkCase


@tagged("post_install", "-at_install")
class TestAccess(SdmkCase):
    def test_people_read_and_do_not_write(self):
        self.send(self.worker(), registrations=[self.registration()])
        for role in ("auditor", "verifier", "admin"):
            for model in ("sdmk.health.worker", "sdmk.registration"):
                record = self.env[model].with_user(self.users[role]).browse(1)
                self.assertTrue(record.read(["version"]))
                with mute_logger("odoo.addons.base.models.ir_model"):
                    for refused in (lambda: record.write({"version": 9}), record.unlink, lambda: record.copy()):
                        with self.assertRaises(AccessError):
                            refused()

    def test_people_cannot_hand_over_rows(self):
        for role in ("auditor", "verifier", "admin"):
            with self.assertRaises(AccessError):
                self.send(self.worker(), user=role)

    def test_who_has_no_role_sees_nothing(self):
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.env["sdmk.health.worker"].with_user(self.stranger).search([])

    def test_the_service_account_hands_over_and_reads_nothing(self):
        service = self.users["service"]
        self.assertTrue(service.share)
        self.assertFalse(service.has_group("base.group_user"))
        self.send(self.worker())
        for model in ("sdmk.health.worker", "sdmk.registration", "res.users", "res.partner"):
            with (
                self.assertRaises(AccessError),
                mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule"),
            ):
                self.env[model].with_user(service).search_read([], ["id"], limit=1)

import re

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SdmkCase


@tagged("post_install", "-at_install")
class TestAccess(SdmkCase):
    def test_people_can_read_but_not_write(self):
        self.send(self.worker(), registrations=[self.registration()])
        for role in ("auditor", "verifier", "admin"):
            for model in ("sdmk.health.worker", "sdmk.registration"):
                record = self.env[model].with_user(self.users[role]).browse(1)
                self.assertTrue(record.read(["version"]))
                with mute_logger("odoo.addons.base.models.ir_model"):
                    for refused in (lambda: record.write({"version": 9}), record.unlink, lambda: record.copy()):
                        with self.assertRaises(AccessError):
                            refused()

    def test_nobody_can_write_mirrored_records_not_even_superusers(self):
        self.send(self.worker(), registrations=[self.registration()])
        self.receive(
            "sdmk.profession", "sync_professions", professions=[{"code": "doctor", "name": {"en_US": "Doctor"}}]
        )
        for model in ("sdmk.health.worker", "sdmk.registration", "sdmk.profession"):
            record = self.env[model].search([], limit=1)
            for name, change in {
                "write": lambda: record.write({"version": 9}),
                "create": lambda: record.create({"version": 9}),
                "load": lambda: record.create({"code": "x", "name": "x"}),
                "copy": record.copy,
                "unlink": record.unlink,
                "context": lambda: record.with_context(sdmk_told=record._name).write({"version": 9}),
                "translation": lambda: record.update_field_translations("name", {"en_US": "x"}),
            }.items():
                with self.subTest(model=model, change=name), self.assertRaises(AccessError):
                    change()

    def test_a_repair_of_texts_reverts_local_changes_and_additions(self):
        doctor = {"code": "doctor", "name": {"en_US": "Doctor", "id_ID": "Dokter"}}
        self.receive("sdmk.profession", "sync_professions", professions=[doctor])
        self.env.cr.execute(
            """update sdmk_profession set name = '{"en_US": "Witch"}';
            insert into sdmk_profession (code, name) values ('wizard', '{"en_US": "Wizard"}')"""
        )
        repaired = [
            self.receive("sdmk.profession", "sync_professions", repair=True, professions=[doctor]) for _ in range(2)
        ]
        self.assertEqual(repaired, [2, 0])
        self.assertEqual(self.env["sdmk.profession"].search([]).mapped("name"), ["Doctor"])
        with self.assertRaises(ValidationError):
            self.receive("sdmk.profession", "sync_professions", repair=[1, 2], professions=[doctor])

    def test_people_cannot_send_payloads(self):
        for role in ("auditor", "verifier", "admin"):
            with self.assertRaises(AccessError):
                self.send(self.worker(), user=role)

    def test_a_user_without_a_role_sees_nothing(self):
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.env["sdmk.health.worker"].with_user(self.user_without_role).search([])

    def test_the_service_account_can_send_payloads_but_not_read(self):
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

    def test_the_service_account_has_no_access_to_any_table(self):
        allowed = {
            operation: [
                name
                for name, model in self.env.items()
                if not model._abstract and model.with_user(self.users["service"]).has_access(operation)
            ]
            for operation in ("read", "write", "create", "unlink")
        }
        # Odoo lets everybody read languages, countries and the like, which are not about people.
        readable = allowed.pop("read")
        self.assertFalse([name for name in readable if name.startswith(("sdmk.", "res.users", "res.partner", "mail."))])
        self.assertEqual(allowed, {"write": [], "create": [], "unlink": []})

    def test_the_service_account_gives_no_orders(self):
        self.send(self.worker())
        worker = self.env["sdmk.health.worker"].with_user(self.users["service"]).browse(1)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            worker.action_edit()
            self.env["sdmk.health.worker.edit"].with_user(self.users["service"]).create({"health_worker_id": 1})
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            worker._edit({"name": "Rekaan"})

    def test_no_role_may_export(self):
        self.send(self.worker())
        for role in ("auditor", "verifier", "admin"):
            with self.subTest(role=role), self.assertRaises(UserError):
                self.env["sdmk.health.worker"].with_user(self.users[role]).browse(1).export_data(["name"])

    def test_a_user_who_may_export_finds_no_identity_number(self):
        self.send(self.worker(), registrations=[self.registration()])
        verifier = self.users["verifier"]
        verifier.group_ids += self.env.ref("base.group_allow_export")
        worker = self.env["sdmk.health.worker"].with_user(verifier).browse(1)
        exported = str(worker.export_data(sorted(worker.fields_get()))["datas"])
        self.assertIn("Siti", exported)
        self.assertFalse(re.search(r"\d{16}", exported))

    def test_an_identity_number_has_no_place_to_be_stored(self):
        for name in ("nik", "nik_digest", "nik_sealed"):
            with self.subTest(column=name), self.assertRaises(ValidationError):
                self.send(self.worker(**{name: "3171010101900001"}))

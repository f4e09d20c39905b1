import json

import psycopg2
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests.common import TransactionCase
from odoo.tools import mute_logger

from ..copy_text import copy_table

# Values that a browser may send as an id. Only the first is an id.
ANY_JSON = (
    1,
    "../runs/3/cancel?x=",
    "1/../../runs/3/cancel",
    "1;",
    "..",
    "%2e%2e",
    "1%0d%0a",
    "",
    0,
    -1,
    1.0,
    1.5,
    2**31,
    2**63,
    True,
    None,
    [1],
    {"id": 1},
)


class SdmkCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: cls._new_user(role, f"sdmk_core.group_sdmk_{role}")
            for role in ("auditor", "verifier", "admin", "data_protection_officer", "service")
        }
        cls.user_without_role = cls._new_user("user_without_role", "base.group_user")

    @classmethod
    def _new_user(cls, login, group):
        group_ids = [Command.set([cls.env.ref(group).id])]
        return cls.env["res.users"].create({"name": login, "login": f"sdmk-{login}", "group_ids": group_ids})

    def assertDenied(self, attack, *args):
        """Expect any error that a caller can receive."""
        try:
            with (
                mute_logger("odoo.addons.base.models.ir_model", "odoo.models", "odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                attack(*args)
        except (UserError, LookupError, ValueError, TypeError, psycopg2.Error):
            return
        self.fail("it was not denied")

    def worker(self, record_id=1, version=1, **given):
        row = {
            "id": record_id,
            "version": version,
            "active": True,
            "name": "Siti Rekaan",
            "title_prefix": "dr.",
            "title_suffix": None,
            "has_nik": True,
            "birth_place": "Bogor",
            "birth_date": "1990-01-01",
            "sex": "female",
            "name_source": "kki",
        }
        return {**row, **given}

    def registration(self, record_id=1, version=1, **given):
        row = {
            "id": record_id,
            "version": version,
            "active": True,
            "health_worker_id": 1,
            "str_number": "EQ00000000000001",
            "profession": "doctor",
            "competence": None,
            "status": "active",
            "issued_on": "2020-01-01",
            "valid_until": None,
            "is_lifetime": True,
            "institution": None,
            "province": "Bali",
            "match_reason": "6 +nik ~name -birth_place",
            "source_at": "2026-01-01 00:00:00",
            "trace_id": "0" * 32,
        }
        return {**row, **given}

    def receive(self, model, method, user="service", **told):
        """Send a payload as the sidecar does."""
        return getattr(self.env[model].with_user(self.users[user]), method)(json.dumps(told))

    def send(self, *workers, registrations=(), user="service", **more):
        """Send people and registrations, each given as a dict by column."""
        return self.receive(
            "sdmk.health.worker",
            "sync_health_workers",
            user=user,
            health_workers=copy_table(workers),
            registrations=copy_table(registrations),
            **more,
        )

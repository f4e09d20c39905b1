from odoo.addons.sdmk_core.copy_text import copy_table
from odoo.addons.sdmk_core.tests.common import SdmkCase
from odoo.addons.sdmk_core.tests.fake_sidecar import FakeSidecar

TRACE = "ab" * 16


class KkiCase(SdmkCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())

    def batch(self, record_id=1, version=1, **given):
        row = {
            "id": record_id,
            "version": version,
            "run_id": 1,
            "kind": "incremental",
            "state": "applied",
            "triggered_by": "schedule",
            "actor": "schedule",
            "apply_mode": "auto",
            "pages": 1,
            "fetched_before": 0,
            "expected_total": 10,
            "fetched": 10,
            "created": 4,
            "linked": 1,
            "updated": 2,
            "unchanged": 1,
            "superseded": 0,
            "rejected": 2,
            "deactivated": 1,
            "trace_id": TRACE,
            "plan_digest": "d1",
            "created_at": "2026-01-01 00:00:00",
            "finished_at": "2026-01-01 00:00:30",
            "duration": 30.0,
        }
        return {**row, **given}

    def rejection(self, record_id=1, version=1, **given):
        row = {
            "id": record_id,
            "version": version,
            "source": "kki",
            "code": "IDENTITY_CONFLICT",
            "state": "open",
            "urgent": False,
            "str_number": "EQ00000000000001",
            "profession": "doctor",
            "rule": 4,
            "candidate_count": 1,
            "seen_count": 1,
            "first_batch_id": 1,
            "last_batch_id": 1,
            "first_seen_at": "2026-01-01 00:00:00",
            "last_seen_at": "2026-01-01 00:00:00",
            "trace_id": TRACE,
        }
        return {**row, **given}

    def tell(self, *batches, rejections=(), user="service", **more):
        return self.receive(
            "sdmk.batch",
            "sync_batches",
            user=user,
            batches=copy_table(batches),
            rejections=copy_table(rejections),
            **more,
        )

    def tell_words(self):
        """Send the texts of one code of each kind."""
        codes = [
            {
                "code": code,
                "kind": kind,
                "name": {"en_US": f"{code} name", "id_ID": f"{code} nama"},
                "meaning": {"en_US": f"{code} meaning", "id_ID": f"{code} arti"},
                "action": {"en_US": f"{code} action", "id_ID": f"{code} tindakan"},
            }
            for code, kind in (
                ("IDENTITY_CONFLICT", "rejection"),
                ("NAME_MISSING", "rejection"),
                ("DEACTIVATIONS", "hold"),
                ("KKI_UNAVAILABLE", "problem"),
            )
        ]
        self.receive("sdmk.code", "sync_codes", codes=codes)

    def batch_as(self, role, record_id=1):
        return self.env["sdmk.batch"].with_user(self.users[role]).browse(record_id)

    def rejection_as(self, role, *record_ids):
        return self.env["sdmk.rejection"].with_user(self.users[role]).browse(record_ids or (1,))

import logging

from odoo.http import Request
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ..controllers import council_file
from .common import KkiCase

NIK = "3171014101900078"
CONTENT = f"Nomor STR;NIK\r\nEQ00000000000001;{NIK}\r\n".encode()


@tagged("post_install", "-at_install")
class TestCouncilFile(KkiCase, HttpCase):
    def load(self, role="admin", name="list.csv", content=CONTENT, with_token=True, **fields):
        """Upload a file like the dialog."""
        self.users[role].password = f"sdmk-{role}-password"
        self.authenticate(f"sdmk-{role}", f"sdmk-{role}-password")
        token = {"csrf_token": Request.csrf_token(self)} if with_token else {}
        files = {} if name is None else {"file": (name, content)}
        return self.url_open("/sdmk/council_file", data={**token, **fields}, files=files)

    def fault(self, *args, **given):
        """Return the name of the error, and the operator's message."""
        error = self.load(*args, **given).json()["error"]
        return error["name"], error["message"]

    def test_a_file_is_sent_with_its_options_and_its_run_is_shown(self):
        self.sidecar.answer({"id": 12}, 202)
        response = self.load(as_of="2026-11-01", apply_mode="hold", encoding="windows-1252", sheet="", other="x")
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        action = response.json()["action"]
        self.assertEqual((action["res_model"], action["domain"]), ("sdmk.batch", [["run_id", "=", 12]]))
        self.assertEqual(self.sidecar.last["method"], "POST")
        self.assertEqual(
            self.sidecar.last["path"],
            "/v1/runs/file?format=csv&asOf=2026-11-01T00%3A00%3A00%2B07%3A00&apply=hold&encoding=windows-1252",
        )
        self.assertEqual(self.sidecar.last["data"], CONTENT)
        self.assertEqual(self.sidecar.last["signed"]["role"], "administrator")

    def test_the_day_begins_in_the_time_zone_of_the_sidecar(self):
        row = {
            "code": "kki",
            "version": 3,
            "active": True,
            "schedule": "0 2 * * *",
            "time_zone": "Asia/Jayapura",
            "professions": None,
            "reject_alert_ratio": 0.1,
            "create_unmatched": "create",
            "changed_by": "rina",
            "changed_at": "2026-01-01 00:00:00",
        }
        self.receive("sdmk.integration", "sync_integrations", integrations=[row])
        self.sidecar.answer({"id": 12}, 202)
        self.load(as_of="2026-11-01")
        self.assertIn("asOf=2026-11-01T00%3A00%3A00%2B09%3A00", self.sidecar.last["path"])

    def test_the_ending_of_the_name_decides_the_format(self):
        for name, told in (("A.XLSX", "xlsx"), ("a.b.xlsm", "xlsx"), ("a.txt", "csv"), ("a.ndjson", "jsonl")):
            self.sidecar.answer({"id": 12}, 202)
            self.load(name=name)
            with self.subTest(name=name):
                self.assertEqual(self.sidecar.last["path"], f"/v1/runs/file?format={told}")

    def test_only_an_administrator_loads_a_file(self):
        for role in ("auditor", "verifier", "data_protection_officer", "service"):
            for given in ({}, {"name": None}, {"content": b""}):
                with self.subTest(role=role, given=given):
                    self.assertEqual(self.fault(role, **given)[0], "odoo.exceptions.AccessError")
        self.assertEqual(self.sidecar.asked, [])

    def test_a_form_of_another_site_loads_nothing(self):
        with mute_logger("odoo.http"):
            self.assertEqual(self.load(with_token=False).status_code, 400)
        self.assertEqual(self.sidecar.asked, [])

    def test_a_file_that_cannot_be_sent_is_reported_in_a_sentence(self):
        self.patch(council_file, "MOST_MEGABYTES", 1)
        for given, sentence in (
            ({"name": None}, "Choose a file."),
            ({"content": b""}, "The file is empty."),
            ({"content": b"x" * ((1 << 20) + 1)}, "more than 1 MB"),
            ({"name": "list.xls"}, "must end with .xlsx, .csv or .jsonl"),
            ({"name": "list"}, "must end with .xlsx, .csv or .jsonl"),
            ({"as_of": "01-11-2026"}, "The day is not right."),
        ):
            with self.subTest(given=sentence):
                self.assertIn(sentence, self.fault(**given)[1])
        self.assertEqual(self.sidecar.asked, [])

    def test_faults_of_a_file_are_reported_with_line_and_column(self):
        self.sidecar.refuse("IMPORT_FILE_INVALID", 422, detail="Line 3: has 2 values.")
        self.assertIn("Line 3: has 2 values.", self.fault()[1])
        self.sidecar.refuse("VALIDATION_FAILED", 400, errors=[{"field": "/body/asOf", "message": "is required"}])
        self.assertIn("Day of the File", self.fault()[1])

    def test_no_content_of_a_file_stays_in_odoo_or_its_log(self):
        lines = []

        class Keeper(logging.Handler):
            def emit(self, record):
                lines.append(record.getMessage())

        # A file below the limit for files in memory, and one above it.
        for content in (CONTENT, CONTENT * 20_000):
            for answer in ({"id": 12}, {"code": "IMPORT_FILE_INVALID", "detail": "Line 3: has 2 values."}):
                self.sidecar.answer(answer, 202 if "id" in answer else 422)
                keeper = Keeper()
                logging.getLogger().addHandler(keeper)
                try:
                    self.load(content=content)
                finally:
                    logging.getLogger().removeHandler(keeper)
                self.assertEqual(self.sidecar.last["data"], content)
        self.assertTrue(lines)
        self.assertNotIn(NIK, "\n".join(lines))
        self.env.flush_all()
        self.env.cr.execute(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
        for (table,) in self.env.cr.fetchall():
            self.env.cr.execute(f'select count(*) from "{table}" t where t::text like %s', [f"%{NIK}%"])  # noqa: S608
            self.assertEqual(self.env.cr.fetchone()[0], 0, table)

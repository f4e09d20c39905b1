from odoo.addons.sdmk_core.tests.common import SdmkCase
from odoo.addons.sdmk_core.tests.fake_sidecar import FakeSidecar
from odoo.exceptions import AccessError
from odoo.tests import tagged


@tagged("post_install", "-at_install")
class TestAuditEvent(SdmkCase):
    def setUp(self):
        super().setUp()
        self.sidecar = FakeSidecar(self.env)
        self.enterContext(self.sidecar.at_work())
        self.events = self.env["sdmk.audit.event"].with_user(self.users["auditor"])

    def answer(self, **detail):
        event = {
            "id": 5,
            "at": "2026-11-29T10:00:00.000Z",
            "action": "batch.discarded",
            "title": "Batch discarded",
            "actor": "rina",
            "detail": detail,
        }
        check = {"checkedAt": "2026-11-29T01:00:00.000Z", "events": 5, "findings": 0, "odooDiffering": 0}
        self.sidecar.answer({"items": [event], "next": None, "head": None, "check": check, "actions": []})

    def test_an_event_shows_actor_action_time_and_reason(self):
        self.answer(reason="wrong feed", role="administrator", holdReasons=["DEACTIVATIONS"])
        (event,) = self.events.get_events()["items"]
        self.assertEqual(
            (event["title"], event["actor"], event["roleName"], event["reason"], event["causes"]),
            ("Batch discarded", "rina", "Integration Administrator", "wrong feed", ["DEACTIVATIONS"]),
        )
        self.assertIn("2026", event["atName"])

    def test_days_are_in_the_time_zone_of_the_operator(self):
        self.users["auditor"].tz = "Asia/Jakarta"
        self.answer()
        self.events.get_events(0, {"since": "2026-11-28", "until": "2026-11-28", "batchId": 7, "actor": "rina"})
        self.assertEqual(
            self.sidecar.last["path"],
            "/v1/audit-events?limit=40&before=0&actor=rina&batchId=7"
            "&since=2026-11-28T00%3A00%3A00%2B07%3A00&until=2026-11-29T00%3A00%3A00%2B07%3A00",
        )

    def test_other_values_of_a_browser_never_reach_the_sidecar(self):
        for given in (None, "x", 1.5, True, [1], {"batchId": "1&x=2", "action": "../x", "since": "now", "traceId": 1}):
            self.answer()
            self.events.get_events(given, given)
            self.assertEqual(self.sidecar.last["path"], "/v1/audit-events?limit=40&before=0")

    def test_a_number_leads_to_its_screens_and_events(self):
        trace = "0123456789abcdef" * 2
        for text, asked in (
            (" 12 ", {"batchId": 12}),
            (trace.upper(), {"traceId": trace}),
            ("odoo-6f0c", {"requestId": "odoo-6f0c"}),
            ("", {}),
            (None, {}),
        ):
            self.assertEqual(self.events.find(text)["asked"], asked)

    def test_only_auditors_read_events(self):
        service = self.env["sdmk.audit.event"].with_user(self.users["service"])
        for call in (service.get_events, lambda: service.find("1")):
            with self.assertRaises(AccessError):
                call()
        self.assertEqual(self.sidecar.asked, [])

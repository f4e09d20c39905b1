from odoo.addons.sdmk_core.tests.common import ANY_JSON
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import KkiCase


@tagged("post_install", "-at_install")
class TestAccess(KkiCase):
    def setUp(self):
        super().setUp()
        self.tell(self.batch(state="held"), rejections=[self.rejection()])

    def orders(self, role):
        """Return all buttons, each with the lowest role that may press it."""
        batch = self.batch_as(role)
        rejection = self.rejection_as(role)
        env = self.env(user=self.users[role])
        return {
            "sync": ("admin", lambda: env["sdmk.sync.wizard"].create({}).action_start()),
            "apply": ("admin", lambda: batch.decide("apply", "x", "d1")),
            "cancel": ("admin", batch.action_cancel),
            "discard": ("admin", lambda: batch.decide("discard", "x")),
            "undo": ("admin", lambda: batch.decide("undo", "x")),
            "retry": ("verifier", rejection.action_retry),
            "re-evaluate": ("verifier", rejection.action_reprocess),
            "dismiss": ("verifier", lambda: rejection.dismiss("x")),
            "dismiss by rule": ("verifier", lambda: rejection.dismiss_by_rule([("id", "=", 1)], "x")),
            "reopen": ("verifier", rejection.reopen),
            "undo a decision": ("admin", lambda: rejection.undo_decision(1, "x")),
            "preview": ("verifier", lambda: rejection.preview(1)),
            "resolve": ("verifier", lambda: rejection.resolve(1)),
        }

    def test_each_order_needs_its_role(self):
        may = {"service": (), "auditor": (), "verifier": ("verifier",), "admin": ("verifier", "admin")}
        for role, roles in may.items():
            for name, (needed, press) in self.orders(role).items():
                with self.subTest(role=role, order=name), mute_logger("odoo.addons.base.models.ir_model"):
                    before = len(self.sidecar.asked)
                    if needed in roles:
                        self.sidecar.answers = [(200, self.answer_to(name))] * 2
                        press()
                        self.assertGreater(len(self.sidecar.asked), before)
                    else:
                        with self.assertRaises(AccessError):
                            press()
                        self.assertEqual(len(self.sidecar.asked), before)
                    self.sidecar.answers = []

    def test_an_invalid_id_sends_no_order(self):
        methods = {
            "sdmk.rejection": {
                "action_retry": (),
                "action_reprocess": (),
                "action_dismiss": (),
                "get_detail": (),
                "get_names": (),
                "dismiss": ("x",),
                "reopen": (),
                "undo_decision": (1, "x"),
                "preview": ("new",),
                "resolve": ("new",),
            },
            "sdmk.batch": {
                "action_apply": (),
                "action_discard": (),
                "action_undo": (),
                "action_cancel": (),
                "decide": ("undo", "x"),
                "get_changes": (),
                "export_changes": (),
                "get_preview": ("undo",),
                "take_evidence": ("needed", "en"),
            },
        }
        for role in ("auditor", "verifier", "admin", "service"):
            for model, calls in methods.items():
                for name, args in calls.items():
                    for given in ANY_JSON[1:]:
                        # As `call_kw` treats an id from a browser.
                        records = self.env[model].with_user(self.users[role]).browse([given])
                        with self.subTest(role=role, method=name, id=given):
                            self.assertDenied(getattr(records, name), *args)
        self.assertEqual(self.sidecar.asked, [])

    def test_other_values_of_a_browser_never_change_the_address(self):
        for given in ANY_JSON:
            self.sidecar.answers = [(200, {"batch": {"id": 1, "state": "held"}})]
            self.rejection_as("verifier").resolve(given, given, given, given)
            self.assertEqual(self.sidecar.last["path"], "/v1/rejections/1/resolve")
            self.sidecar.answers = [(200, {"items": [], "summary": None})]
            self.batch_as("auditor").get_changes(given, given)
            self.assertRegex(self.sidecar.last["path"], r"^/v1/batches/1/changes\?limit=50&after=-?\d+$")

    def test_an_unknown_decision_sends_no_order(self):
        batch = self.batch_as("admin")
        for given in (*ANY_JSON[1:], "cancel", "apply/../undo"):
            for press in (lambda: batch.decide(given, "x"), lambda: batch.get_preview(given)):
                with self.subTest(given=given):
                    self.assertDenied(press)
        self.assertEqual(self.sidecar.asked, [])

    def test_only_an_administrator_is_asked_for_a_decision(self):
        for role in ("auditor", "verifier"):
            batch = self.batch_as(role)
            for ask in (batch.action_apply, batch.action_discard, batch.action_undo):
                with self.subTest(role=role), self.assertRaises(AccessError):
                    ask()

    def test_nobody_can_write_mirrored_records_not_even_superusers(self):
        for record in (self.env["sdmk.batch"].browse(1), self.env["sdmk.rejection"].browse(1)):
            for change in (
                lambda: record.write({"state": "applied"}),
                lambda: record.with_context(sdmk_told=record._name).write({"state": "applied"}),
                lambda: record.web_save({"state": "applied"}, {}),
                lambda: record.create({"state": "applied"}),
                record.copy,
                record.unlink,
            ):
                with self.subTest(model=record._name), self.assertRaises(AccessError):
                    change()

    def answer_to(self, order):
        return {
            "sync": {"id": 7},
            "retry": {"asked": 1, "skipped": 0},
            "re-evaluate": {"rows": 1, "purged": 0, "unfit": 0},
            "preview": {
                "outcome": "unchanged",
                "codes": [],
                "licences": [],
                "people": [],
                "isHarmful": False,
                "planDigest": "d1",
            },
            "resolve": {"batch": {"id": 1, "state": "applied"}},
            "dismiss": {"dismissed": 1},
            "dismiss by rule": {"dismissed": 1},
            # The answer for the row first, then the answer for the batch that is undone.
            "undo a decision": {"decisions": [{"batchId": 1, "batchState": "applied"}], "state": "undone"},
        }.get(order, {})

    def test_people_can_read_but_not_write(self):
        for role in ("auditor", "verifier", "admin"):
            for model in ("sdmk.batch", "sdmk.rejection"):
                record = self.env[model].with_user(self.users[role]).browse(1)
                self.assertTrue(record.read(["state"]))
                with mute_logger("odoo.addons.base.models.ir_model"):
                    for refused in (lambda: record.write({"state": "applied"}), record.unlink, lambda: record.copy()):
                        with self.subTest(role=role, model=model), self.assertRaises(AccessError):
                            refused()
                    with self.assertRaises(AccessError):
                        self.tell(self.batch(2), user=role)

    def test_a_user_without_a_role_sees_nothing(self):
        for model in ("sdmk.batch", "sdmk.rejection", "sdmk.batch.outcome", "sdmk.code", "sdmk.integration"):
            with (
                self.subTest(model=model),
                self.assertRaises(AccessError),
                mute_logger("odoo.addons.base.models.ir_model"),
            ):
                self.env[model].with_user(self.user_without_role).search([])
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.env["sdmk.dashboard"].with_user(self.user_without_role).get_figures()

    def test_a_user_without_a_role_gets_no_data_of_the_sidecar(self):
        for ask in (
            lambda: self.env["sdmk.batch"].with_user(self.user_without_role).browse(1).get_changes(),
            lambda: self.env["sdmk.rejection"].with_user(self.user_without_role).browse(1).get_detail(),
            lambda: self.env["sdmk.rejection"].with_user(self.user_without_role).browse(1).get_names(),
            lambda: (
                self.env["sdmk.rejection"].with_user(self.user_without_role).search([("person_name", "ilike", "Siti")])
            ),
            lambda: self.env["sdmk.dashboard"].with_user(self.user_without_role).get_sidecar(),
        ):
            with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
                ask()
        self.assertEqual(self.sidecar.asked, [])

import json

from odoo.addons.sdmk_core.tests.common import SdmkCase
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestAuditHead(SdmkCase):
    def note(self, seq, digest, user="service"):
        heads = [{"seq": seq, "hash": digest}]
        return self.receive("sdmk.audit.head", "sync_audit_heads", user=user, audit_heads=heads)

    def test_a_head_is_stored_once(self):
        self.assertEqual(self.note(3, "a" * 64), 1)
        self.assertEqual(self.note(3, "a" * 64), 0)
        head = self.env["sdmk.audit.head"].with_user(self.users["auditor"]).search([])
        self.assertEqual((head.head, head.is_contradicted), (f"3:{'a' * 64}", False))

    def test_another_event_at_the_same_place_is_shown_next_to_it(self):
        self.note(3, "a" * 64)
        self.note(4, "b" * 64)
        self.note(3, "c" * 64)
        heads = self.env["sdmk.audit.head"].search([])
        self.assertEqual(heads.filtered("is_contradicted").mapped("seq"), [3, 3])
        for value in (True, False):
            with self.subTest(value=value):
                found = heads.search([("is_contradicted", "=", value)])
                self.assertEqual(found, heads.filtered(lambda head, value=value: head.is_contradicted == value))

    def test_the_latest_head_comes_first(self):
        self.note(4, "b" * 64)
        self.env.cr.execute("update sdmk_audit_head set noted_at = noted_at - interval '1 day'")
        # A rewritten chain begins with low numbers again.
        self.note(1, "c" * 64)
        self.assertEqual(self.env["sdmk.audit.head"].search([]).mapped("seq"), [1, 4])

    def test_nobody_can_change_a_stored_head(self):
        self.note(3, "a" * 64)
        for role in ("auditor", "verifier", "admin", "service"):
            head = (
                self.env["sdmk.audit.head"]
                .with_user(self.users[role])
                .browse(self.env["sdmk.audit.head"].search([]).id)
            )
            for change in (lambda: head.write({"seq": 9}), head.unlink, lambda: head.create({"seq": 4, "hash": "x"})):
                with self.subTest(role=role), self.assertRaises(AccessError), mute_logger("odoo.models"):
                    change()

    def test_the_service_account_reads_heads_page_by_page(self):
        for seq, letter in ((3, "a"), (4, "b"), (3, "c")):
            self.note(seq, letter * 64)
        heads = self.env["sdmk.audit.head"]
        service = heads.with_user(self.users["service"])
        pages = []
        for _ in range(2):
            after = pages[-1][-1]["id"] if pages else 0
            pages.append(json.loads(service.compare_audit_heads(json.dumps({"after": after, "limit": 2}))))
        self.assertEqual([[head["seq"] for head in page] for page in pages], [[3, 4], [3]])
        with self.assertRaises(AccessError):
            heads.with_user(self.users["admin"]).compare_audit_heads('{"after": 0, "limit": 2}')
        for payload in ("{}", '{"after": "0", "limit": 2}', '{"after": 0, "limit": true}'):
            with self.subTest(payload=payload), self.assertRaises(ValidationError):
                service.compare_audit_heads(payload)

    def test_recalled_places_are_the_newest_and_increasingly_fewer_older_ones(self):
        heads = self.env["sdmk.audit.head"]
        service = heads.with_user(self.users["service"])
        self.assertEqual(json.loads(service.recall_audit_heads("{}")), [])
        for seq in range(1, 41):
            self.note(seq, f"{seq:064x}")
        self.assertEqual(json.loads(service.recall_audit_heads("{}")), [8, 24, 32, 36, 38, 39, 40])
        with self.assertRaises(AccessError):
            heads.with_user(self.users["admin"]).recall_audit_heads("{}")
        with self.assertRaises(ValidationError):
            service.recall_audit_heads('{"after": 0}')

    def test_a_head_without_an_event_in_the_sidecar_is_contradicted(self):
        self.note(3, "a" * 64)
        self.note(3, "0" * 64)
        self.assertEqual(self.env["sdmk.audit.head"].search([("is_contradicted", "=", True)]).mapped("seq"), [3, 3])

    def set_aside(self, heads, user="service", reason="Restored from a backup"):
        model = self.env["sdmk.audit.head"].with_user(self.users[user])
        return model.set_aside_audit_heads(json.dumps({"ids": heads.ids, "reason": reason}))

    def test_heads_from_before_a_restore_stay_visible_and_are_not_compared(self):
        heads = self.env["sdmk.audit.head"]
        service = heads.with_user(self.users["service"])
        for seq, letter in ((3, "a"), (4, "b"), (5, "c"), (4, "0"), (5, "0")):
            self.note(seq, letter * 64)
        later = heads.search([("seq", ">", 3)])
        self.assertEqual(self.set_aside(later), 4)
        self.assertEqual(self.set_aside(later), 0)
        self.note(4, "d" * 64)
        seen = heads.with_user(self.users["auditor"]).search([])
        self.assertEqual(len(seen), 6)
        self.assertFalse(any(seen.mapped("is_contradicted")))
        self.assertFalse(seen.search([("is_contradicted", "=", True)]))
        self.assertEqual(seen.filtered("set_aside_at"), later.with_env(seen.env))
        self.assertEqual(set(later.mapped("set_aside_reason")), {"Restored from a backup"})
        compared = json.loads(service.compare_audit_heads('{"after": 0, "limit": 9}'))
        self.assertEqual([head["seq"] for head in compared], [3, 4])
        self.assertEqual(json.loads(service.recall_audit_heads("{}")), [3, 4])

    def test_a_later_head_contradicts_after_one_was_set_aside(self):
        heads = self.env["sdmk.audit.head"]
        self.note(4, "b" * 64)
        self.note(4, "0" * 64)
        self.set_aside(heads.search([]))
        self.note(4, "d" * 64)
        self.note(4, "0" * 64)
        contradicted = heads.search([("is_contradicted", "=", True)])
        self.assertEqual(sorted(contradicted.mapped("hash")), ["0" * 64, "d" * 64])

    def test_only_the_service_account_sets_heads_aside_with_a_reason(self):
        self.note(3, "a" * 64)
        head = self.env["sdmk.audit.head"].search([])
        for role in ("auditor", "verifier", "admin"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.set_aside(head, user=role)
        service = head.with_user(self.users["service"])
        for payload in ("{}", '{"ids": [1]}', '{"ids": [1], "reason": " "}', '{"ids": ["1"], "reason": "x"}'):
            with self.subTest(payload=payload), self.assertRaises(ValidationError):
                service.set_aside_audit_heads(payload)
        self.assertFalse(head.set_aside_at)

    def test_only_the_service_account_sends_heads(self):
        with self.assertRaises(AccessError):
            self.note(3, "a" * 64, user="admin")

    def test_an_invalid_head_is_rejected(self):
        for seq, digest in ((True, "a" * 64), ("3", "a" * 64), (3, "x"), (3, None)):
            with self.subTest(seq=seq), self.assertRaises(ValidationError):
                self.note(seq, digest)

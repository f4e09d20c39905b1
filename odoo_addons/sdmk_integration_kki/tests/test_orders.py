import requests
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .common import KkiCase


@tagged("post_install", "-at_install")
class TestOrders(KkiCase):
    def setUp(self):
        super().setUp()
        self.tell_words()
        self.receive(
            "sdmk.profession",
            "sync_professions",
            professions=[{"code": "doctor", "name": {"en_US": "Doctor", "id_ID": "Dokter"}}],
        )
        self.tell(self.batch(state="held"), rejections=[self.rejection()])

    def test_a_run_is_started_with_the_chosen_options_and_its_batches_are_shown(self):
        self.sidecar.answer({"id": 12})
        with Form(self.env["sdmk.sync.wizard"].with_user(self.users["admin"])) as form:
            form.mode = "window"
            form.changed_since = "2026-01-01 00:00:00"
            form.changed_until = "2026-01-02 00:00:00"
            form.apply_mode = "hold"
            form.profession_ids.add(self.env["sdmk.profession"].search([("code", "=", "doctor")]))
        action = form.save().action_start()
        self.assertEqual(
            self.sidecar.last["json"],
            {
                "mode": "window",
                "apply": "hold",
                "professions": ["doctor"],
                "changedSince": "2026-01-01T00:00:00Z",
                "changedUntil": "2026-01-02T00:00:00Z",
            },
        )
        self.assertEqual(action["domain"], [("run_id", "=", 12)])

    def test_a_second_press_starts_no_second_run(self):
        wizard = self.env["sdmk.sync.wizard"].with_user(self.users["admin"]).create({})
        keys = []
        for _ in range(2):
            self.sidecar.answer({"id": 12})
            wizard.action_start()
            keys.append(self.sidecar.last["headers"]["Idempotency-Key"])
        self.assertEqual(len(set(keys)), 1)
        other = self.env["sdmk.sync.wizard"].with_user(self.users["admin"]).create({})
        self.assertNotEqual(other.idempotency_key, keys[0])

    def test_a_period_needs_a_beginning_and_an_end(self):
        wizards = self.env["sdmk.sync.wizard"].with_user(self.users["admin"])
        wizard = wizards.create({"mode": "window", "changed_since": False})
        with self.assertRaises(UserError):
            wizard.action_start()
        self.assertEqual(self.sidecar.asked, [])

    def test_a_batch_is_applied_by_digest_discarded_or_undone_with_a_reason(self):
        for decision, body in (
            ("apply", {"reason": "wrong feed", "planDigest": "d7"}),
            ("discard", {"reason": "wrong feed", "watermark": "advance"}),
            ("undo", {"reason": "wrong feed"}),
        ):
            batch = self.batch_as("admin")
            params = getattr(batch, f"action_{decision}")()["params"]
            self.assertEqual(params, {"batch_id": 1, "decision": decision})
            # The operator sends the digest that they saw, not the newer one in Odoo.
            batch.decide(decision, "wrong feed", "d7", "advance")
            self.assertEqual(self.sidecar.last["path"], f"/v1/batches/1/{decision}")
            self.assertEqual(self.sidecar.last["json"], body)

    def test_a_decision_is_previewed_in_words_with_the_digest_of_its_plan(self):
        excess = {"reason": "DEACTIVATIONS", "profession": "doctor", "count": 25, "limit": 50}
        self.sidecar.answer({"planDigest": "d7", "summary": self.summary(excesses=[excess])})
        seen = self.batch_as("admin").get_preview("apply")
        self.assertEqual(self.sidecar.last["path"], "/v1/batches/1/apply/preview")
        self.assertEqual(seen["planDigest"], "d7")
        [told] = seen["summary"]["excesses"]
        self.assertEqual([told["name"], told["professionName"]], ["DEACTIVATIONS name", "Doctor"])
        self.sidecar.answer({"left": {"people": [{"id": 9, "fields": ["name"]}], "registrations": []}})
        seen = self.batch_as("admin").get_preview("undo")
        self.assertEqual(self.sidecar.last["path"], "/v1/batches/1/undo/preview")
        self.assertEqual(seen["undo"]["left"]["people"][0]["fieldNames"], ["Name"])

    def change(self, **given):
        return {
            "id": 1,
            "outcome": "updated",
            "profession": "doctor",
            "strNumber": "EQ00000000000001",
            "codes": ["NAME_MISSING"],
            "healthWorkerId": None,
            "nameBefore": None,
            "nameAfter": "Siti Rekaan",
            "statusBefore": "active",
            "statusAfter": "revoked",
            "fields": [{"field": "status", "before": "active", "after": "revoked"}],
            "undo": None,
            **given,
        }

    def summary(self, **given):
        return {"professions": [], "codes": [], "excesses": [], "undo": None, **given}

    def test_changes_are_shown_in_words(self):
        excess = {"reason": "DEACTIVATIONS", "profession": "*", "count": 25, "limit": 50}
        summary = self.summary(professions=[{"profession": "doctor"}], excesses=[excess])
        nik = {"field": "nik", "before": None, "after": None}
        place = {"field": "birthPlace", "before": None, "after": "Bogor"}
        change = self.change(fields=[{"field": "status", "before": "active", "after": "revoked"}, place, nik])
        self.sidecar.answer({"items": [change], "next": None, "summary": summary})
        page = self.batch_as("auditor").get_changes(0, {"effect": "deactivated", "profession": "doctor"})
        self.assertEqual(
            self.sidecar.last["path"], "/v1/batches/1/changes?limit=50&after=0&effect=deactivated&profession=doctor"
        )
        told = page["items"][0]
        self.assertEqual(
            [told[key] for key in ("outcomeName", "professionName", "reasons", "statusBeforeName", "statusAfterName")],
            ["Updated", "Doctor", ["NAME_MISSING name"], "Active", "Revoked"],
        )
        self.assertEqual(
            [(field["name"], field["before"], field["after"]) for field in told["fields"]],
            [("Status", "Active", "Revoked"), ("Birth Place", None, "Bogor"), ("NIK (changed)", None, None)],
        )
        self.assertEqual(page["summary"]["professions"][0]["name"], "Doctor")
        self.assertEqual(page["summary"]["excesses"][0]["professionName"], "All together")

    def test_a_search_of_changes_has_no_name_in_its_address(self):
        self.sidecar.answer({"items": [], "next": None, "summary": None})
        self.batch_as("auditor").get_changes(7, {"text": " Siti ", "outcome": "updated", "effect": "other"})
        self.assertEqual(self.sidecar.last["path"], "/v1/batches/1/changes/search")
        self.assertEqual(self.sidecar.last["json"], {"limit": 50, "after": 7, "outcome": "updated", "text": "Siti"})

    def test_exported_changes_have_a_line_for_each_field_and_no_formula(self):
        fields = [
            {"field": "status", "before": "active", "after": "revoked"},
            {"field": "name", "before": "=1+1", "after": "Siti"},
        ]
        self.sidecar.answer({"items": [self.change(fields=fields, nameAfter="=1+1")], "next": 9})
        page = self.batch_as("auditor").export_changes()
        lines = page["lines"].splitlines()
        self.assertEqual(page["next"], 9)
        self.assertEqual(lines[0], "Outcome,Health Worker,STR,Profession,Status,Field,Before,After,Reason")
        self.assertEqual(
            lines[1], "Updated,'=1+1,EQ00000000000001,Doctor,Revoked,Status,Active,Revoked,NAME_MISSING name"
        )
        self.assertEqual(lines[2], "Updated,'=1+1,EQ00000000000001,Doctor,Revoked,Name,'=1+1,Siti,NAME_MISSING name")
        self.sidecar.answer({"items": [], "next": None})
        self.assertEqual(self.batch_as("auditor").export_changes(9), {"lines": "", "next": None})

    def test_a_rejected_row_is_shown_next_to_its_candidates_in_words(self):
        person = {"id": 5, "sex": "female", "registrations": [{"profession": "doctor", "status": "active"}]}
        reading = {"sex": "male", "profession": "doctor", "status": "revoked"}
        self.sidecar.answer(
            {
                "id": 1,
                "state": "open",
                "source": "kki",
                "rows": [{"reading": reading}, {"reading": None}],
                "people": [person],
                "strNumber": "3123",
                "decidedBy": None,
                "decidedAt": None,
                "decisionReason": None,
                "decisions": [{"id": 1, "batchState": "held"}],
                "retries": [],
            }
        )
        detail = self.rejection_as("auditor").get_detail()
        self.assertTrue(detail["decisions"][0]["batchStateName"])
        self.assertEqual(detail["people"][0]["sexName"], "Female")
        self.assertEqual(detail["people"][0]["registrations"][0]["statusName"], "Active")
        told = detail["rows"][0]["reading"]
        self.assertEqual([told["professionName"], told["statusName"]], ["Doctor", "Revoked"])

    def test_a_preview_says_in_words_who_loses_what(self):
        self.sidecar.answer(
            {
                "outcome": "created",
                "codes": [],
                "licences": [
                    {
                        "strNumber": "3123",
                        "profession": "doctor",
                        "statusBefore": "active",
                        "statusAfter": "active",
                        "holderBefore": {"id": 5, "name": "Siti Aminah"},
                        "holderAfter": {"id": None, "name": "Siti Rahmawati"},
                        "isHarmful": True,
                    },
                    {
                        "strNumber": "3124",
                        "profession": "doctor",
                        "statusBefore": "active",
                        "statusAfter": "replaced",
                        "holderBefore": {"id": 6, "name": "Budi"},
                        "holderAfter": {"id": 6, "name": "Budi"},
                        "isHarmful": False,
                    },
                ],
                "people": [
                    {
                        "id": 5,
                        "nameBefore": "Siti Aminah",
                        "nameAfter": "Siti Aminah",
                        "nik": "removed",
                        "licences": 0,
                        "activeLicences": 0,
                    },
                    {
                        "id": None,
                        "nameBefore": None,
                        "nameAfter": "Siti Rahmawati",
                        "nik": "added",
                        "licences": 1,
                        "activeLicences": 1,
                    },
                ],
                "isHarmful": True,
                "planDigest": "d1",
            }
        )
        seen = self.rejection_as("verifier").preview("new", {"batchId": 1, "rowNo": 2})
        self.assertEqual(self.sidecar.last["path"], "/v1/rejections/1/resolve/preview")
        self.assertEqual(
            [(effect["text"], effect["isWarning"]) for effect in seen["effects"]],
            [
                ("The licence 3123 (Doctor) leaves Siti Aminah and goes to Siti Rahmawati.", True),
                ("The licence 3124 changes from Active to Replaced.", False),
                ("Siti Aminah has no NIK any more.", True),
                ("Siti Aminah has no licence any more.", True),
                ("A new person is created: Siti Rahmawati.", False),
                ("Siti Rahmawati gets the NIK of the row.", False),
            ],
        )
        self.assertEqual((seen["isHarmful"], seen["planDigest"]), (True, "d1"))
        self.sidecar.answer({"batch": {"id": 9, "state": "applied"}})
        self.rejection_as("verifier").resolve(5, None, "as on the card", "d1")
        self.assertEqual(self.sidecar.last["json"]["planDigest"], "d1")

    def test_a_row_is_resolved_to_a_known_or_a_new_person(self):
        self.sidecar.answer({"batch": {"id": 9, "state": "applied"}})
        answer = self.rejection_as("verifier").resolve(5, {"batchId": 1, "rowNo": 2, "page": 1}, "as on the card")
        self.assertEqual(
            self.sidecar.last["json"],
            {"healthWorkerId": 5, "row": {"batchId": 1, "rowNo": 2}, "reason": "as on the card"},
        )
        self.assertEqual((answer["healthWorkerId"], answer["batchStateName"]), (5, "Applied"))
        self.sidecar.answer({"batch": {"id": 10, "state": "applied"}})
        self.sidecar.answer({"items": [{"healthWorkerId": 77}]})
        self.assertEqual(self.rejection_as("verifier").resolve("new")["healthWorkerId"], 77)

    def test_an_applied_decision_does_not_fail_if_the_new_person_cannot_be_read(self):
        self.sidecar.answer({"batch": {"id": 10, "state": "applied"}})
        self.sidecar.answer(requests.Timeout("slow"))
        answer = self.rejection_as("verifier").resolve("new")
        self.assertEqual((answer["batchState"], answer["healthWorkerId"]), ("applied", None))

    def test_many_rows_are_retried_at_once_without_decided_ones(self):
        self.tell(rejections=[self.rejection(2, state="resolved"), self.rejection(3)])
        self.sidecar.answer({"asked": 2, "skipped": 0})
        self.rejection_as("verifier", 1, 2, 3).action_retry()
        self.assertEqual(self.sidecar.last["json"], {"ids": [1, 3]})

    def test_rows_that_cannot_be_retried_are_reported(self):
        self.sidecar.answer({"asked": 0, "skipped": 1})
        with self.assertRaises(UserError):
            self.rejection_as("verifier").action_retry()
        self.tell(rejections=[self.rejection(version=2, state="resolved")])
        with self.assertRaises(UserError):
            self.rejection_as("verifier").action_retry()

    def test_rows_with_an_unfit_seal_are_reported_after_reprocessing(self):
        self.env["res.lang"]._activate_lang("id_ID")
        for unfit, lang, kind, told in (
            (0, "en_US", "success", r"^Re-evaluated: 1; no longer kept: 0\.$"),
            (2, "en_US", "warning", r"^Re-evaluated: 1; no longer kept: 0\. Left out: 2\. .*security officer\.$"),
            (2, "id_ID", "warning", r"^Diperiksa ulang: 1; .* Tidak disertakan: 2\. .*petugas keamanan\.$"),
        ):
            self.sidecar.answer({"rows": 1, "purged": 0, "unfit": unfit})
            with self.subTest(unfit=unfit, lang=lang):
                answer = self.rejection_as("verifier").with_context(lang=lang).action_reprocess()["params"]
                self.assertEqual(answer["type"], kind)
                self.assertRegex(answer["message"], told)

    def test_many_rows_are_dismissed_at_once_with_a_reason(self):
        self.tell(rejections=[self.rejection(2)])
        rows = self.rejection_as("verifier", 1, 2)
        self.assertEqual(rows.action_dismiss()["params"], {"ids": [1, 2]})
        self.sidecar.answer({"dismissed": 2})
        self.assertEqual(rows.dismiss("known to KKI"), 2)
        self.assertEqual(self.sidecar.last["path"], "/v1/rejections/dismiss")
        self.assertEqual(self.sidecar.last["json"], {"ids": [1, 2], "reason": "known to KKI"})

    def test_a_rule_dismisses_the_listed_rows_except_urgent_and_later_ones(self):
        self.tell(
            rejections=[
                self.rejection(2, code="STR_INACTIVE"),
                self.rejection(3, code="STR_INACTIVE"),
                self.rejection(4, code="STR_INACTIVE", urgent=True),
                self.rejection(5, code="STR_INACTIVE", state="cleared"),
                self.rejection(6, code="STR_INACTIVE", profession="nurse"),
            ]
        )
        rows = self.rejection_as("verifier").with_context(active_domain=[("profession", "!=", "nurse")])
        params = rows.action_dismiss_by_rule()["params"]
        rule = next(rule for rule in params["rules"] if rule["code"] == "STR_INACTIVE")
        self.assertEqual((rule["count"], params["most"]), (2, 10000))
        self.tell(rejections=[self.rejection(7, code="STR_INACTIVE")])
        self.sidecar.answer({"dismissed": 2})
        self.assertEqual(self.rejection_as("verifier").dismiss_by_rule(rule["domain"], "usual"), 2)
        self.assertEqual(self.sidecar.last["json"], {"ids": [2, 3], "reason": "usual"})

    def test_groups_with_urgent_rows_come_first_and_are_open(self):
        self.tell(
            rejections=[
                self.rejection(1, version=2, code="UNMATCHED"),
                self.rejection(2, version=2, code="STR_AMBIGUOUS", urgent=True),
                self.rejection(3, version=2, code="STR_AMBIGUOUS"),
                self.rejection(4, version=2, code="IDENTITY_CONFLICT", urgent=True, state="cleared"),
            ]
        )
        groups = self.rejection_as("auditor").web_read_group(
            [], ["code"], ["urgent_count:sum"], order="urgent_count desc", unfold_read_specification={"id": {}}
        )["groups"]
        self.assertEqual(
            [(group["code"], group["urgent_count:sum"], len(group.get("__records", []))) for group in groups],
            [("STR_AMBIGUOUS", 1, 2), ("IDENTITY_CONFLICT", 0, 0), ("UNMATCHED", 0, 0)],
        )

    def test_a_filter_leaves_out_rows_that_usually_need_no_work(self):
        self.tell(
            rejections=[
                self.rejection(1, version=2, code="STR_INACTIVE", candidate_count=0),
                self.rejection(2, version=2, code="STR_INACTIVE", candidate_count=1),
                self.rejection(3, version=2, code="STR_INACTIVE", urgent=True),
                self.rejection(4, version=2, code="UNMATCHED"),
                self.rejection(5, version=2, code="UNMATCHED", state="dismissed"),
            ]
        )
        rows = self.rejection_as("auditor")
        self.assertEqual(sorted(rows.search([("needs_work", "=", True)]).ids), [2, 3, 4])
        self.assertEqual(sorted(rows.search([("needs_work", "=", False)]).ids), [1, 5])

    def test_the_sidecar_reads_and_searches_names_and_odoo_stores_none(self):
        rows = self.rejection_as("auditor")
        told = [{"id": 1, "name": "Siti Rahmawati", "candidates": [{"id": 5, "name": "Siti Aminah"}]}]
        self.sidecar.answer({"items": told})
        self.assertEqual(rows.get_names(), told)
        self.assertEqual((self.sidecar.last["path"], self.sidecar.last["json"]), ("/v1/rejections/names", {"ids": [1]}))
        self.sidecar.answer({"items": [{"id": 1}, {"id": 99}]})
        self.assertEqual(rows.search([("person_name", "ilike", "rahma")]).ids, [1])
        self.assertEqual(self.sidecar.last["json"], {"name": "rahma"})
        self.assertFalse(rows.person_name)

    def test_a_list_of_open_rows_searches_names_only_in_open_rows(self):
        rows = self.rejection_as("auditor").with_context(sdmk_only_open=True)
        for state, found in ((None, []), ("open", [1])):
            self.sidecar.answer({"items": [{"id": item} for item in found]})
            rows.with_context(sdmk_only_open=state == "open").search([("person_name", "ilike", "rahma")])
            self.assertEqual(self.sidecar.last["json"].get("state"), state)

    def test_a_grouped_list_asks_the_sidecar_for_a_name_once(self):
        self.sidecar.answer({"items": [{"id": 1}]})
        groups = self.rejection_as("auditor").web_read_group(
            [("person_name", "ilike", "aminah")], ["code"], ["urgent_count:sum"], unfold_read_specification={"id": {}}
        )["groups"]
        self.assertEqual([(group["code"], group["__count"]) for group in groups], [("IDENTITY_CONFLICT", 1)])
        self.rejection_as("auditor").search([("person_name", "ilike", "aminah"), ("code", "=", "IDENTITY_CONFLICT")])
        self.assertEqual(len(self.sidecar.asked), 1)

    def test_a_search_by_name_reports_that_the_sidecar_does_not_answer(self):
        self.sidecar.answer(requests.Timeout("slow"))
        with self.assertRaisesRegex(UserError, "odoo-[0-9a-f]"):
            self.rejection_as("auditor").search([("person_name", "ilike", "silent")])

    def test_calls_that_only_read_have_the_time_limit_of_a_screen(self):
        rows = self.rejection_as("verifier")
        for answer, ask in (
            ({"items": []}, rows.get_names),
            ({"items": []}, lambda: rows.search([("person_name", "ilike", "waiting")])),
            (
                {"outcome": "unchanged", "licences": [], "people": [], "isHarmful": False, "planDigest": "d1"},
                lambda: rows.preview(1),
            ),
        ):
            self.sidecar.answer(answer)
            ask()
            self.assertLess(self.sidecar.last["timeout"][1], 10)
        self.sidecar.answer({"batch": {"id": 9, "state": "applied"}})
        rows.resolve(5)
        self.assertGreater(self.sidecar.last["timeout"][1], 10)

    def test_an_administrator_undoes_a_decision_with_its_batch(self):
        decisions = [
            {"batchId": 9, "batchState": "undone"},
            {"batchId": 10, "batchState": "applied"},
            {"batchId": 8, "batchState": "applied"},
        ]
        self.sidecar.answer({"decisions": decisions})
        self.sidecar.answer({"id": 8, "state": "undone"})
        self.assertEqual(self.rejection_as("admin").undo_decision(8, "mixed up"), "Undone")
        self.assertEqual(self.sidecar.last["path"], "/v1/batches/8/undo")
        self.assertEqual(self.sidecar.last["json"], {"reason": "mixed up"})
        self.assertEqual(self.sidecar.last["signed"]["role"], "administrator")
        asked = len(self.sidecar.asked)
        # A batch that is already undone, a batch of another row, and values that are no id.
        for batch_id in (9, 7, None, "8"):
            self.sidecar.answer({"decisions": decisions})
            with self.subTest(batch_id=batch_id), self.assertRaises(UserError):
                self.rejection_as("admin").undo_decision(batch_id, "mixed up")
            asked += 1
        self.assertEqual(len(self.sidecar.asked), asked)

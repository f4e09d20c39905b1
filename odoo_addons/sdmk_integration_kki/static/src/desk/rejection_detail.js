import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { ResolveDialog } from "./resolve_dialog";

/** What a field of the row and of a person is compared by, in the words of the sidecar's evidence. */
const compared = { name: "name", birth_date: "birthDate", birth_place: "birthPlace", nik: "nikMasked" };

/** A refused row as KKI sent it, and the people whom it may concern, side by side. */
export class RejectionDetail extends Component {
    static template = "sdmk_integration_kki.RejectionDetail";
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.dialog = useService("dialog");
        this.notification = useService("notification");
        this.state = useState({ detail: null, problem: null, at: 0 });
        onWillStart(async () => {
            this.canDecide = await user.hasGroup("sdmk_core.group_sdmk_verifier");
            await this.load();
        });
        onWillUpdateProps((next) => {
            const isOther = next.record.resId !== this.props.record.resId || next.record.data.version !== this.version;
            return isOther ? this.load(next.record) : undefined;
        });
    }

    async load(record = this.props.record) {
        this.version = record.data.version;
        try {
            this.state.detail = await this.orm.silent.call("sdmk.rejection", "get_detail", [[record.resId]]);
            this.state.problem = null;
            this.state.at = Math.min(this.state.at, Math.max(this.state.detail.rows.length - 1, 0));
        } catch (error) {
            this.state.problem = error.data?.message ?? String(error);
        }
    }

    get row() {
        return this.state.detail?.rows[this.state.at];
    }

    /** The row's fields as KKI names them, in its order. */
    get fields() {
        const row = this.row?.row;
        if (row === null || row === undefined) return [];
        if (typeof row !== "object" || Array.isArray(row)) return [{ key: _t("Row"), value: JSON.stringify(row) }];
        return Object.entries(row).map(([key, value]) => ({
            key,
            value: typeof value === "string" ? value : value === null ? "" : JSON.stringify(value),
        }));
    }

    get canResolve() {
        return this.canDecide && this.state.detail?.state === "open" && this.state.detail.source === "kki";
    }

    /** Bootstrap's colour of a field of this person: whether it agrees with the row. */
    mark(person, field) {
        const comparison = this.row?.comparisons.find((item) => item.healthWorkerId === person.id);
        const evidence = Object.keys(compared).find((key) => compared[key] === field);
        if (!comparison || !evidence) return "";
        if (comparison.agreed.includes(evidence)) return "text-success fw-bold";
        if (comparison.similar.includes(evidence)) return "text-warning fw-bold";
        return comparison.differed.includes(evidence) ? "text-danger fw-bold" : "";
    }

    open(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "sdmk.health.worker",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    resolve(person) {
        this.dialog.add(ResolveDialog, {
            name: person ? person.name : null,
            confirm: async (reason) => {
                const { batchId, rowNo } = this.row ?? {};
                const answer = await this.orm.call("sdmk.rejection", "resolve", [
                    [this.props.record.resId],
                    person ? person.id : "new",
                    batchId ? { batchId, rowNo } : null,
                    reason || null,
                ]);
                this.notification.add(_t("Decided; the batch of the decision: %s", answer.batchStateName), {
                    type: answer.batchState === "applied" ? "success" : "warning",
                    buttons: answer.healthWorkerId
                        ? [{ name: _t("Open the Health Worker"), onClick: () => this.open(answer.healthWorkerId) }]
                        : [],
                });
                await this.load();
            },
        });
    }
}

registry.category("view_widgets").add("sdmk_rejection_detail", {
    component: RejectionDetail,
    fieldDependencies: [{ name: "version", type: "float" }],
});

import { Dialog } from "@web/core/dialog/dialog";
import { Component, useState } from "@odoo/owl";

/** Asks for the last word before a row becomes somebody's. */
export class ResolveDialog extends Component {
    static template = "sdmk_integration_kki.ResolveDialog";
    static components = { Dialog };
    static props = {
        /** Of the person, or null for somebody new. */
        name: [String, { value: null }],
        confirm: Function,
        close: Function,
    };

    setup() {
        this.state = useState({ reason: "", isDeciding: false });
    }

    async confirm() {
        this.state.isDeciding = true;
        try {
            await this.props.confirm(this.state.reason.trim());
            this.props.close();
        } finally {
            this.state.isDeciding = false;
        }
    }
}

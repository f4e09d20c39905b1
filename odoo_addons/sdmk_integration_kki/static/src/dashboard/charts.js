import { _t } from "@web/core/l10n/translation";

const colors = {
    created: "#2e7d32",
    linked: "#66bb6a",
    updated: "#1e88e5",
    unchanged: "#b0bec5",
    superseded: "#ffb74d",
    rejected: "#d32f2f",
};

const common = { responsive: true, maintainAspectRatio: false, animation: false };

/** Rows of each day, stacked by outcome. */
export function outcomesChart(days, outcomes) {
    return {
        type: "bar",
        data: {
            labels: days,
            datasets: outcomes.map(({ key, label, rows }) => ({ label, data: rows, backgroundColor: colors[key] })),
        },
        options: {
            ...common,
            scales: { x: { stacked: true, grid: { display: false } }, y: { stacked: true, beginAtZero: true } },
            plugins: { legend: { position: "bottom" } },
        },
    };
}

/** Open refused rows by reason; a click shows them. */
export function reasonsChart(reasons, open) {
    return {
        type: "bar",
        data: {
            labels: reasons.map(({ label }) => label),
            datasets: [{ label: _t("Refused Rows"), data: reasons.map(({ rows }) => rows), backgroundColor: colors.rejected }],
        },
        options: {
            ...common,
            indexAxis: "y",
            scales: { x: { beginAtZero: true, ticks: { precision: 0 } }, y: { grid: { display: false } } },
            plugins: { legend: { display: false } },
            onClick: (_event, [element]) => element && open(reasons[element.index].key),
        },
    };
}

/** Seconds that the last batches took; a click opens one. */
export function durationChart(batches, open) {
    return {
        type: "bar",
        data: {
            labels: batches.map(({ label }) => label),
            datasets: [
                { label: _t("Duration (s)"), data: batches.map(({ seconds }) => seconds), backgroundColor: colors.updated },
            ],
        },
        options: {
            ...common,
            scales: { x: { ticks: { display: false }, grid: { display: false } }, y: { beginAtZero: true } },
            plugins: { legend: { display: false } },
            onClick: (_event, [element]) => element && open(batches[element.index].id),
        },
    };
}

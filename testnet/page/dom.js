/* Elements, and tables of data. Text only ever goes in as text. */

export function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === "function") {
            element.addEventListener(name, value);
        } else if (value !== null && value !== false) {
            element.setAttribute(name, value === true ? "" : value);
        }
    }
    element.append(...children.filter((child) => child !== null));
    return element;
}

/* Leaves alone what stays as it is: no flicker, and nothing new for a screen reader. */
export function setText(element, text) {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

export function table(caption, head, rows) {
    return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
        el("table", {},
            el("caption", {}, caption),
            el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))),
            el("tbody", {}, ...rows.map(([first, ...rest]) =>
                el("tr", {}, el("th", { scope: "row" }, first),
                    ...rest.map((text) => el("td", {}, text)))))));
}

/* A closed <details> that makes its table, {caption, head, rows}, each time it is opened. */
export function tableBehind(summary, make) {
    const details = el("details", { class: "table" }, el("summary", {}, summary));
    details.addEventListener("toggle", () => {
        details.querySelector(".scroll")?.remove();
        if (details.open) {
            const { caption, head, rows } = make();
            details.append(table(caption, head, rows));
        }
    });
    return details;
}

/* Of `count` rows those that a table shows: about sixty, evenly, with the last. */
export function thinned(count) {
    const step = Math.max(1, Math.ceil(count / 60));
    const rows = [];
    for (let i = (count - 1) % step; i < count; i += step) {
        rows.push(i);
    }
    return rows;
}

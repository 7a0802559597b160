// Tables that sort, filter and, where a column counts steps, show one checkpoint at a time. Without scripts the page
// reads the same.
(() => {
  "use strict";
  const SUFFIX = { K: 1e3, M: 1e6 };
  const STEPS = ["step", "updates", "iteration", "at"];

  // "−0.42 [−0.53, −0.31]" is −0.42 and "10K" is 10000; what is no number, as a hash that begins like one, is NaN.
  const number = (text) => {
    const found = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,2})?)([KM]?)(?=$|[\s%])/i.exec(text.trim().replace(/\u2212/g, "-"));
    return found ? Number(found[1]) * (SUFFIX[found[2]] ?? 1) : NaN;
  };

  const element = (name, attributes, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };

  const sortable = (table, body, rows) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const text = (row) => row.cells[column].textContent;
      // A column of numbers may say "unresolved" in places.
      const given = rows.filter((row) => !["", "–"].includes(text(row).trim()));
      const numeric = given.filter((row) => !Number.isNaN(number(text(row)))).length > given.length / 2;
      const missing = (row) => (numeric ? Number.isNaN(number(text(row))) : !given.includes(row));
      const compare = (a, b) =>
        numeric ? number(text(a)) - number(text(b)) : text(a).localeCompare(text(b), "en", { numeric: true });
      const button = element("button", { type: "button", title: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const after = { ascending: "descending", descending: null }[before] ?? (before ? null : "ascending");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (after) head.setAttribute("aria-sort", after);
        const sign = after === "descending" ? -1 : 1;
        // What is missing stands last either way.
        const order = (a, b) => missing(a) - missing(b) || (missing(a) ? 0 : sign * compare(a, b));
        body.append(...(after ? [...rows].sort(order) : rows));
      });
    });
  };

  const controls = (table, rows) => {
    const bar = element("p", { className: "controls" });
    const hidden = new Map(); // by control, which rows it lets through
    const show = () => {
      const lets = [...hidden.values()];
      rows.forEach((row) => (row.hidden = !lets.every((passes) => passes(row))));
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    };
    const search = element("input", { type: "search", placeholder: "filter", ariaLabel: "filter the rows of this table" });
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/);
      hidden.set(search, (row) => words.every((word) => row.textContent.toLowerCase().includes(word)));
      show();
    });
    const count = element("span", { className: "count" });
    bar.append(search);
    const names = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
    const column = names.findIndex((name) => STEPS.includes(name));
    const steps = column === -1 ? [] : [...new Set(rows.map((row) => row.cells[column].textContent))];
    if (steps.length > 2) {
      steps.sort((a, b) => number(a) - number(b));
      const slider = element("input", { type: "range", min: 0, max: steps.length, value: 0, step: 1, ariaLabel: names[column] });
      const told = element("output", {}, "all");
      slider.addEventListener("input", () => {
        const chosen = steps[slider.value - 1];
        told.textContent = chosen ?? "all";
        hidden.set(slider, (row) => chosen === undefined || row.cells[column].textContent === chosen);
        show();
      });
      bar.append(element("label", {}, `${names[column]} `, slider, " ", told));
    }
    bar.append(count);
    show();
    table.parentElement.before(bar);
  };

  // Paper unfolds nothing.
  const folded = [...document.querySelectorAll("details:not([open])")];
  window.addEventListener("beforeprint", () => folded.forEach((details) => (details.open = true)));
  window.addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));

  document.querySelectorAll("table").forEach((table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length > 7) controls(table, rows);
    if (rows.length > 1) sortable(table, body, rows);
  });
})();

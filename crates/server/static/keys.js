// Keys for lists and decisions. Nothing here decides: keys only move the focus or open a form.
"use strict";
(() => {
  const items = () => [...document.querySelectorAll("[data-item] a, a[data-item]")].filter(
    (link, index, all) => all.findIndex((other) => other.closest("[data-item]") === link.closest("[data-item]")) === index,
  );
  const step = (by) => {
    const all = items();
    if (!all.length) return;
    const item = document.activeElement?.closest?.("[data-item]");
    const at = all.findIndex((link) => item && link.closest("[data-item]") === item);
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))].focus();
  };
  const open = (id) => {
    const details = document.getElementById(id);
    if (!details) return;
    details.open = true;
    details.scrollIntoView({ block: "nearest" });
    details.querySelector("input:not([type=hidden]), textarea, button")?.focus();
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    a: () => document.getElementById("approve")?.focus(),
    e: () => open("edit"),
    r: () => open("redraft"),
    x: () => open("reject"),
    "?": () => {
      const help = document.getElementById("help");
      if (help) { help.open = !help.open; help.scrollIntoView(); }
    },
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  // Leaving with unsaved words in the editor asks first.
  const edit = document.querySelector("#edit form");
  let touched = false;
  edit?.addEventListener("input", () => { touched = true; });
  edit?.addEventListener("submit", () => { touched = false; });
  addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
})();

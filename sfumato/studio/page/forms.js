// A form's fields, each with its label, its help and its value.

import { fileUrl, kept, send } from "/page/api.js";
import { make } from "/page/dom.js";

const ACCEPTED = { pictures: "image/*", picture: "image/*", zip: ".zip", weights: ".safetensors" };

export class Form {
  constructor(told, lists, ask) {
    this.told = told;
    this.fields = new Map();
    this.error = make("p", { class: "error", role: "alert" });
    this.element = make("form", { noValidate: true, "aria-label": told.title });
    this.element.append(make("p", {}, told.lines || ""));
    const more = make("details", {}, make("summary", {}, "More"));
    for (const field of told.fields) {
      const made = fieldFor(`${told.name}-${field.name}`, field, () => this.changed(), this);
      this.fields.set(field.name, made);
      (field.more ? more : this.element).append(made.element);
    }
    if (more.children.length > 1) this.element.append(more);
    this.element.append(make("button", { class: "main", type: "submit" }, told.button), this.error);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(this);
    });
    this.list(lists);
    this.set(kept.get(`values:${told.name}`, {}), false);
  }

  list(lists) {
    for (const field of this.fields.values()) field.list?.(lists, this);
  }

  values() {
    const found = {};
    for (const [name, field] of this.fields) {
      const value = field.get();
      // What was emptied is told too, or the server would take what the form began with.
      const empty = value === "" || value === null || (Array.isArray(value) && !value.length);
      if (!empty || field.initial) found[name] = value;
    }
    return found;
  }

  // What is not named is the default again, unless only some are set.
  set(values, clear = true) {
    for (const [name, field] of this.fields) {
      if (name in values) field.set(values[name]);
      else if (clear) field.set(field.initial);
    }
    this.changed();
  }

  changed() {
    kept.set(`values:${this.told.name}`, this.values());
  }
}

function fieldFor(id, field, changed, form) {
  const makers = { flag, choice, loras, ticks, pictures: files, picture: files, zip: files, weights: files };
  const made = (makers[field.kind] || typed)(id, field, changed, form);
  made.initial = field.default === undefined ? (field.kind === "flag" ? false : "") : field.default;
  if (field.kind === "choice" || !(field.kind in makers)) made.initial = plain(made.initial, field);
  made.set(made.initial);
  return made;
}

const plain = (value, field) =>
  Array.isArray(value) ? value.join(field.kind === "words" ? "\n" : " ") : String(value ?? "");

const labelled = (id, field, ...inside) =>
  make("div", { class: "field" }, make("label", { for: id }, field.label), ...inside, help(id, field));

const help = (id, field) => (field.help ? make("p", { class: "help", id: `${id}-help` }, field.help) : null);

const described = (id, field) => (field.help ? { "aria-describedby": `${id}-help` } : {});

function typed(id, field, changed) {
  const long = field.kind === "long" || field.kind === "words";
  const numeric = field.kind === "whole" || field.kind === "number";
  const input = make(long ? "textarea" : "input", {
    id, ...described(id, field), oninput: changed, spellcheck: false,
    ...(numeric ? { type: "number", step: field.kind === "whole" ? "1" : "any" } : long ? {} : { type: "text" }),
    ...(numeric && field.least !== undefined ? { min: String(field.least) } : {}),
  });
  const parts = [input];
  let slider = null;
  if (field.slides) {
    slider = make("input", {
      type: "range", min: String(field.least ?? 0), max: String(field.most), "aria-label": `${field.label}, slider`,
      step: field.kind === "whole" ? "1" : "0.1", oninput: () => { input.value = slider.value; changed(); },
    });
    input.addEventListener("input", () => { slider.value = input.value; });
    parts.splice(0, 1, make("div", { class: "pair" }, slider, input));
  }
  const words = field.listed === "words" ? make("div", { class: "words" }) : null;
  if (words) parts.push(words);
  const put = (text) => {
    const [begin, end] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
    input.setRangeText(text, begin, end, "end");
    input.focus();
    changed();
  };
  return {
    element: labelled(id, field, ...parts),
    put,
    get: () => (numeric && input.value !== "" ? Number(input.value) : field.kind === "words" ? lines(input.value) : input.value),
    set(value) {
      input.value = plain(value, field);
      if (slider) slider.value = input.value;
    },
    list(lists) {
      words?.replaceChildren(...lists.words.map((word) =>
        make("button", { type: "button", class: "small", onclick: () => put(word) }, word)));
    },
  };
}

const lines = (text) => text.split("\n").map((line) => line.trim()).filter(Boolean);

function flag(id, field, changed) {
  const input = make("input", { type: "checkbox", id, ...described(id, field), onchange: changed });
  return {
    element: make("div", { class: "field" }, make("label", { class: "flag", for: id }, input, field.label), help(id, field)),
    get: () => input.checked,
    set(value) { input.checked = Boolean(value); },
  };
}

function choice(id, field, changed, form) {
  const input = make("select", { id, ...described(id, field), onchange: () => { wished = input.value; changed(); form.relist?.(); } });
  let wished = "";
  const fill = (options) => {
    const empty = field.listed && !field.needed ? [["", "by default"]] : [];
    const all = [...empty, ...options.map((one) => [one, one])];
    input.replaceChildren(...all.map(([value, text]) => make("option", { value }, text)));
    input.value = wished;
    if (input.selectedIndex < 0) input.selectedIndex = 0;
  };
  fill(field.choices || []);
  return {
    element: labelled(id, field, input),
    get: () => input.value || (field.listed ? "" : wished),
    set(value) {
      wished = String(value ?? "");
      input.value = wished;
      if (input.selectedIndex < 0) input.selectedIndex = 0;
      if (field.listed && wished && input.value !== wished) input.selectedIndex = -1;
    },
    list(lists, of) {
      if (!field.listed) return;
      const labels = () => lists.models[of.fields.get("weights")?.get()] || [];
      const found = { labels: labels(), models: Object.keys(lists.models), checkpoints: lists.checkpoints,
        additions: lists.loras.map((one) => one.name) }[field.listed] || [];
      fill(found);
      if (field.name === "weights") of.relist = () => of.fields.get("label")?.list(lists, of);
    },
  };
}

function loras(id, field, changed, form) {
  const box = make("fieldset", { class: "field" }, make("legend", {}, field.label), help(id, field));
  const rows = make("div");
  box.append(rows);
  let wished = new Map();
  const drawn = new Map();
  return {
    element: box,
    get: () => [...drawn].filter(([, row]) => row.tick.checked).map(([name, row]) => ({ name, amount: Number(row.amount.value) })),
    set(value) {
      wished = new Map((Array.isArray(value) ? value : []).map((one) => [one.name, one.amount]));
      for (const [name, row] of drawn) {
        row.tick.checked = wished.has(name);
        row.amount.value = wished.get(name) ?? 1;
      }
    },
    list(lists) {
      const before = drawn.size ? new Map(this.get().map((one) => [one.name, one.amount])) : wished;
      drawn.clear();
      rows.replaceChildren(...lists.loras.map((one, place) => {
        const tick = make("input", { type: "checkbox", id: `${id}-${place}`, onchange: changed, checked: before.has(one.name) });
        const amount = make("input", { type: "number", step: "0.05", "aria-label": `Amount of ${one.name}`, oninput: changed });
        amount.value = before.get(one.name) ?? 1;
        drawn.set(one.name, { tick, amount });
        const trigger = one.trigger
          ? make("button", { type: "button", class: "small", onclick: () => form.fields.get("prompt").put(one.trigger) }, one.trigger)
          : null;
        return make("div", {}, make("div", { class: "pair" }, make("label", { class: "flag", for: tick.id }, tick, ` ${one.name}`), amount), trigger);
      }));
      if (!lists.loras.length) rows.append(make("p", { class: "help" }, "None is here: learn one, send one, or start with --models."));
    },
  };
}

function ticks(id, field, changed) {
  const box = make("fieldset", { class: "field" }, make("legend", {}, field.label), help(id, field));
  const rows = make("div");
  box.append(rows);
  let wished = new Set();
  return {
    element: box,
    get: () => [...rows.querySelectorAll("input:checked")].map((input) => input.value),
    set(value) {
      wished = new Set(Array.isArray(value) ? value : []);
      for (const input of rows.querySelectorAll("input")) input.checked = wished.has(input.value);
    },
    list(lists) {
      const before = new Set([...wished, ...this.get()]);
      rows.replaceChildren(...lists.runs.map((run) =>
        make("label", { class: "flag" }, make("input", { type: "checkbox", value: run, checked: before.has(run), onchange: changed }), ` ${run}`)));
      if (!lists.runs.length) rows.append(make("p", { class: "help" }, "There is none yet."));
    },
  };
}

function files(id, field, changed) {
  const several = field.kind === "pictures";
  const input = make("input", { type: "file", id, accept: ACCEPTED[field.kind], multiple: several, ...described(id, field) });
  const status = make("p", { class: "help", role: "status" });
  const thumbs = make("ul", { class: "thumbs" });
  const zone = make("div", { class: "drop" }, make("label", { class: "file", for: id }, field.label), input, status, thumbs);
  let names = [];
  const draw = () => {
    thumbs.replaceChildren(...names.map((name, place) => make("li", {},
      field.kind.startsWith("picture") ? make("img", { src: fileUrl(`sent/${name}`), alt: `${field.label} ${place + 1}` }) : name,
      make("button", { type: "button", class: "small", onclick: () => { names.splice(place, 1); draw(); changed(); } },
        "Remove", make("span", { class: "hidden-text" }, ` ${field.label} ${place + 1}`)))));
  };
  const take = async (chosen) => {
    const kind = field.kind === "pictures" ? "picture" : field.kind;
    const wanted = several ? [...chosen] : [...chosen].slice(0, 1);
    if (!several && wanted.length) names = [];
    const faults = [];
    for (const [place, file] of wanted.entries()) {
      status.textContent = `sending ${file.name} (${place + 1} of ${wanted.length}) ...`;
      try { names.push((await send(kind, file)).name); } catch (error) { faults.push(error.message); }
    }
    status.textContent = faults.join("; ");
    status.className = faults.length ? "error" : "help";
    input.value = "";
    draw();
    changed();
    if (field.kind === "weights") document.dispatchEvent(new Event("relist"));
  };
  input.addEventListener("change", () => take(input.files));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); event.stopPropagation(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    zone.classList.remove("over");
    take(event.dataTransfer.files);
  });
  return {
    element: make("div", { class: "field" }, zone, help(id, field)),
    get: () => (several ? [...names] : names[0] || ""),
    set(value) {
      names = Array.isArray(value) ? [...value] : value ? [value] : [];
      draw();
    },
  };
}

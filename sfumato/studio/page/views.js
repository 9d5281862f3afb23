// What came of a job, as its form wants it shown.

import { fileUrl, get, post } from "/page/api.js";
import { fresh, make } from "/page/dom.js";

const STATES = { waiting: "waits in the line", running: "at work", done: "done", stopped: "stopped", failed: "failed" };

export function stateOf(job) {
  const bar = job.progress.bar;
  if (job.state !== "running" || !bar) return STATES[job.state];
  const left = bar.seconds_left ? `, ${duration(bar.seconds_left)} left` : "";
  return `${bar.what || "at work"}: ${bar.done} of ${bar.of ?? "?"}${left}`;
}

const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

export class Result {
  constructor(form) {
    this.form = form;
    this.parts = Object.fromEntries(["status", "error", "steps", "shown", "curves", "command", "log"].map((name) => [name, make("div")]));
    this.parts.status.setAttribute("role", "status");
    this.empty = make("p", { class: "help" }, "What is painted, learned or measured appears here.");
    this.element = make("section", { class: "result", "aria-label": `Result: ${form.title}` }, this.empty, ...Object.values(this.parts));
    this.lists = new Map();
  }

  async update(job, changed) {
    this.empty.hidden = true;
    const parts = this.parts;
    fresh(parts.status, [job.number, job.state, job.progress], () => status(job, changed));
    fresh(parts.error, [job.state, job.line], () => (job.state === "failed" ? make("p", { class: "error", role: "alert" }, job.line) : null));
    fresh(parts.steps, [job.number, job.steps.length, job.state], () => steps(job));
    const read = await Promise.all([...job.lists, ...(job.readings ? [job.readings] : [])].filter((name) => name.endsWith(".json")).map(async (name) => {
      const key = `${name}:${job.state}`;
      if (!this.lists.has(key)) this.lists.set(key, await get(fileUrl(name)).catch(() => null));
      return [name, this.lists.get(key)];
    }));
    const lists = Object.fromEntries(read.filter(([, value]) => value));
    const view = VIEWS[this.form.shows] || gallery;
    fresh(parts.shown, [job.number, job.pictures, Object.keys(lists), job.lists, job.state === "done"], () => view(job, lists));
    fresh(parts.curves, [job.number, job.curves], () => curves(job.curves));
    fresh(parts.command, [job.command, job.number], () => command(job));
    fresh(parts.log, [job.number, job.log], () => log(job.log, parts.log));
  }
}

function status(job, changed) {
  const bar = job.progress.bar;
  const drawn = make("div", { class: "status" }, make("strong", {}, `Job ${job.number}: ${stateOf(job)}`));
  if (job.state === "running") {
    drawn.append(make("progress", { "aria-label": "how far it is", ...(bar?.of ? { max: bar.of, value: bar.done } : {}) }));
  }
  const change = (what) => async () => { await post(`/api/jobs/${job.number}/${what}`).catch(() => {}); changed(); };
  if (job.state === "running" || job.state === "waiting") drawn.append(make("button", { type: "button", class: "small", onclick: change("stop") }, "Stop"));
  if (job.state === "stopped" || job.state === "failed") drawn.append(make("button", { type: "button", class: "small", onclick: change("go-on") }, "Go on"));
  if (job.state === "stopped") drawn.append(make("span", {}, job.line));
  return drawn;
}

const figure = (name, caption, at) =>
  make("figure", {}, make("a", { href: fileUrl(name, at), target: "_blank" }, make("img", { src: fileUrl(name, at), alt: caption || name })),
    caption ? make("figcaption", {}, caption) : null);

function slider(label, count, say, draw, at = count - 1) {
  const shown = make("div", { class: "two tiny" });
  const output = make("output");
  const input = make("input", { type: "range", min: "0", max: String(count - 1), step: "1", "aria-label": label });
  const show = () => {
    output.textContent = say(Number(input.value));
    shown.replaceChildren(...draw(Number(input.value)));
  };
  input.addEventListener("input", show);
  input.value = at;
  show();
  return [make("div", { class: "at" }, make("span", {}, label), input, output), shown];
}

function steps(job) {
  if (!job.steps.length) return null;
  const total = job.progress.of ?? job.steps[job.steps.length - 1][0];
  return [make("h2", {}, "Step by step"), ...slider("Step", job.steps.length, (at) => `${job.steps[at][0]} of ${total}`, (at) =>
    [figure(job.steps[at][1], "noisy x_t"), figure(job.steps[at][2], "x_0 that the network sees")])];
}

function gallery(job, lists) {
  const readings = lists[job.readings] || {};
  const shown = job.pictures.filter((one) => !/\/sheet-/.test(one.name));
  return make("div", { class: "gallery tiny" }, ...shown.map((one) => {
    const inside = one.name.slice(job.out.length + 1);
    const read = readings[inside];
    const drawn = figure(one.name, read ? `${inside}: read as ${read.digit} (${(100 * read.sure).toFixed(1)}%)` : inside, String(one.at));
    drawn.querySelector("img").addEventListener("load", (event) => enlarge(event.target));
    return drawn;
  }));
}

// Small pictures are shown by whole factors, so that each of their pixels is one square.
const enlarge = (image) => { image.width = image.naturalWidth * Math.max(1, Math.floor(140 / image.naturalWidth)); };

function slides(job, lists) {
  const of = (name) => lists[`${job.out}/${name}`];
  const etas = of("eta/each.json"), slerp = of("slerp/each.json"), lerp = of("lerp/each.json"), found = of("invert.json");
  if (etas) {
    const values = [...new Set(etas.pictures.map((one) => one.eta))];
    return slider("eta", values.length, (at) => `eta = ${values[at]}`, (at) =>
      etas.pictures.filter((one) => one.eta === values[at]).map((one) => figure(`${job.out}/eta/${one.file}`, `noise ${one.noise}`)), 0);
  }
  if (slerp && lerp) {
    return slider("From one noise to the other", slerp.pictures.length, (at) => `alpha = ${slerp.pictures[at].alpha.toFixed(2)}`, (at) =>
      [["slerp", slerp], ["lerp", lerp]].map(([name, list]) =>
        figure(`${job.out}/${name}/${list.pictures[at].file}`, `${name}: norm ${list.pictures[at].norm.toFixed(1)}`)), 0);
  }
  if (found) {
    return slider("Number of steps", found.found.length, (at) => `${found.found[at].steps} steps`, (at) => [
      figure(`${job.out}/invert/${found.original}`, "the picture"),
      figure(`${job.out}/invert/${found.found[at].noise_picture}`, `its noise: norm ${found.found[at].noise_norm.toFixed(1)}`),
      figure(`${job.out}/invert/${found.found[at].reconstruction}`, `painted again: MSE ${found.found[at].mse.toFixed(2)}`)]);
  }
  return gallery(job, lists);
}

function training(job) {
  const looks = job.pictures.filter((one) => /\/(preview|sheet)-\d+\.png$/.test(one.name));
  const others = job.pictures.filter((one) => !looks.includes(one) && one.name.split("/").length === 2);
  const when = (one) => Number(/-(\d+)\.png$/.exec(one.name)[1]);
  return [
    ...(looks.length ? [make("h2", {}, "What it paints"), ...slider("Look", looks.length, (at) => `step ${when(looks[at])}`, (at) =>
      [figure(looks[at].name, `after ${when(looks[at])} steps`, String(looks[at].at))])] : []),
    make("div", { class: "gallery" }, ...others.map((one) => figure(one.name, one.name.split("/")[1], String(one.at)))),
  ];
}

function grid(job, lists) {
  const told = lists[`${job.out}/grid.json`];
  if (!told) return gallery(job, lists);
  const at = Object.fromEntries(job.pictures.map((one) => [one.name, String(one.at)]));
  const cells = new Map(told.cells.map((cell) => [`${cell.row} ${cell.column}`, cell]));
  const rows = told.down ? told.down.values : [""];
  const table = make("table", { class: "grid tiny" },
    make("tr", {}, make("td"), ...told.across.values.map((value) => make("th", { scope: "col" }, `${told.across.name} ${value}`))),
    ...rows.map((down, row) => make("tr", {}, make("th", { scope: "row" }, told.down ? `${told.down.name} ${down}` : ""),
      ...told.across.values.map((across, column) => {
        const cell = cells.get(`${row} ${column}`);
        const name = `${job.out}/${cell.picture}`;
        return make("td", {}, make("a", { href: fileUrl(name), target: "_blank" },
          make("img", { src: fileUrl(name, at[name] || ""), alt: cell.command, title: cell.command })));
      }))));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The grid" }, table);
}

function bars(job, lists) {
  const told = lists[`${job.out}/classify.json`];
  if (!told) return gallery(job, lists);
  const sent = job.values.photos || [];
  return told.pictures.map((picture, place) => make("div", { class: "gallery" },
    sent[place] ? make("figure", {}, make("img", { src: fileUrl(`sent/${sent[place]}`), alt: `Picture ${place + 1}`, width: 140 })) : null,
    make("div", { class: "answers" }, ...told.names.map((name, number) => ({ name, share: picture.probabilities[number] }))
      .sort((one, other) => other.share - one.share).slice(0, 10)
      .map(({ name, share }) => make("div", { class: "bar" }, make("span", {}, name),
        make("meter", { min: 0, max: 1, value: share, "aria-label": name }), make("span", {}, `${(100 * share).toFixed(1)}%`))))));
}

function report(job) {
  const page = job.lists.find((name) => name.endsWith("report.html"));
  return page ? make("iframe", { src: fileUrl(page), title: "The report", sandbox: "allow-scripts" }) : null;
}

const VIEWS = { gallery, slider: slides, training, grid, bars, report };

function curves(told) {
  return Object.entries(told).filter(([, points]) => points.length > 1).map(([name, points]) => {
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const [low, high] = [Math.min(...ys), Math.max(...ys)];
    const x = (value) => 40 + (300 * (value - xs[0])) / Math.max(1, xs[xs.length - 1] - xs[0]);
    const y = (value) => 100 - (90 * (value - low)) / (high - low || 1);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const add = (tag, attributes, text = "") => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      made.textContent = text;
      svg.append(made);
    };
    const last = ys[ys.length - 1];
    for (const [key, value] of Object.entries({ viewBox: "0 0 350 118", class: "curve", role: "img", "aria-label": `${name}: ${last.toPrecision(3)} at step ${xs[xs.length - 1]}` })) svg.setAttribute(key, value);
    add("path", { d: points.map(([px, py], place) => `${place ? "L" : "M"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("") });
    add("text", { x: 0, y: 14 }, high.toPrecision(3));
    add("text", { x: 0, y: 104 }, low.toPrecision(3));
    add("text", { x: 40, y: 116 }, `${name}, steps ${xs[0]} to ${xs[xs.length - 1]}, now ${last.toPrecision(3)}`);
    return svg;
  });
}

function command(job) {
  const text = make("code", {}, job.command);
  const copy = make("button", { type: "button", class: "small", onclick: async () => {
    await navigator.clipboard.writeText(job.command).catch(() => {});
    copy.textContent = "Copied";
  } }, "Copy");
  return make("div", { class: "command" }, text, copy);
}

function log(text, before) {
  if (!text.trim()) return null;
  const open = before.querySelector("details")?.open ?? false;
  return make("details", { open }, make("summary", {}, "What the command says"), make("pre", { tabindex: "0", role: "region", "aria-label": "What the command says" }, text));
}

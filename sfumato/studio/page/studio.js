// The page: tabs, forms, the line of jobs, and pictures that give back their settings.

import { get, kept, post, send } from "/page/api.js";
import { fresh, make } from "/page/dom.js";
import { Form } from "/page/forms.js";
import { Result, stateOf } from "/page/views.js";

const QUICK = 400, SLOW = 2000;
const self = kept.get("window") || crypto.randomUUID?.() || String(Math.random());
kept.set("window", self);

const forms = new Map(); // name -> { form, result, panel, chooser, tab }
let tabs = [], lists = null, soon = null;
const shownState = new Map();

async function begin() {
  const told = await patiently("/api/tabs");
  tabs = told.tabs;
  lists = await patiently("/api/listed");
  document.querySelector("#where").textContent = `All lies in ${told.folder}.`;
  for (const tab of tabs) drawTab(tab);
  const asked = location.hash.slice(1);
  openTab(tabs.some((tab) => tab.name === asked) ? asked : kept.get("tab", tabs[0].name));
  poll();
}

async function patiently(path) {
  for (;;) {
    try { return await get(path); } catch (error) { away(error.message); }
    await new Promise((done) => setTimeout(done, SLOW));
  }
}

function away(line) {
  const notice = document.querySelector("#away");
  notice.hidden = !line;
  notice.textContent = line ? `The studio's server does not answer (${line}). Start it again with the same folder; this page goes on by itself.` : "";
}

function drawTab(tab) {
  const button = make("button", { type: "button", role: "tab", id: `tab-${tab.name}`, "aria-controls": `panel-${tab.name}`, onclick: () => openTab(tab.name) }, tab.title);
  button.addEventListener("keydown", walkTabs);
  document.querySelector("#tabs").append(button);
  const panel = make("div", { role: "tabpanel", id: `panel-${tab.name}`, "aria-labelledby": button.id });
  const choosers = make("div", { class: "forms", role: "group", "aria-label": `${tab.title}: what to do` });
  if (tab.forms.length > 1) panel.append(choosers);
  for (const told of tab.forms) {
    const form = new Form(told, lists, ask), result = new Result(told);
    const work = make("div", { class: "work" }, form.element, result.element);
    const chooser = make("button", { type: "button", onclick: () => openForm(told.name) }, told.title);
    choosers.append(chooser);
    panel.append(work);
    forms.set(told.name, { form, result, work, chooser, tab });
  }
  document.querySelector("#panels").append(panel);
  openForm(kept.get(`form:${tab.name}`, tab.forms[0].name));
}

function walkTabs(event) {
  const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!way) return;
  const at = tabs.findIndex((tab) => `tab-${tab.name}` === event.target.id);
  const next = tabs[(at + way + tabs.length) % tabs.length];
  openTab(next.name);
  document.querySelector(`#tab-${next.name}`).focus(); // which scrolls to it, too
}

function openTab(name) {
  kept.set("tab", name);
  for (const tab of tabs) {
    const button = document.querySelector(`#tab-${tab.name}`), open = tab.name === name;
    button.setAttribute("aria-selected", String(open));
    button.tabIndex = open ? 0 : -1;
    document.querySelector(`#panel-${tab.name}`).hidden = !open;
    // Not scrollIntoView, which would also move where the Tab key goes on.
    const list = button.parentElement;
    if (open) list.scrollLeft = button.offsetLeft - list.offsetLeft - list.clientWidth / 3;
  }
  pollNow();
}

function openForm(name) {
  const { tab } = forms.get(name) || { tab: null };
  if (!tab) return;
  kept.set(`form:${tab.name}`, name);
  for (const told of tab.forms) {
    const one = forms.get(told.name);
    if (!one) continue;
    one.work.hidden = told.name !== name;
    one.chooser.setAttribute("aria-pressed", String(told.name === name));
  }
  pollNow();
}

async function ask(form) {
  form.error.textContent = "";
  try {
    const job = await post("/api/jobs", { form: form.told.name, values: form.values(), window: self });
    kept.set(`job:${form.told.name}`, job.number);
    forms.get(form.told.name).result.element.scrollIntoView({ block: "nearest" });
    pollNow();
  } catch (error) {
    form.error.textContent = error.message;
  }
}

function pollNow() {
  clearTimeout(soon);
  soon = setTimeout(poll, 0);
}

let polling = false;
async function poll() {
  clearTimeout(soon);
  if (polling) { soon = setTimeout(poll, 50); return; }
  polling = true;
  let wait = SLOW;
  try {
    const jobs = await get("/api/jobs");
    away("");
    drawLine(jobs);
    await showResult(jobs);
    await relistWhenDone(jobs);
    if (jobs.some((job) => job.state === "running" || job.state === "waiting")) wait = QUICK;
  } catch (error) {
    away(error.message);
  }
  polling = false;
  clearTimeout(soon);
  soon = setTimeout(poll, wait);
}

async function showResult(jobs) {
  const tab = tabs.find((one) => one.name === kept.get("tab", tabs[0].name));
  const name = kept.get(`form:${tab.name}`, tab.forms[0].name);
  const number = kept.get(`job:${name}`, 0);
  const job = jobs.find((one) => one.number === number);
  if (!job) return;
  const open = job.state === "running" || job.state === "waiting";
  const key = `${number}:${job.state}:${job.ended}`;
  if (!open && shownState.get(name) === key) return;
  await forms.get(name).result.update(await get(`/api/jobs/${number}`), pollNow);
  shownState.set(name, open ? "" : key);
}

let seen = "";
async function relistWhenDone(jobs) {
  const now = JSON.stringify(jobs.filter((job) => job.state !== "running" && job.state !== "waiting").map((job) => [job.number, job.state]));
  if (seen && seen !== now) await relist();
  seen = now;
}

async function relist() {
  lists = await get("/api/listed");
  for (const { form } of forms.values()) form.list(lists);
}
document.addEventListener("relist", () => relist().catch(() => {}));

function drawLine(jobs) {
  document.querySelector("#line-empty").hidden = jobs.length > 0;
  const titles = Object.fromEntries([...forms].map(([name, one]) => [name, one.form.told.title]));
  fresh(document.querySelector("#line"), jobs.map((job) => [job.number, job.state, job.state === "running" ? stateOf(job) : ""]), () =>
    jobs.map((job) => make("li", {},
      make("button", { type: "button", class: "open", onclick: () => openJob(job) }, `${job.number}. ${titles[job.form] || "A picture painted again"}`),
      make("p", {}, stateOf(job), job.window === self ? "" : " (another window's)"),
      job.state === "running" || job.state === "waiting"
        ? make("button", { type: "button", class: "small", "aria-label": `Stop job ${job.number}`, onclick: async () => { await post(`/api/jobs/${job.number}/stop`).catch(() => {}); pollNow(); } }, "Stop")
        : null)));
}

// A job of the line with its inputs, in the form that asked for it.
function openJob(job) {
  if (job.form === "again") return showAgain(job);
  const one = forms.get(job.form);
  kept.set(`job:${job.form}`, job.number);
  shownState.delete(job.form);
  one.form.set(job.values);
  openTab(one.tab.name);
  openForm(job.form);
}

// Pictures that give back their settings.

async function readSettings(file) {
  const notice = document.querySelector("#settings");
  notice.hidden = false;
  notice.replaceChildren(`reading ${file.name} ...`);
  let picture = "";
  try {
    picture = (await send("picture", file)).name;
    const told = await post("/api/settings", { picture });
    const one = forms.get(told.form);
    one.form.set(told.values);
    openTab(one.tab.name);
    openForm(told.form);
    notice.replaceChildren(
      make("strong", {}, `The settings of ${file.name} are set.`),
      told.missing.length ? make("p", { class: "bad" }, `Missing: ${told.missing.join("; ")}.`) : "", " ", againButton(picture), close(notice));
  } catch (error) {
    notice.replaceChildren(make("span", { class: "bad" }, `${file.name}: ${error.message}`), close(notice));
  }
}

const close = (notice) => make("button", { type: "button", class: "small", onclick: () => { notice.hidden = true; } }, "Close");

function againButton(picture) {
  return make("button", { type: "button", class: "small", onclick: async () => {
    try { showAgain(await post("/api/jobs", { form: "again", values: { picture }, window: self })); } catch (error) {
      document.querySelector("#settings").append(make("p", { class: "bad" }, error.message));
    }
  } }, "Paint this very picture again");
}

let again = null;
function showAgain(job) {
  const notice = document.querySelector("#settings");
  notice.hidden = false;
  again = new Result({ title: "A picture painted again", shows: "gallery" });
  notice.replaceChildren(again.element, close(notice));
  const result = again;
  const follow = async () => {
    if (result !== again || notice.hidden) return;
    const now = await get(`/api/jobs/${job.number}`).catch(() => null);
    if (now) await result.update(now, pollNow);
    if (!now || now.state === "running" || now.state === "waiting") setTimeout(follow, QUICK);
  };
  follow();
  pollNow();
}

document.querySelector("#settings-file").addEventListener("change", (event) => {
  if (event.target.files[0]) readSettings(event.target.files[0]);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) readSettings(event.dataTransfer.files[0]);
});

begin();

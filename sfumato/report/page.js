// What the page can do beyond being read: pictures enlarge, and sliders show one frame at a time.
// Without this script everything is there all the same: a slider's figure is its frames in a row.
"use strict";

function made(tag, text = "", attributes = {}) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.textContent = text;
  return element;
}

// A slider: the first picture is all frames in a row, for paper; the others are the frames, hidden until now.
for (const figure of document.querySelectorAll("figure.slider")) {
  const [row, ...frames] = figure.querySelectorAll(".shot");
  const axis = figure.dataset.axis;
  // "t = 500" beside a slider that is called t already: 500.
  const labels = frames.map((frame) => frame.querySelector("span").textContent.replace(`${axis} `, "").replace("= ", ""));
  const range = made("input", "", { type: "range", min: 0, max: frames.length - 1, value: frames.length >> 1, ariaLabel: axis });
  const output = made("output");
  output.style.minWidth = `${Math.max(...labels.map((label) => label.length))}ch`;
  const turn = () => {
    frames.forEach((frame, place) => { frame.hidden = place !== Number(range.value); });
    output.textContent = labels[range.value];
    range.setAttribute("aria-valuetext", labels[range.value]);
  };
  const line = made("div", "", { className: "slide" });
  const all = made("label", "all", { className: "all" });
  const box = made("input", "", { type: "checkbox" });
  box.addEventListener("change", () => { row.hidden = !box.checked; });
  all.prepend(box);
  line.append(made("span", axis), range, output, all);
  frames.forEach((frame) => { frame.querySelector("span").hidden = true; });
  row.hidden = true;
  figure.prepend(line);
  range.addEventListener("input", turn);
  turn();
}

// The enlarged picture, with what made it.
const dialog = made("dialog");
const images = [...document.querySelectorAll("figure img")];
let place = 0;

function enlarge(which) {
  place = which;
  const image = images[place];
  const large = made("div", "", { className: "large" });
  const copy = image.cloneNode();
  copy.removeAttribute("tabindex");
  large.append(copy);
  const bar = made("div", "", { className: "bar" });
  bar.append(made("span", image.closest("figure").querySelector("figcaption b").textContent));
  for (const [text, name, act] of [["←", "previous", () => next(-1)], ["→", "next", () => next(1)], ["×", "close", () => dialog.close()]]) {
    const button = made("button", text, { type: "button", title: name });
    button.setAttribute("aria-label", name);
    button.autofocus = name === "close";
    button.addEventListener("click", act);
    bar.append(button);
  }
  const told = made("dl");
  for (const [name, value] of Object.entries(JSON.parse(image.dataset.told || "{}"))) {
    const line = made("div");
    line.append(made("dt", name), made("dd", value));
    told.append(line);
  }
  dialog.replaceChildren(bar, large, made("p", image.alt), told);
  if (!dialog.open) dialog.showModal();
}

// The next picture that is on the page now: of a slider the frame that is seen.
function next(by) {
  for (let step = 1; step <= images.length; step += 1) {
    const which = (place + by * step + step * images.length) % images.length;
    if (!images[which].closest("[hidden]")) return enlarge(which);
  }
  return undefined;
}

images.forEach((image, which) => {
  image.tabIndex = 0;
  image.setAttribute("role", "button");
  image.title = "enlarge";
  image.addEventListener("click", () => enlarge(which));
  image.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    enlarge(which);
  });
});
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") next(-1);
  if (event.key === "ArrowRight") next(1);
});
dialog.addEventListener("close", () => images[place].focus());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
document.body.append(dialog);

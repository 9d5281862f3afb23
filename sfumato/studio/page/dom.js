// Elements, made in a line.

export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Draws a part anew only when what it shows has changed, so that sliders, scrolling and focus stay.
export function fresh(element, shows, draw) {
  const now = JSON.stringify(shows);
  if (element.dataset.shows === now) return;
  element.dataset.shows = now;
  element.replaceChildren(...[draw()].flat().filter(Boolean));
}

// What the page asks of its server.

const MARK = { "X-Sfumato": "1" };

async function answered(response) {
  const body = await response.json().catch(() => ({ line: `the server answered ${response.status}` }));
  if (!response.ok) throw new Error(body.line || `the server answered ${response.status}`);
  return body;
}

export const get = async (path) => answered(await fetch(path, { headers: MARK }));

export const post = async (path, body = {}) =>
  answered(await fetch(path, {
    method: "POST", headers: { ...MARK, "Content-Type": "application/json" }, body: JSON.stringify(body),
  }));

export const send = async (kind, file) =>
  answered(await fetch(`/api/sent/${kind}?name=${encodeURIComponent(file.name)}`, {
    method: "POST", headers: { ...MARK, "Content-Type": "application/octet-stream" }, body: file,
  }));

export const fileUrl = (name, at = "") => `/files/${name.split("/").map(encodeURIComponent).join("/")}${at && `?${at}`}`;

// Where a window keeps what is its own: a reload finds it, another window does not see it.
export const kept = {
  get(name, otherwise) {
    try { return JSON.parse(sessionStorage.getItem(name)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) { sessionStorage.setItem(name, JSON.stringify(value)); },
};

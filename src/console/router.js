// The view is told by the hash: #/library?stream=show&day=2026-01-02 is
// { path: ["library"], query: { stream: "show", day: "2026-01-02" } }.

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function route() {
  const [, path, , query] = /^#?\/?([^?]*)(\?(.*))?$/s.exec(location.hash) || [];

  return { path: (path || "live").split("/").map(decoded),
           query: Object.fromEntries(new URLSearchParams(query || "")) };
}

export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(given).toString();

  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export const go = (path, query) => { location.hash = href(path, query); };

// the recording of a file of which only the id is known
export const ANY = "any";

export const fileHref = (file) => href(["file", file.RecordingId, file.FileId]);

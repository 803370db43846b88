// Numbers and names as text.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

export function bytes(n) {
  if (n === null || n === undefined) return "unknown";

  let unit = 0;
  while (n >= 999.5 && unit < UNITS.length - 1) {
    n /= 1000;
    unit++;
  }

  return `${unit && n < 99.95 ? n.toFixed(1) : Math.round(n)} ${UNITS[unit]}`;
}

export const number = (n) => n.toLocaleString("en");

export const rate = (bits) =>
  (bits >= 999500 ? `${(bits / 1e6).toFixed(1)} Mb/s`
                  : `${Math.round(bits / 1000)} kb/s`);

// seconds as 1:02:03
export function duration(s) {
  const whole = Math.max(0, Math.round(s));
  const pad = (n) => String(n).padStart(2, "0");
  const h = Math.floor(whole / 3600);
  const m = Math.floor(whole / 60) % 60;

  return h ? `${h}:${pad(m)}:${pad(whole % 60)}` : `${m}:${pad(whole % 60)}`;
}

// seconds as 1:02:03.456
export function exact(s) {
  const ms = Math.max(0, Math.round(s * 1000));
  return `${duration(Math.floor(ms / 1000))}.${String(ms % 1000).padStart(3, "0")}`;
}

// seconds in words, of one or two units
export function span(s) {
  if (s < 10) return `${Math.max(0, s).toFixed(1)} s`;
  if (s < 99.5) return `${Math.round(s)} s`;
  if (s < 5970) return `${Math.round(s / 60)} min`;
  if (s < 172800) {
    const m = Math.round(s / 60);
    return `${Math.floor(m / 60)} h${m % 60 ? ` ${m % 60} min` : ""}`;
  }
  if (s < 63072000) return `${number(Math.round(s / 86400))} days`;
  return `${number(Math.round(s / 31557600))} years`;
}

export const plural = (n, one, many = `${one}s`) =>
  `${number(n)} ${n === 1 ? one : many}`;

// A name as it may be shown: what cannot be seen, or turns the direction of
// what follows, is told by its number.
export function visible(name) {
  if (!name) return "(empty)";
  return name.replace(
    /[\u0000-\u001f\u007f-\u00a0\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase()
      .padStart(4, "0")}\u27e9`);
}

// whether it was made of other files
export const made = (file) => /^edit-/.test(file.TaskId || "");

const REASON = {
  buffer: "no room in record_buffer",
  disk: "the disk was full or failed",
  broken: "broken, or no format takes them",
  header: "before their sequence header",
  key: "before a key frame",
  track: "of a track that the format does not take",
};

// why frames were dropped: "12 the disk was full or failed, ..."
export const drops = (by) => Object.entries(by || {})
  .map(([why, n]) => `${number(n)} ${REASON[why] || why}`).join(", ");

const STATE = {
  recording: "recording", paused: "waits for its stream",
  finishing: "being finished", finished: "finished",
  evicted: "evicted", expired: "expired", deleted: "deleted", lost: "lost",
  ended: "ended",
  waiting: "waiting", taken: "being sent", held: "held", done: "done",
  dead: "failed for good",
};

export const state = (name) => STATE[name] || visible(name);

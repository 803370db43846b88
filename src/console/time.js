// Times and days, in the viewer's zone.  All times are milliseconds since 1970.

const pad = (n, width = 2) => String(n).padStart(width, "0");

export const ms = (us) => (us === null || us === undefined ? null : us / 1000);

// of ISO 8601, or null
export const parse = (text) => (text ? Date.parse(text) : null);

export const iso = (at) => new Date(at).toISOString();

// for a title
export const utc = (at) => `${iso(at).replace("T", " ").replace(/Z$/, "")} UTC`;

export function date(at) {
  const d = new Date(at);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

export function clock(at, seconds = true) {
  const d = new Date(at);
  return `${pad(d.getHours())}:${pad(d.getMinutes())}`
    + (seconds ? `:${pad(d.getSeconds())}` : "");
}

// a day by its date: [begin, end]; it has 23 or 25 hours if the clock changes
export function day(text) {
  const [, y, m, d] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) || [];
  if (!y) return null;

  const begin = new Date(+y, m - 1, +d);
  if (date(begin) !== text) return null;

  return [begin.getTime(), new Date(+y, m - 1, +d + 1).getTime()];
}

export function dayAfter(text, n) {
  const d = new Date(day(text)[0]);
  return date(new Date(d.getFullYear(), d.getMonth(), d.getDate() + n));
}

// the moment at a time of day, HH:MM or HH:MM:SS, that is nearest to a range:
// an hour that the clock has twice is the one in it
export function moment(text, from, to) {
  const [, h, m, s] = /^(\d\d?):(\d\d)(?::(\d\d))?$/.exec(text.trim()) || [];
  if (!h || h > 23 || m > 59 || s > 59) return null;

  let best = null;
  const off = (at) => (at < from ? from - at : at > to ? at - to : 0);

  for (let n = 0; ; n++) {
    const d = new Date(from);
    const start = new Date(d.getFullYear(), d.getMonth(), d.getDate() + n);
    const day0 = new Date(start.getFullYear(), start.getMonth(),
                          start.getDate(), +h, +m, +(s || 0)).getTime();
    if (n > 1 && day0 > to) return best;

    for (const at of [day0, day0 + 1800000, day0 + 3600000]) {
      if (clock(at) !== `${pad(h)}:${m}:${s || "00"}`) continue;
      if (best === null || off(at) < off(best)) best = at;
    }
  }
}

// full hours and parts of them between two times, at most so many
export function ticks(from, to, most) {
  const steps = [1, 2, 5, 10, 15, 30].map((n) => n * 1000)
    .concat([1, 2, 5, 10, 15, 30].map((n) => n * 60000))
    .concat([1, 2, 3, 4, 6, 12, 24].map((n) => n * 3600000));
  const step = steps.find((n) => (to - from) / n <= most) || 86400000;

  // of the zone, not of UTC: zones may be half an hour off
  const base = new Date(from).setHours(0, 0, 0, 0);
  const found = [];

  for (let at = base + Math.ceil((from - base) / step) * step; at <= to;
       at += step) {
    found.push(at);
  }

  return { at: found, seconds: step < 60000 };
}

export const zone = () =>
  Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

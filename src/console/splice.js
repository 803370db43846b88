// The parts of files that are chosen to become one file, in their order.  They
// outlive a reload of the page, and end with its tab.

import { useEffect, useState } from "./html.js";

const KEY = "recording-parts";
export const MOST = 100;      // that a task takes

function kept() {
  try {
    const all = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(all) ? all : [];
  } catch {
    return [];
  }
}

let parts = kept();
let last = Math.max(0, ...parts.map((part) => part.id));
const told = new Set();

function set(next) {
  parts = next;

  try {
    sessionStorage.setItem(KEY, JSON.stringify(parts));
  } catch {
    // the browser keeps nothing: they end with the page
  }

  for (const tell of told) tell(parts);
}

// [{ id, from, to, and of the file what is shown of it }]; from and to are
// seconds of the file, null: from its begin, to its end
export function useParts() {
  const [now, tell] = useState(parts);

  useEffect(() => {
    told.add(tell);
    tell(parts);
    return () => told.delete(tell);
  }, []);

  return now;
}

// false: there are too many
export function addPart(file, from = null, to = null) {
  if (parts.length >= MOST) return false;

  const { FileId, RecordingId, StreamName, AppName, Format, StartTimeUs,
          Duration } = file;
  last += 1;
  set([...parts, { id: last, FileId, RecordingId, StreamName, AppName, Format,
                   StartTimeUs, Duration, from, to }]);
  return true;
}

export const changePart = (id, what) => set(parts.map((part) =>
  (part.id === id ? { ...part, ...what } : part)));

export const dropPart = (id) => set(parts.filter((part) => part.id !== id));

export const dropFile = (fileId) => set(parts.filter((part) =>
  part.FileId !== fileId));

export const dropParts = () => set([]);

// one place up or down
export function movePart(id, by) {
  const at = parts.findIndex((part) => part.id === id);
  const to = at + by;
  if (to < 0 || to >= parts.length) return;

  const next = [...parts];
  [next[at], next[to]] = [next[to], next[at]];
  set(next);
}

export const lengthOf = (part) =>
  Math.max(0, (part.to ?? part.Duration) - (part.from ?? 0));

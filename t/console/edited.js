// A trimmed MP4, as others read it: an MP4 parser that knows edit lists, and
// Chromium, whose pictures and sound are held against those of the file that it
// was made of.  given: base, source and made (paths below /vod/), path (where
// made lies), from (the second of the source that it begins with).

const { createHash } = require("node:crypto");
const fs = require("node:fs");

const MP4Box = require("mp4box");

const { ok, is, until, open, run, say } = require("./page.js");

// [{ type, at, hash }]: each sample, and when it is shown by the edit lists
function parsed(path) {
  return new Promise((done, failed) => {
    const bytes = fs.readFileSync(path);
    const buffer = bytes.buffer.slice(bytes.byteOffset,
                                      bytes.byteOffset + bytes.length);
    const file = MP4Box.createFile();
    const found = [];

    file.onError = failed;
    file.onReady = (info) => {
      for (const track of info.tracks) {
        const [edit, ...more] = track.edits || [];
        if (more.length || !edit) failed(new Error("not one edit"));

        file.setExtractionOptions(track.id, track, { nbSamples: 1e6 });
      }
      file.start();
    };
    file.onSamples = (_, track, samples) => samples.forEach((sample) =>
      found.push({ type: track.type === "audio" ? "a" : "v",
        at: (sample.cts - track.edits[0].media_time) / sample.timescale,
        hash: createHash("sha256").update(sample.data).digest("hex") }));
    buffer.fileStart = 0;
    file.appendBuffer(buffer);
    file.flush();
    done(found);
  });
}

// what a file shows at some times: a hash of each picture
const pictures = (page, url, times) => page.evaluate(async ([src, all]) => {
  const video = document.createElement("video");
  const canvas = document.createElement("canvas");
  const found = [];

  Object.assign(video, { src, muted: true, preload: "auto" });
  await new Promise((done, failed) => {
    video.onloadeddata = done;
    video.onerror = () => failed(new Error("it cannot be decoded"));
  });
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });

  // what is drawn is the picture of before until the one of this time is shown
  for (const at of all) {
    await new Promise((done, failed) => {
      const late = setTimeout(() => failed(new Error(`no picture of ${at}`)),
                              60000);
      const look = (_, { mediaTime }) => {
        if (mediaTime > at + 0.001 || mediaTime < at - 0.041) {
          video.requestVideoFrameCallback(look);
          return;
        }
        clearTimeout(late);
        done();
      };
      video.requestVideoFrameCallback(look);
      video.currentTime = at;
    });
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    found.push(data.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0));
  }

  return { found, duration: video.duration };
}, [url, times]);

// by how many seconds sound of a file is behind what it is in the other one
const behind = (page, source, made, at, from) => page.evaluate(
  async ([one, other, second, begin]) => {
    const context = new OfflineAudioContext(1, 1, 48000);
    const [a, b] = await Promise.all([one, other].map(async (url) => {
      const bytes = await (await fetch(url)).arrayBuffer();
      return (await context.decodeAudioData(bytes)).getChannelData(0);
    }));
    const n = 9600;
    const start = Math.round(second * 48000);
    const piece = b.subarray(start, start + n);
    let best = { sum: -Infinity, lag: 0 };

    for (let lag = -4800; lag <= 4800; lag++) {
      const first = Math.round(begin * 48000) + start + lag;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += piece[i] * a[first + i];
      if (sum > best.sum) best = { sum, lag };
    }

    return best.lag / 48000;
  }, [source, made, at, from]);

run(async (given) => {
  for (const sample of await parsed(given.path)) say({ sample });

  const b = await open(given.base);
  const { page } = b;
  const [source, made] = [given.source, given.made].map((path) =>
    `${given.base}/vod/${path}`);

  await b.visit("");
  await until("the page", () => page.locator("h1").isVisible());

  const times = [0.02, 0.06, 0.1, 1.02, 3.3];
  const shown = await pictures(page, made, times);
  const want = await pictures(page, source, times.map((s) => s + given.from));
  is(JSON.stringify(shown.found), JSON.stringify(want.found),
     "Chromium shows its pictures when they are to be seen");
  is(new Set(want.found).size, times.length, "which are not the same ones");
  ok(Math.abs(shown.duration - 3.5) < 0.05, "and tells its duration",
     shown.duration);

  const lag = await behind(page, source, made, 1, given.from);
  ok(Math.abs(lag) < 0.003, "Chromium decodes its sound in step", lag);
  await b.close();
});

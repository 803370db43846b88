// Plays files one after the other, each with one library, as fast as the
// browser can, and says of each how far it came and what the library said:
//
//     index.html?play=hls.js:/vod/a/index.m3u8&play=browser:/vod/a.mp4
//
// A line of the console for each, PLAYED and a JSON text (percent-encoded:
// it stays in one line), then DONE.

'use strict';

const RATE = 4;
const DEADLINE = 15000;         // for each step forward

let say = () => {};

for (const level of ['warn', 'error']) {
    console[level] = (...words) =>
        say(level + ': ' + words.map(String).join(' '));
}

addEventListener('error', (e) => say('error: ' + e.message));
addEventListener('unhandledrejection', (e) => say('error: ' + e.reason));


// each begins to play a URL, and returns how that ends

const players = {
    'browser': (video, url) => {
        video.src = url;
        return () => {};
    },

    'flv.js': (video, url) => flv(flvjs, video, url),
    'mpegts.js': (video, url) => flv(mpegts, video, url),

    'hls.js': (video, url) => {
        const hls = new Hls();

        // all of them, the ones that it overcomes too
        hls.on(Hls.Events.ERROR, (event, data) =>
            say(`error: ${data.type} ${data.details} ${data.error}`));
        hls.loadSource(url);
        hls.attachMedia(video);

        return () => hls.destroy();
    },

    'xgplayer': (video, url) => {
        const player = new Player({
            el: video.parentNode, mediaEl: video, url: url, isLive: false,
            autoplay: true, autoplayMuted: true,
            defaultPlaybackRate: RATE, plugins: [FlvPlayer],
        });

        player.on('error', (e) => say('error: ' + (e && e.message)));
        return () => player.destroy();
    },
};


function flv(library, video, url)
{
    const player = library.createPlayer({ type: 'flv', url: url });

    player.on(library.Events.ERROR, (...words) =>
        say('error: ' + words.slice(0, 2).join(' ')));
    player.attachMediaElement(video);
    player.load();

    return () => player.destroy();
}


function play(name, url)
{
    return new Promise((resolve) => {
        const messages = [];
        const box = document.createElement('div');
        const video = document.createElement('video');
        let timer, detach;

        // the same again and again would only be long
        say = (text) => messages.length < 20 && messages.push(text);

        const end = (how) => {
            const ranges = video.buffered;

            clearTimeout(timer);
            say = () => {};

            resolve({
                name: name, url: url, messages: messages, ended: how,
                position: video.currentTime, duration: video.duration,
                start: ranges.length ? ranges.start(0) : 0,
                holes: ranges.length - 1,
                frames: video.getVideoPlaybackQuality().totalVideoFrames,
            });

            if (detach) {
                detach();
            }

            box.remove();
        };

        video.addEventListener('ended', () => end('ended'));
        video.addEventListener('error', () => {
            say(`error: ${video.error.code} ${video.error.message}`);
            end('error');
        });

        const moved = () => {
            clearTimeout(timer);
            timer = setTimeout(() => end('nowhere'), DEADLINE);
        };

        moved();
        video.addEventListener('timeupdate', moved);

        // play() now would be undone by a library that loads later
        video.autoplay = video.muted = true;
        box.append(video);
        document.body.append(box);
        detach = players[name](video, url);

        video.defaultPlaybackRate = video.playbackRate = RATE;
    });
}


(async () => {
    for (const item of new URLSearchParams(location.search).getAll('play')) {
        const [, name, url] = item.match(/^([^:]+):(.*)$/);
        const played = await play(name, url);
        console.log('PLAYED ' + encodeURIComponent(JSON.stringify(played)));
    }

    console.log('DONE');
})();

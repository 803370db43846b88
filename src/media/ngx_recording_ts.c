
#include "ngx_recording_codec.h"
#include "ngx_recording_ts.h"


#define NGX_RECORDING_TS_SYNC      0x47
#define NGX_RECORDING_TS_START     0x40     /* in the second byte */
#define NGX_RECORDING_TS_ADAPTED   0x20     /* in the fourth byte */
#define NGX_RECORDING_TS_PAYLOAD   0x10
#define NGX_RECORDING_TS_PCR       0x10     /* in the adaptation field */

#define NGX_RECORDING_TS_CLOCK     ((int64_t) 1 << 33)

#define NGX_RECORDING_TS_PES       9        /* its header without times */
#define NGX_RECORDING_TS_TIME      5

/* types of NAL units */
#define NGX_RECORDING_TS_SLICE     1
#define NGX_RECORDING_TS_IDR       5


typedef struct {
    u_char                 *data;           /* payload */
    size_t                  size;
    uint16_t                pid;
    ngx_uint_t              track;          /* none if not below TRACKS */
    uint8_t                 counter;
    unsigned                start:1;
    unsigned                payload:1;
    unsigned                stuffed:1;
} ngx_recording_ts_packet_t;


static ngx_recording_ts_pid_t *ngx_recording_ts_pid(
    ngx_recording_ts_pids_t *pids, uint16_t pid);
static ngx_int_t ngx_recording_ts_parse(ngx_recording_ts_packet_t *packet,
    u_char *p);
static ngx_int_t ngx_recording_ts_table(uint16_t pid);
static ngx_int_t ngx_recording_ts_count(ngx_recording_ts_t *ts,
    ngx_recording_ts_packet_t *packet);
static ngx_int_t ngx_recording_ts_media(ngx_recording_ts_t *ts,
    ngx_recording_ts_packet_t *packet);
static ngx_int_t ngx_recording_ts_header(ngx_recording_ts_pes_t *pes,
    ngx_recording_ts_packet_t *packet);
static int64_t ngx_recording_ts_time(const u_char *p);
static void ngx_recording_ts_commit(ngx_recording_ts_t *ts);
static void ngx_recording_ts_audio(ngx_recording_ts_pes_t *pes, u_char *p,
    size_t size);
static void ngx_recording_ts_video(ngx_recording_ts_t *ts, u_char *p,
    size_t size);


static const u_char  ngx_recording_ts_ids[NGX_RECORDING_TRACKS] = {
    0xe0, 0xc0
};


void
ngx_recording_ts_stamp(ngx_recording_ts_pids_t *pids, u_char *p, u_char *last)
{
    ngx_recording_ts_pid_t  *c;

    for ( /* void */ ; p < last; p += NGX_RECORDING_TS_PACKET) {

        c = ngx_recording_ts_pid(pids, (uint16_t) ((p[1] & 0x1f) << 8 | p[2]));

        if (c == NULL) {
            continue;
        }

        if (p[3] & NGX_RECORDING_TS_PAYLOAD) {
            c->counter = (c->counter + 1) & 0x0f;
        }

        p[3] = (u_char) ((p[3] & 0xf0) | c->counter);
    }
}


/* adds a PID that is not there, the first that counts is 0; NULL: no room */

static ngx_recording_ts_pid_t *
ngx_recording_ts_pid(ngx_recording_ts_pids_t *pids, uint16_t pid)
{
    ngx_uint_t               i;
    ngx_recording_ts_pid_t  *c;

    for (i = 0; i < pids->n; i++) {
        if (pids->pids[i].pid == pid) {
            return &pids->pids[i];
        }
    }

    if (i == NGX_RECORDING_TS_PIDS) {
        return NULL;
    }

    c = &pids->pids[i];
    c->pid = pid;
    c->counter = 0x0f;

    pids->n++;

    return c;
}


void
ngx_recording_ts_init(ngx_recording_ts_t *ts, ngx_recording_ts_pids_t *pids)
{
    ngx_uint_t  i;

    ngx_memzero(ts, sizeof(ngx_recording_ts_t));

    if (pids) {
        ts->pids = *pids;
        ts->counters = *pids;
    }

    for (i = 0; i < NGX_RECORDING_TRACKS; i++) {
        ts->tracks[i].first = -1;
        ts->tracks[i].last = -1;
    }

    ts->code = 0xffffffff;
}


ngx_int_t
ngx_recording_ts_scan(ngx_recording_ts_t *ts, u_char *p, size_t n)
{
    ngx_int_t                  rc;
    ngx_recording_ts_packet_t  packet;

    if (ts->stopped) {
        return NGX_DECLINED;
    }

    for ( /* void */ ; n >= NGX_RECORDING_TS_PACKET;
         p += NGX_RECORDING_TS_PACKET, n -= NGX_RECORDING_TS_PACKET)
    {
        rc = ngx_recording_ts_parse(&packet, p);

        if (rc == NGX_OK) {
            rc = ngx_recording_ts_count(ts, &packet);
        }

        if (rc == NGX_OK) {
            ts->pos += NGX_RECORDING_TS_PACKET;

            if (packet.payload && packet.track < NGX_RECORDING_TRACKS) {
                rc = ngx_recording_ts_media(ts, &packet);

            } else if (ts->pes.done) {
                ngx_recording_ts_commit(ts);
            }
        }

        if (rc != NGX_OK) {
            ts->stopped = 1;
            return NGX_DECLINED;
        }

        ts->zero = (p[NGX_RECORDING_TS_PACKET - 1] == 0);
    }

    return NGX_OK;
}


void
ngx_recording_ts_end(ngx_recording_ts_t *ts)
{
    if (ts->pes.done && !ts->stopped && !ts->zero) {
        ngx_recording_ts_commit(ts);
    }

    ts->stopped = 1;
}


static ngx_int_t
ngx_recording_ts_parse(ngx_recording_ts_packet_t *packet, u_char *p)
{
    size_t  field, need;

    /* neither an error, nor a priority, nor scrambled */

    if (p[0] != NGX_RECORDING_TS_SYNC || (p[1] & 0xa0) || (p[3] & 0xc0)) {
        return NGX_DECLINED;
    }

    packet->pid = (uint16_t) ((p[1] & 0x1f) << 8 | p[2]);
    packet->track = (ngx_uint_t) packet->pid - NGX_RECORDING_TS_PID;
    packet->counter = p[3] & 0x0f;
    packet->start = (p[1] & NGX_RECORDING_TS_START) ? 1 : 0;
    packet->payload = (p[3] & NGX_RECORDING_TS_PAYLOAD) ? 1 : 0;
    packet->stuffed = 0;
    packet->data = p + 4;
    packet->size = NGX_RECORDING_TS_PACKET - 4;

    if (packet->track >= NGX_RECORDING_TRACKS
        && ngx_recording_ts_table(packet->pid) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (!(p[3] & NGX_RECORDING_TS_ADAPTED)) {
        return packet->payload ? NGX_OK : NGX_DECLINED;
    }

    /* it leaves room for a payload, or fills the packet */

    field = p[4];

    if (field >= packet->size
        || packet->payload == (field == packet->size - 1))
    {
        return NGX_DECLINED;
    }

    packet->data += 1 + field;
    packet->size -= 1 + field;

    if (field == 0) {
        packet->stuffed = 1;
        return NGX_OK;
    }

    /* flags, and of what they may tell of only a PCR */

    if (p[5] & 0x0f) {
        return NGX_DECLINED;
    }

    need = 1 + ((p[5] & NGX_RECORDING_TS_PCR) ? 6 : 0);

    if (field < need) {
        return NGX_DECLINED;
    }

    packet->stuffed = (field > need || p[5] == 0);

    return NGX_OK;
}


static ngx_int_t
ngx_recording_ts_table(uint16_t pid)
{
    switch (pid) {

    case 0x0000:                            /* PAT */
    case 0x0010:                            /* NIT */
    case 0x0011:                            /* SDT */
    case 0x1000:                            /* PMT */
        return NGX_OK;

    default:
        return NGX_DECLINED;
    }
}


/* a gap in the counters: something else stands where our packets were */

static ngx_int_t
ngx_recording_ts_count(ngx_recording_ts_t *ts,
    ngx_recording_ts_packet_t *packet)
{
    ngx_uint_t               bit;
    ngx_recording_ts_pid_t  *c;

    c = ngx_recording_ts_pid(&ts->counters, packet->pid);

    if (c == NULL) {
        return NGX_OK;
    }

    bit = (ngx_uint_t) 1 << (c - ts->counters.pids);

    if ((ts->seen & bit)
        && packet->counter != ((c->counter + packet->payload) & 0x0f))
    {
        return NGX_DECLINED;
    }

    ts->seen |= bit;
    c->counter = packet->counter;

    return NGX_OK;
}


static ngx_int_t
ngx_recording_ts_media(ngx_recording_ts_t *ts,
    ngx_recording_ts_packet_t *packet)
{
    ngx_recording_ts_pes_t  *pes, next;

    pes = &ts->pes;

    if (packet->start) {

        ngx_memzero(&next, sizeof(ngx_recording_ts_pes_t));
        next.track = packet->track;

        if ((pes->open && pes->sized && !pes->done)
            || ngx_recording_ts_header(&next, packet) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        ngx_recording_ts_commit(ts);
        *pes = next;

    } else if (!pes->open || pes->done || pes->track != packet->track) {
        return NGX_DECLINED;
    }

    if (pes->sized) {

        if (packet->size > pes->left) {
            return NGX_DECLINED;
        }

        pes->left -= packet->size;
        pes->done = (pes->left == 0);

    } else {
        pes->done = packet->stuffed;
    }

    if (pes->track == NGX_RECORDING_AUDIO) {
        ngx_recording_ts_audio(pes, packet->data, packet->size);

    } else if (ts->slice == 0) {
        ngx_recording_ts_video(ts, packet->data, packet->size);
    }

    pes->end = ts->pos;
    pes->pids = ts->counters;

    return NGX_OK;
}


/* what is left of the packet is the PES's data */

static ngx_int_t
ngx_recording_ts_header(ngx_recording_ts_pes_t *pes,
    ngx_recording_ts_packet_t *packet)
{
    u_char  *p, *dts;
    size_t   len, head;

    p = packet->data;
    dts = p + NGX_RECORDING_TS_PES;
    head = NGX_RECORDING_TS_PES + NGX_RECORDING_TS_TIME;

    if (packet->size < head
        || p[0] != 0 || p[1] != 0 || p[2] != 1
        || p[3] != ngx_recording_ts_ids[pes->track]
        || (p[6] & 0xc0) != 0x80
        || (p[7] & 0xbf) != 0x80)
    {
        return NGX_DECLINED;
    }

    if (p[7] & 0x40) {
        dts += NGX_RECORDING_TS_TIME;
        head += NGX_RECORDING_TS_TIME;
    }

    if (NGX_RECORDING_TS_PES + (size_t) p[8] != head || packet->size < head) {
        return NGX_DECLINED;
    }

    pes->dts = ngx_recording_ts_time(dts);

    if (pes->dts == -1) {
        return NGX_DECLINED;
    }

    /* the length counts what follows it */

    len = (size_t) p[4] << 8 | p[5];

    if (len) {
        if (len < head - 6) {
            return NGX_DECLINED;
        }

        pes->sized = 1;
        pes->left = len - (head - 6);
    }

    pes->open = 1;

    packet->data += head;
    packet->size -= head;

    return NGX_OK;
}


static int64_t
ngx_recording_ts_time(const u_char *p)
{
    if (!(p[0] & p[2] & p[4] & 1)) {
        return -1;
    }

    return (int64_t) (p[0] & 0x0e) << 29 | (int64_t) p[1] << 22
           | (int64_t) (p[2] & 0xfe) << 14 | (int64_t) p[3] << 7 | p[4] >> 1;
}


size_t
ngx_recording_ts_times(const u_char *p, size_t size, int64_t *dts,
    int64_t *pts)
{
    size_t  head;

    head = NGX_RECORDING_TS_PES + NGX_RECORDING_TS_TIME;

    if (size < head || p[0] != 0 || p[1] != 0 || p[2] != 1 || !(p[7] & 0x80)) {
        return 0;
    }

    head += p[7] & 0x40 ? NGX_RECORDING_TS_TIME : 0;

    if (NGX_RECORDING_TS_PES + (size_t) p[8] < head
        || size < NGX_RECORDING_TS_PES + (size_t) p[8])
    {
        return 0;
    }

    *pts = ngx_recording_ts_time(p + NGX_RECORDING_TS_PES);
    *dts = p[7] & 0x40
           ? ngx_recording_ts_time(p + NGX_RECORDING_TS_PES
                                   + NGX_RECORDING_TS_TIME)
           : *pts;

    return *pts == -1 || *dts == -1 ? 0 : NGX_RECORDING_TS_PES + p[8];
}


static void
ngx_recording_ts_commit(ngx_recording_ts_t *ts)
{
    uint64_t                   more;
    ngx_recording_ts_pes_t    *pes;
    ngx_recording_ts_track_t  *t;

    pes = &ts->pes;

    if (!pes->open) {
        return;
    }

    t = &ts->tracks[pes->track];

    if (t->first == -1) {
        t->first = pes->dts;

    } else {
        t->step = ngx_recording_ts_distance(t->last, pes->dts);
    }

    /* those that follow the first one have no time of their own */

    more = pes->frames > 1 ? pes->frames - 1 : 0;

    if (more && pes->lasts) {
        t->step = pes->lasts;
    }

    if (pes->track == NGX_RECORDING_VIDEO) {
        ts->closed = (ts->slice == NGX_RECORDING_TS_IDR);
    }

    t->last = (pes->dts + (int64_t) more * pes->lasts)
              & (NGX_RECORDING_TS_CLOCK - 1);
    t->frames += more + 1;

    ts->pids = pes->pids;
    ts->whole = pes->end;

    pes->open = 0;
}


/* counts frames by their headers, which may lie across packets */

static void
ngx_recording_ts_audio(ngx_recording_ts_pes_t *pes, u_char *p, size_t size)
{
    size_t  n;

    while (size) {

        if (pes->skip) {
            n = ngx_min(pes->skip, size);

            pes->skip -= n;
            p += n;
            size -= n;

            continue;
        }

        pes->head[pes->nhead++] = *p++;
        size--;

        if (pes->nhead < NGX_RECORDING_TS_HEAD) {
            continue;
        }

        n = ngx_recording_ts_audio_size(pes->head, &pes->lasts);

        if (n > NGX_RECORDING_TS_HEAD) {
            pes->frames++;
            pes->skip = n - NGX_RECORDING_TS_HEAD;

        } else {

            /* not known: the rest is no other frame */

            pes->skip = NGX_MAX_SIZE_T_VALUE;
        }

        pes->nhead = 0;
    }
}


/* looks for the first slice of the segment, of any of its partitions */

static void
ngx_recording_ts_video(ngx_recording_ts_t *ts, u_char *p, size_t size)
{
    ngx_uint_t  type;

    for ( /* void */ ; size; p++, size--) {

        ts->code = ts->code << 8 | *p;
        type = *p & 0x1f;

        if ((ts->code & 0xffffff00) == 0x00000100
            && type >= NGX_RECORDING_TS_SLICE && type <= NGX_RECORDING_TS_IDR)
        {
            ts->slice = type;
            return;
        }
    }
}


/* of an ADTS or an MP3 frame with its header, or 0; and how long it lasts */

size_t
ngx_recording_ts_audio_size(u_char *head, int64_t *lasts)
{
    size_t                 kbps;
    uint32_t               rate;
    ngx_recording_codec_t  c;

    static const uint16_t  rates[2][16] = {
        { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 },
        { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
          0 },
    };

    if (head[0] == 0xff && (head[1] & 0xf6) == 0xf0) {
        rate = ngx_recording_codec_aac_rate(head[2] >> 2 & 0x0f);
        *lasts = rate ? 1024 * 90000 / rate : 0;

        return (size_t) (head[3] & 0x03) << 11 | head[4] << 3 | head[5] >> 5;
    }

    if (ngx_recording_codec_mp3(&c, head, NGX_RECORDING_TS_HEAD) != NGX_OK) {
        return 0;
    }

    kbps = rates[(head[1] >> 3) & 0x01][head[2] >> 4];

    if (kbps == 0) {
        return 0;
    }

    *lasts = (int64_t) c.samples * 90000 / c.sample_rate;

    return c.samples / 8 * kbps * 1000 / c.sample_rate + ((head[2] >> 1) & 1);
}


int64_t
ngx_recording_ts_distance(int64_t from, int64_t to)
{
    int64_t  d;

    d = (to - from) & (NGX_RECORDING_TS_CLOCK - 1);

    return d < NGX_RECORDING_TS_CLOCK / 2 ? d : d - NGX_RECORDING_TS_CLOCK;
}

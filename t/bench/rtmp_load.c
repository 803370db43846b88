
/*
 * Load of RTMP publishers: all of them in one process, paced by the
 * timestamps of an FLV file that is sent over and over.
 *
 *   rtmp_load -p port -f file.flv [-n streams] [-a application]
 *       [-x application of one more publisher, for its pings only]
 *       [-w warm-up, s] [-t window, s] [-s speed] [-c chunk size]
 *       [-g ms between two pings of a stream] [-G ms of that one more]
 *       [-r ms between the first stream's start and the last one's]
 *       [-N what the streams' names begin with] [-o report] [-k]
 *
 * Streams are named s0, s1, ..., or by -N; they start one after the other
 * within two seconds, or -r, so that their key frames do not fall together.
 * Lines of JSON on standard output tell the phases:
 *
 *   {"event":"ready"}    all are accepted
 *   {"event":"begin"}    all send, the warm-up is over
 *   {"event":"end",...}  the window is over; what was measured in it
 *   {"event":"done",...} every stream was ended; what each has sent
 *
 * lag is how late a message was in the socket, ping how long the server
 * took to answer one among the media: both tell whether the figures of the
 * server mean what they say.
 *
 * With -k the streams go on behind the window, until SIGTERM: so that what is
 * counted from outside has no stream's end in it.
 *
 * With -o a connection that the server loses ends its stream only, not the
 * program, and a file tells when the server's kernel had taken each frame,
 * as TCP acknowledges it.  Its lines are
 *
 *   STREAM v|a TIMESTAMP TIME    a video or an audio frame
 *   STREAM lost 0 TIME           the connection was lost
 *
 * with the number of the stream, milliseconds of the stream's time, and
 * nanoseconds of CLOCK_MONOTONIC.
 */


#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define LOAD_HANDSHAKE    1536
#define LOAD_CSIDS        64
#define LOAD_KEEP         512         /* bytes of a message that are read */
#define LOAD_SPREAD       2000000000  /* ns, starts of the streams */
#define LOAD_TIMEOUT      30000000000 /* ns, until all are accepted */
#define LOAD_LINGER       10000000000 /* ns, until the server has all */

#define LOAD_CHUNK_SIZE   1
#define LOAD_USER         4
#define LOAD_AUDIO        8
#define LOAD_VIDEO        9
#define LOAD_DATA         18
#define LOAD_COMMAND      20

#define LOAD_PING         6
#define LOAD_PONG         7


typedef enum {
    LOAD_CONNECTING = 0,
    LOAD_SHAKING,
    LOAD_ASKING,                      /* connect, createStream, publish */
    LOAD_READY,
    LOAD_SENDING,
    LOAD_ENDING,
    LOAD_CLOSED
} load_state_e;


/* a tag of the file */

typedef struct {
    const uint8_t          *data;
    uint32_t                size;
    uint32_t                timestamp;
    uint8_t                 type;
    uint8_t                 once;     /* not sent again with the next turn */
} load_tag_t;


/* a frame on its way to the server's kernel */

typedef struct {
    uint64_t                end;      /* of it, in all that was sent */
    uint32_t                timestamp;
    uint8_t                 type;
} load_frame_t;


/* growing lists of microseconds */

typedef struct {
    uint32_t               *us;
    size_t                  n;
    size_t                  size;
} load_list_t;


typedef struct {
    uint32_t                len;
    uint32_t                left;
    uint32_t                n;        /* bytes kept */
    uint8_t                 type;
    uint8_t                 extended;
    uint8_t                 data[LOAD_KEEP];
} load_message_t;


typedef struct {
    int                     fd;
    load_state_e            state;
    int                     extra;    /* the one that only pings */
    char                    name[64];
    uint32_t                events;

    uint8_t                *in;
    size_t                  in_n;
    uint32_t                in_chunk;
    load_message_t         *messages; /* by chunk stream */

    uint8_t                *out;
    size_t                  out_pos;
    size_t                  out_n;
    size_t                  out_size;
    int64_t                 blocked;  /* due time of what waits, 0: nothing */
    uint64_t                put;      /* bytes that ever went to out */

    load_frame_t           *frames;   /* not reported yet */
    size_t                  frames_pos;
    size_t                  frames_n;
    size_t                  frames_size;

    int64_t                 start;
    uint64_t                turn;     /* of the file */
    size_t                  tag;
    uint64_t                sent[2];  /* audio, video frames */

    int64_t                 ping;     /* when it was sent, 0: none */
    int64_t                 next_ping;
} load_conn_t;


static struct {
    const char             *host;
    int                     port;
    const char             *app;
    const char             *extra;
    const char             *file;
    const char             *name;
    const char             *report;
    int                     streams;
    double                  warm;
    double                  window;
    double                  speed;
    uint32_t                chunk;
    int64_t                 spread;   /* ns */
    int64_t                 ping[2];
    int                     keep;
} conf = {
    .host = "127.0.0.1", .app = "live", .name = "s", .streams = 1,
    .warm = 1, .window = 5, .speed = 1, .chunk = 4096,
    .spread = LOAD_SPREAD, .ping = { 1000000000, 20000000 }
};


static load_tag_t   *tags;
static size_t        ntags;
static uint32_t      length;          /* of one turn, ms */

static load_conn_t  *conns;
static int           nconns;
static int           epoll;
static int           ready;
static int           nlost;           /* connections */
static FILE         *report;

static int           measuring;
static uint64_t      messages;
static uint64_t      bytes;
static load_list_t   lags;
static load_list_t   pings[2];
static uint64_t      lost[2];         /* pings without an answer */

static volatile sig_atomic_t  stopped;   /* SIGTERM came */


static void load_options(int argc, char **argv);
static void load_read_file(void);
static int load_once(const load_tag_t *tag);
static void load_open_report(void);
static void load_connect(load_conn_t *c);
static void load_wait(int64_t until);
static void load_event(load_conn_t *c, uint32_t events);
static void load_read(load_conn_t *c);
static size_t load_parse(load_conn_t *c, const uint8_t *p, size_t n);
static size_t load_chunk(load_conn_t *c, const uint8_t *p, size_t n);
static void load_message(load_conn_t *c, load_message_t *m);
static void load_pong(load_conn_t *c);
static void load_command(load_conn_t *c, load_message_t *m);
static void load_shaken(load_conn_t *c);
static void load_due(load_conn_t *c, int64_t now);
static int64_t load_next(load_conn_t *c);
static void load_send_tag(load_conn_t *c, const load_tag_t *tag);
static void load_send(load_conn_t *c, uint8_t csid, uint8_t type,
    uint32_t stream, uint32_t timestamp, const uint8_t *head, size_t nhead,
    const uint8_t *body, size_t nbody);
static void load_put(load_conn_t *c, const void *data, size_t n);
static void load_flush(load_conn_t *c);
static void load_queue(load_conn_t *c, uint8_t type, uint32_t timestamp);
static void load_taken(load_conn_t *c);
static void load_lose(load_conn_t *c, const char *what);
static void load_end(load_conn_t *c);
static void load_report(int64_t elapsed);
static void load_print(const char *name, load_list_t *list);
static void load_add(load_list_t *list, int64_t ns);
static int load_compare(const void *a, const void *b);
static uint8_t *load_amf_string(uint8_t *p, const char *s);
static uint8_t *load_amf_key(uint8_t *p, const char *s);
static uint8_t *load_amf_number(uint8_t *p, double value);
static void load_stop(int signo);
static void load_die(const char *what);
static int64_t load_now(void);


int
main(int argc, char **argv)
{
    int      i, sending;
    int64_t  start, begin, end, limit;

    load_options(argc, argv);
    load_read_file();
    load_open_report();

    if (conf.keep) {
        (void) signal(SIGTERM, load_stop);
    }

    setvbuf(stdout, NULL, _IOLBF, 0);

    epoll = epoll_create1(EPOLL_CLOEXEC);
    nconns = conf.streams + (conf.extra ? 1 : 0);
    conns = calloc(nconns, sizeof(load_conn_t));

    if (epoll == -1 || conns == NULL) {
        load_die("start");
    }

    for (i = 0; i < nconns; i++) {
        conns[i].extra = (i == conf.streams);
        (void) snprintf(conns[i].name, sizeof(conns[i].name), "%s%d",
                        conf.name, i);
        load_connect(&conns[i]);
    }

    limit = load_now() + LOAD_TIMEOUT;

    while (ready < nconns) {
        load_wait(load_now() + 100000000);

        if (load_now() > limit) {
            errno = ETIMEDOUT;
            load_die("publish all streams");
        }
    }

    printf("{\"event\":\"ready\"}\n");

    start = load_now();

    for (i = 0; i < nconns; i++) {
        conns[i].start = start + (int64_t) (conf.spread / conf.speed) / nconns
                                 * i;
        conns[i].next_ping = conns[i].start
                             + conf.ping[conns[i].extra] / nconns * i;

        if (conns[i].state != LOAD_CLOSED) {
            conns[i].state = LOAD_SENDING;
        }
    }

    begin = start + (int64_t) (conf.spread / conf.speed)
            + (int64_t) (conf.warm * 1e9);
    end = begin + (int64_t) (conf.window * 1e9);

    load_wait(begin);

    measuring = 1;
    begin = load_now();
    printf("{\"event\":\"begin\"}\n");

    load_wait(end);

    measuring = 0;
    load_report(load_now() - begin);

    while (conf.keep && !stopped) {
        load_wait(load_now() + 10000000);
    }

    for (i = 0; i < nconns; i++) {
        if (conns[i].state != LOAD_CLOSED) {
            load_end(&conns[i]);
        }
    }

    limit = load_now() + LOAD_LINGER;

    do {
        load_wait(load_now() + 10000000);

        for (sending = 0, i = 0; i < nconns; i++) {
            sending += conns[i].state != LOAD_CLOSED;
        }

    } while (sending && load_now() < limit);

    printf("{\"event\":\"done\",\"unclosed\":%d,\"lost\":%d,\"frames\":[",
           sending, nlost);

    for (i = 0; i < conf.streams; i++) {
        printf("%s[%llu,%llu]", i ? "," : "",
               (unsigned long long) conns[i].sent[1],
               (unsigned long long) conns[i].sent[0]);
    }

    printf("]}\n");

    if (report && fclose(report) != 0) {
        load_die(conf.report);
    }

    return 0;
}


static void
load_options(int argc, char **argv)
{
    int  c;

    while ((c = getopt(argc, argv, "h:p:a:x:f:n:w:t:s:c:g:G:r:N:o:k")) != -1) {

        switch (c) {

        case 'h':
            conf.host = optarg;
            break;

        case 'p':
            conf.port = atoi(optarg);
            break;

        case 'a':
            conf.app = optarg;
            break;

        case 'x':
            conf.extra = optarg;
            break;

        case 'f':
            conf.file = optarg;
            break;

        case 'n':
            conf.streams = atoi(optarg);
            break;

        case 'w':
            conf.warm = atof(optarg);
            break;

        case 't':
            conf.window = atof(optarg);
            break;

        case 's':
            conf.speed = atof(optarg);
            break;

        case 'c':
            conf.chunk = (uint32_t) atoi(optarg);
            break;

        case 'r':
            conf.spread = (int64_t) atoi(optarg) * 1000000;
            break;

        case 'N':
            conf.name = optarg;
            break;

        case 'o':
            conf.report = optarg;
            break;

        case 'k':
            conf.keep = 1;
            break;

        case 'g':
            conf.ping[0] = (int64_t) atoi(optarg) * 1000000;
            break;

        case 'G':
            conf.ping[1] = (int64_t) atoi(optarg) * 1000000;
            break;

        default:
            exit(2);
        }
    }

    if (conf.port == 0 || conf.file == NULL || conf.streams < 1
        || conf.speed <= 0 || conf.chunk < 128)
    {
        fprintf(stderr, "rtmp_load: -p and -f are required\n");
        exit(2);
    }
}


static void
load_read_file(void)
{
    int            fd, base;
    size_t         at, size;
    uint32_t       step[256], last[256], first;
    load_tag_t    *tag;
    struct stat    st;
    const uint8_t  *p;

    fd = open(conf.file, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        load_die(conf.file);
    }

    size = st.st_size;
    p = mmap(NULL, size, PROT_READ, MAP_PRIVATE|MAP_POPULATE, fd, 0);

    if (p == MAP_FAILED || size < 13 || memcmp(p, "FLV", 3) != 0) {
        load_die("read FLV");
    }

    tags = calloc(size / 15 + 1, sizeof(load_tag_t));

    if (tags == NULL) {
        load_die("allocate");
    }

    memset(step, 0, sizeof(step));
    memset(last, 0, sizeof(last));
    first = 0;
    base = 0;

    for (at = 13; at + 11 <= size; at += 11 + tag->size + 4) {
        tag = &tags[ntags];

        tag->type = p[at] & 0x1f;
        tag->size = p[at + 1] << 16 | p[at + 2] << 8 | p[at + 3];
        tag->timestamp = (uint32_t) p[at + 7] << 24 | p[at + 4] << 16
                         | p[at + 5] << 8 | p[at + 6];
        tag->data = p + at + 11;

        if (tag->size > size - at - 11) {
            break;
        }

        if (tag->size == 0
            || (tag->type != LOAD_AUDIO && tag->type != LOAD_VIDEO
                && tag->type != LOAD_DATA))
        {
            continue;
        }

        tag->once = load_once(tag);

        if (!tag->once && !base) {

            /* the stream begins with a key frame */

            if (tag->type != LOAD_VIDEO || tag->data[0] >> 4 != 1) {
                continue;
            }

            base = 1;
            first = tag->timestamp;
        }

        tag->timestamp = tag->timestamp < first ? 0
                                                : tag->timestamp - first;

        if (!tag->once) {
            step[tag->type] = tag->timestamp - last[tag->type];
            last[tag->type] = tag->timestamp;

            /* the next turn begins where the longer track ends */

            if (tag->timestamp + step[tag->type] > length) {
                length = tag->timestamp + step[tag->type];
            }
        }

        ntags++;
    }

    (void) close(fd);

    if (ntags == 0 || length == 0) {
        errno = EINVAL;
        load_die(conf.file);
    }
}


/* sequence headers, the end of a sequence, onMetaData */

static int
load_once(const load_tag_t *tag)
{
    if (tag->type == LOAD_DATA) {
        return 1;
    }

    if (tag->size < 2) {
        return 0;
    }

    if (tag->type == LOAD_VIDEO) {
        return (tag->data[0] & 0x0f) == 7 && tag->data[1] != 1;
    }

    return tag->data[0] >> 4 == 10 && tag->data[1] == 0;
}


static void
load_open_report(void)
{
    if (conf.report == NULL) {
        return;
    }

    report = fopen(conf.report, "we");

    if (report == NULL) {
        load_die(conf.report);
    }
}


static void
load_connect(load_conn_t *c)
{
    int                 one;
    struct sockaddr_in  addr;
    struct epoll_event  ev;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    c->in = malloc(65536);
    c->messages = calloc(LOAD_CSIDS, sizeof(load_message_t));
    c->in_chunk = 128;

    if (c->fd == -1 || c->in == NULL || c->messages == NULL) {
        load_die("open a socket");
    }

    one = 1;
    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((uint16_t) conf.port);

    if (inet_pton(AF_INET, conf.host, &addr.sin_addr) != 1) {
        errno = EINVAL;
        load_die(conf.host);
    }

    if (connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        && errno != EINPROGRESS)
    {
        load_die("connect");
    }

    c->events = EPOLLIN|EPOLLOUT;

    ev.events = c->events;
    ev.data.ptr = c;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        load_die("epoll");
    }
}


/* serves all connections until a time, or until all are lost */

static void
load_wait(int64_t until)
{
    int                 i, n, ms;
    int64_t             now, next, at;
    struct epoll_event  events[256];

    for ( ;; ) {
        now = load_now();
        next = until;

        for (i = 0; i < nconns; i++) {
            load_taken(&conns[i]);

            if (conns[i].state == LOAD_SENDING) {
                load_due(&conns[i], now);
                at = load_next(&conns[i]);
                next = at < next ? at : next;
            }
        }

        now = load_now();

        if (now >= until || nlost == nconns) {
            return;
        }

        ms = next <= now ? 0 : (int) ((next - now + 999999) / 1000000);

        n = epoll_wait(epoll, events, 256, ms);

        for (i = 0; i < n; i++) {
            load_event(events[i].data.ptr, events[i].events);
        }
    }
}


static void
load_event(load_conn_t *c, uint32_t events)
{
    int        err;
    uint8_t    hello[1 + LOAD_HANDSHAKE];
    size_t     i;
    socklen_t  len;

    if (c->state == LOAD_CONNECTING) {
        len = sizeof(err);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1
            || err)
        {
            errno = err;
            load_lose(c, "connect");
            return;
        }

        memset(hello, 0, sizeof(hello));
        hello[0] = 3;

        for (i = 9; i < sizeof(hello); i++) {
            hello[i] = (uint8_t) (i * 37);
        }

        c->state = LOAD_SHAKING;

        load_put(c, hello, sizeof(hello));
        load_flush(c);
        return;
    }

    if (events & (EPOLLIN|EPOLLHUP|EPOLLERR)) {
        load_read(c);
    }

    if (c->state != LOAD_CLOSED && (events & EPOLLOUT)) {
        load_flush(c);
    }
}


static void
load_read(load_conn_t *c)
{
    size_t   used;
    ssize_t  n;

    while (c->state != LOAD_CLOSED) {
        n = recv(c->fd, c->in + c->in_n, 65536 - c->in_n, 0);

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {

            if (c->state != LOAD_ENDING) {
                errno = n == 0 ? ECONNRESET : errno;
                load_lose(c, "keep a stream");
                return;
            }

            load_taken(c);

            c->state = LOAD_CLOSED;
            (void) close(c->fd);
            return;
        }

        c->in_n += n;
        used = load_parse(c, c->in, c->in_n);
        c->in_n -= used;

        memmove(c->in, c->in + used, c->in_n);
    }
}


static size_t
load_parse(load_conn_t *c, const uint8_t *p, size_t n)
{
    size_t  used, size;

    used = 0;

    if (c->state == LOAD_SHAKING) {

        if (n < 1 + 2 * LOAD_HANDSHAKE) {
            return 0;
        }

        load_put(c, p + 1, LOAD_HANDSHAKE);
        load_shaken(c);

        used = 1 + 2 * LOAD_HANDSHAKE;
    }

    while (used < n && (size = load_chunk(c, p + used, n - used)) != 0) {
        used += size;
    }

    return used;
}


/* takes one chunk; 0: it is not whole yet */

static size_t
load_chunk(load_conn_t *c, const uint8_t *p, size_t n)
{
    size_t           head, part, keep;
    uint8_t          format, csid;
    load_message_t  *m;

    static const uint8_t  sizes[4] = { 11, 7, 3, 0 };

    format = p[0] >> 6;
    csid = p[0] & 0x3f;

    /* nginx-rtmp uses no chunk stream above 63 */

    if (csid < 2) {
        errno = EPROTO;
        load_die("read a chunk");
    }

    m = &c->messages[csid];
    head = 1 + sizes[format];

    if (n < head) {
        return 0;
    }

    if (format < 3) {
        m->extended = p[1] == 0xff && p[2] == 0xff && p[3] == 0xff;
    }

    if (format < 2) {
        m->len = p[4] << 16 | p[5] << 8 | p[6];
        m->type = p[7];
    }

    if (m->extended) {
        head += 4;
    }

    part = m->left ? m->left : m->len;
    part = part < c->in_chunk ? part : c->in_chunk;

    if (n < head + part) {
        return 0;
    }

    if (m->left == 0) {
        m->left = m->len;
        m->n = 0;
    }

    keep = LOAD_KEEP - m->n;
    keep = keep < part ? keep : part;

    memcpy(m->data + m->n, p + head, keep);

    m->n += (uint32_t) keep;
    m->left -= (uint32_t) part;

    if (m->left == 0) {
        load_message(c, m);
    }

    return head + part;
}


static void
load_message(load_conn_t *c, load_message_t *m)
{
    uint8_t  event[6];

    if (m->type == LOAD_CHUNK_SIZE && m->n >= 4) {
        c->in_chunk = (uint32_t) m->data[0] << 24 | m->data[1] << 16
                      | m->data[2] << 8 | m->data[3];
        return;
    }

    if (m->type == LOAD_COMMAND) {
        load_command(c, m);
        return;
    }

    if (m->type != LOAD_USER || m->n < 6) {
        return;
    }

    if (m->data[1] == LOAD_PONG) {
        load_pong(c);

    } else if (m->data[1] == LOAD_PING) {
        memcpy(event, m->data, 6);
        event[1] = LOAD_PONG;
        load_send(c, 2, LOAD_USER, 0, 0, event, 6, NULL, 0);
        load_flush(c);
    }
}


static void
load_pong(load_conn_t *c)
{
    if (c->ping && measuring) {
        load_add(&pings[c->extra], load_now() - c->ping);
    }

    c->ping = 0;
}


/* "_result" of connect, then of createStream, then the status of publish */

static void
load_command(load_conn_t *c, load_message_t *m)
{
    uint8_t  buf[256], *p;

    if (m->n > 19 && memcmp(m->data + 3, "_result", 7) == 0) {

        p = buf;

        if (m->data[11] == 0x3f) {                /* transaction 1 */
            p = load_amf_string(p, "createStream");
            p = load_amf_number(p, 2);
            *p++ = 5;

            load_send(c, 3, LOAD_COMMAND, 0, 0, buf, p - buf, NULL, 0);

        } else {
            p = load_amf_string(p, "publish");
            p = load_amf_number(p, 3);
            *p++ = 5;
            p = load_amf_string(p, c->name);
            p = load_amf_string(p, "live");

            load_send(c, 4, LOAD_COMMAND, 1, 0, buf, p - buf, NULL, 0);
        }

        load_flush(c);
        return;
    }

    if (c->state == LOAD_ASKING
        && memmem(m->data, m->n, "NetStream.Publish.Start", 23))
    {
        c->state = LOAD_READY;
        ready++;
    }
}


static void
load_shaken(load_conn_t *c)
{
    char     url[512];
    uint8_t  buf[1024], size[4], *p;

    c->state = LOAD_ASKING;

    size[0] = (uint8_t) (conf.chunk >> 24);
    size[1] = (uint8_t) (conf.chunk >> 16);
    size[2] = (uint8_t) (conf.chunk >> 8);
    size[3] = (uint8_t) conf.chunk;

    load_send(c, 2, LOAD_CHUNK_SIZE, 0, 0, size, 4, NULL, 0);

    (void) snprintf(url, sizeof(url), "rtmp://%s:%d/%s", conf.host,
                    conf.port, c->extra ? conf.extra : conf.app);

    p = load_amf_string(buf, "connect");
    p = load_amf_number(p, 1);
    *p++ = 3;
    p = load_amf_key(p, "app");
    p = load_amf_string(p, c->extra ? conf.extra : conf.app);
    p = load_amf_key(p, "type");
    p = load_amf_string(p, "nonprivate");
    p = load_amf_key(p, "flashVer");
    p = load_amf_string(p, "FMLE/3.0 (compatible; rtmp_load)");
    p = load_amf_key(p, "tcUrl");
    p = load_amf_string(p, url);
    *p++ = 0;
    *p++ = 0;
    *p++ = 9;

    load_send(c, 3, LOAD_COMMAND, 0, 0, buf, p - buf, NULL, 0);
    load_flush(c);
}


/* when the next message is due */

static int64_t
load_next(load_conn_t *c)
{
    double   ms;
    int64_t  at;

    if (c->blocked) {
        return INT64_MAX;
    }

    ms = (double) tags[c->tag].timestamp + (double) c->turn * length;
    at = c->start + (int64_t) (ms * 1e6 / conf.speed);

    return at < c->next_ping ? at : c->next_ping;
}


/* sends what is due; what does not fit into the socket is late */

static void
load_due(load_conn_t *c, int64_t now)
{
    double       ms;
    int64_t      at;
    uint8_t      event[6];
    load_tag_t  *tag;

    if (now >= c->next_ping) {

        if (c->ping == 0) {
            memset(event, 0, sizeof(event));
            event[1] = LOAD_PING;
            c->ping = now;

            load_send(c, 2, LOAD_USER, 0, 0, event, 6, NULL, 0);
            load_flush(c);

        } else if (measuring) {
            lost[c->extra]++;
        }

        c->next_ping += conf.ping[c->extra];

        if (c->next_ping < now) {
            c->next_ping = now + conf.ping[c->extra];
        }
    }

    while (!c->blocked && c->state == LOAD_SENDING) {

        tag = &tags[c->tag];

        ms = (double) tag->timestamp + (double) c->turn * length;
        at = c->start + (int64_t) (ms * 1e6 / conf.speed);

        if (at > now) {
            return;
        }

        if (c->turn == 0 || !tag->once) {
            load_send_tag(c, tag);

            c->blocked = at;
            load_flush(c);
        }

        if (++c->tag == ntags) {
            c->tag = 0;
            c->turn++;
        }
    }
}


static void
load_send_tag(load_conn_t *c, const load_tag_t *tag)
{
    uint32_t  timestamp;

    static const uint8_t  set[] = "\2\0\15@setDataFrame";

    timestamp = tag->timestamp + (uint32_t) c->turn * length;

    if (tag->type == LOAD_DATA) {
        load_send(c, 5, LOAD_DATA, 1, timestamp, set, sizeof(set) - 1,
                  tag->data, tag->size);
        return;
    }

    load_send(c, tag->type == LOAD_AUDIO ? 4 : 6, tag->type, 1, timestamp,
              tag->data, tag->size, NULL, 0);

    if (!tag->once) {
        c->sent[tag->type == LOAD_VIDEO]++;
        load_queue(c, tag->type, timestamp);
    }

    if (measuring && !c->extra) {
        messages++;
        bytes += tag->size;
    }
}


/* a message of two parts, in chunks */

static void
load_send(load_conn_t *c, uint8_t csid, uint8_t type, uint32_t stream,
    uint32_t timestamp, const uint8_t *head, size_t nhead,
    const uint8_t *body, size_t nbody)
{
    size_t         at, n, len, room, nextra;
    uint8_t        h[12], extra[4];
    const uint8_t  *p;

    len = nhead + nbody;
    nextra = 0;

    if (timestamp >= 0xffffff) {

        /* more than 24 bits: an extended timestamp, in each chunk */

        extra[0] = (uint8_t) (timestamp >> 24);
        extra[1] = (uint8_t) (timestamp >> 16);
        extra[2] = (uint8_t) (timestamp >> 8);
        extra[3] = (uint8_t) timestamp;

        nextra = 4;
        timestamp = 0xffffff;
    }

    h[0] = csid;
    h[1] = (uint8_t) (timestamp >> 16);
    h[2] = (uint8_t) (timestamp >> 8);
    h[3] = (uint8_t) timestamp;
    h[4] = (uint8_t) (len >> 16);
    h[5] = (uint8_t) (len >> 8);
    h[6] = (uint8_t) len;
    h[7] = type;
    h[8] = (uint8_t) stream;
    h[9] = h[10] = h[11] = 0;

    load_put(c, h, 12);
    load_put(c, extra, nextra);

    h[0] |= 0xc0;
    room = c->state < LOAD_ASKING || type == LOAD_CHUNK_SIZE ? 128
                                                             : conf.chunk;

    for (at = 0; at < len; at += n) {

        if (at && room == 0) {
            load_put(c, h, 1);
            load_put(c, extra, nextra);
            room = conf.chunk;
        }

        p = at < nhead ? head + at : body + (at - nhead);
        n = at < nhead ? nhead - at : len - at;
        n = n < room ? n : room;
        room -= n;

        load_put(c, p, n);
    }
}


static void
load_put(load_conn_t *c, const void *data, size_t n)
{
    if (c->out_pos == c->out_n) {
        c->out_pos = 0;
        c->out_n = 0;
    }

    if (c->out_n + n > c->out_size) {
        c->out_size = (c->out_n + n) * 2;
        c->out = realloc(c->out, c->out_size);

        if (c->out == NULL) {
            load_die("allocate");
        }
    }

    memcpy(c->out + c->out_n, data, n);
    c->out_n += n;
    c->put += n;
}


static void
load_flush(load_conn_t *c)
{
    ssize_t             n;
    uint32_t            events;
    struct epoll_event  ev;

    while (c->out_pos < c->out_n) {
        n = send(c->fd, c->out + c->out_pos, c->out_n - c->out_pos,
                 MSG_NOSIGNAL);

        if (n == -1) {
            if (errno == EINTR) {
                continue;
            }

            if (errno == EAGAIN) {
                break;
            }

            load_lose(c, "send");
            return;
        }

        c->out_pos += n;
    }

    if (c->out_pos == c->out_n) {

        if (c->blocked && measuring && !c->extra) {
            load_add(&lags, load_now() - c->blocked);
        }

        c->blocked = 0;

        if (c->state == LOAD_ENDING) {
            (void) shutdown(c->fd, SHUT_WR);
        }
    }

    events = EPOLLIN | (c->out_pos < c->out_n ? EPOLLOUT : 0);

    if (events != c->events) {
        c->events = events;
        ev.events = events;
        ev.data.ptr = c;
        (void) epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &ev);
    }
}


/* a frame that load_taken() will report */

static void
load_queue(load_conn_t *c, uint8_t type, uint32_t timestamp)
{
    load_frame_t  *frame;

    if (report == NULL) {
        return;
    }

    if (c->frames_pos == c->frames_n) {
        c->frames_pos = 0;
        c->frames_n = 0;
    }

    if (c->frames_n == c->frames_size) {
        c->frames_size = c->frames_size ? c->frames_size * 2 : 64;
        c->frames = realloc(c->frames,
                            c->frames_size * sizeof(load_frame_t));

        if (c->frames == NULL) {
            load_die("allocate");
        }
    }

    frame = &c->frames[c->frames_n++];

    frame->end = c->put;
    frame->timestamp = timestamp;
    frame->type = type;
}


/* reports the frames that the server's kernel has acknowledged */

static void
load_taken(load_conn_t *c)
{
    int            left;
    int64_t        now;
    uint64_t       taken;
    load_frame_t  *frame;

    if (c->frames_pos == c->frames_n || c->state == LOAD_CLOSED) {
        return;
    }

    if (ioctl(c->fd, SIOCOUTQ, &left) == -1) {
        load_die("ioctl(SIOCOUTQ)");
    }

    taken = c->put - (c->out_n - c->out_pos) - left;
    now = load_now();

    while (c->frames_pos < c->frames_n) {
        frame = &c->frames[c->frames_pos];

        if (frame->end > taken) {
            return;
        }

        fprintf(report, "%d %c %u %lld\n", (int) (c - conns),
                frame->type == LOAD_VIDEO ? 'v' : 'a', frame->timestamp,
                (long long) now);

        c->frames_pos++;
    }
}


static void
load_lose(load_conn_t *c, const char *what)
{
    if (report == NULL) {
        load_die(what);
    }

    load_taken(c);

    fprintf(report, "%d lost 0 %lld\n", (int) (c - conns),
            (long long) load_now());

    /* nobody waits for it any more */

    if (c->state < LOAD_READY) {
        ready++;
    }

    c->state = LOAD_CLOSED;
    nlost++;

    (void) close(c->fd);
}


static void
load_end(load_conn_t *c)
{
    uint8_t  buf[64], *p;

    p = load_amf_string(buf, "deleteStream");
    p = load_amf_number(p, 0);
    *p++ = 5;
    p = load_amf_number(p, 1);

    c->state = LOAD_ENDING;

    load_send(c, 3, LOAD_COMMAND, 0, 0, buf, p - buf, NULL, 0);
    load_flush(c);
}


static void
load_report(int64_t elapsed)
{
    int            i;
    struct rusage  usage;

    /* what was not answered took at least so long */

    for (i = 0; i < nconns; i++) {
        if (conns[i].ping) {
            load_add(&pings[conns[i].extra], load_now() - conns[i].ping);
        }
    }

    (void) getrusage(RUSAGE_SELF, &usage);

    printf("{\"event\":\"end\",\"seconds\":%.3f,\"streams\":%d,"
           "\"messages\":%llu,\"bytes\":%llu,\"skipped_pings\":%llu,"
           "\"own_cpu\":%.3f",
           elapsed / 1e9, conf.streams, (unsigned long long) messages,
           (unsigned long long) bytes,
           (unsigned long long) (lost[0] + lost[1]),
           usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
           + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);

    load_print("lag", &lags);
    load_print("ping", &pings[0]);
    load_print("other_ping", &pings[1]);

    printf("}\n");
}


static void
load_print(const char *name, load_list_t *list)
{
    size_t  n;

    n = list->n;

    if (n == 0) {
        printf(",\"%s\":null", name);
        return;
    }

    qsort(list->us, n, sizeof(uint32_t), load_compare);

    printf(",\"%s\":{\"n\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}",
           name, n, list->us[n / 2] / 1e3, list->us[n * 99 / 100] / 1e3,
           list->us[n - 1] / 1e3);
}


static void
load_add(load_list_t *list, int64_t ns)
{
    if (list->n == list->size) {
        list->size = list->size ? list->size * 2 : 65536;
        list->us = realloc(list->us, list->size * sizeof(uint32_t));

        if (list->us == NULL) {
            load_die("allocate");
        }
    }

    list->us[list->n++] = ns < 0 ? 0 : (uint32_t) (ns / 1000);
}


static int
load_compare(const void *a, const void *b)
{
    uint32_t  one, two;

    one = *(const uint32_t *) a;
    two = *(const uint32_t *) b;

    return one < two ? -1 : one > two;
}


static uint8_t *
load_amf_string(uint8_t *p, const char *s)
{
    *p++ = 2;

    return load_amf_key(p, s);
}


static uint8_t *
load_amf_key(uint8_t *p, const char *s)
{
    size_t  n;

    n = strlen(s);

    *p++ = (uint8_t) (n >> 8);
    *p++ = (uint8_t) n;

    memcpy(p, s, n);

    return p + n;
}


static uint8_t *
load_amf_number(uint8_t *p, double value)
{
    int       i;
    uint64_t  n;

    memcpy(&n, &value, sizeof(n));

    *p++ = 0;

    for (i = 56; i >= 0; i -= 8) {
        *p++ = (uint8_t) (n >> i);
    }

    return p;
}


static void
load_stop(int signo)
{
    (void) signo;

    stopped = 1;
}


static void
load_die(const char *what)
{
    fprintf(stderr, "rtmp_load: %s: %s\n", what, strerror(errno));
    exit(1);
}


static int64_t
load_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

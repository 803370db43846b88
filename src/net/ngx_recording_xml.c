
#include "ngx_recording_xml.h"
#include <expat.h>


/* an element that is open */

typedef struct {
    size_t                  len;
    ngx_uint_t              full;          /* what follows is cut off */
    char                    text[NGX_RECORDING_XML_TEXT + 1];
} ngx_recording_xml_element_t;


typedef struct {
    XML_Parser              parser;
    ngx_recording_xml_pt    element;
    void                   *arg;

    ngx_uint_t              depth;         /* elements that are open */
    ngx_uint_t              failed;
    ngx_recording_xml_element_t  open[NGX_RECORDING_XML_DEPTH];
} ngx_recording_xml_t;


static void XMLCALL ngx_recording_xml_doctype(void *data, const char *name,
    const char *system, const char *public, int internal);
static void XMLCALL ngx_recording_xml_start(void *data, const char *name,
    const char **attributes);
static void XMLCALL ngx_recording_xml_text(void *data, const char *text,
    int len);
static void XMLCALL ngx_recording_xml_end(void *data, const char *name);
static ngx_uint_t ngx_recording_xml_space(char c);
static void ngx_recording_xml_stop(ngx_recording_xml_t *x);


ngx_int_t
ngx_recording_xml(const u_char *data, size_t len, ngx_recording_xml_pt element,
    void *arg)
{
    ngx_int_t            rc;
    ngx_recording_xml_t  x;

    while (len && ngx_recording_xml_space(*data)) {
        data++;
        len--;
    }

    if (len > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    /* what a namespace's prefix stands for is no matter */

    x.parser = XML_ParserCreate(NULL);

    if (x.parser == NULL) {
        return NGX_ERROR;
    }

    x.element = element;
    x.arg = arg;
    x.depth = 0;
    x.failed = 0;

    XML_SetUserData(x.parser, &x);
    XML_SetStartDoctypeDeclHandler(x.parser, ngx_recording_xml_doctype);
    XML_SetElementHandler(x.parser, ngx_recording_xml_start,
                          ngx_recording_xml_end);
    XML_SetCharacterDataHandler(x.parser, ngx_recording_xml_text);

    rc = XML_Parse(x.parser, (const char *) data, (int) len, 1)
         == XML_STATUS_OK ? NGX_OK : NGX_ERROR;

    XML_ParserFree(x.parser);

    return rc;
}


/* nobody needs one, and its entities could be made to grow without end */

static void XMLCALL
ngx_recording_xml_doctype(void *data, const char *name, const char *system,
    const char *public, int internal)
{
    ngx_recording_xml_stop(data);
}


static void XMLCALL
ngx_recording_xml_start(void *data, const char *name, const char **attributes)
{
    ngx_recording_xml_t *x = data;

    if (x->depth == NGX_RECORDING_XML_DEPTH) {
        ngx_recording_xml_stop(x);
        return;
    }

    x->open[x->depth].len = 0;
    x->open[x->depth].full = 0;
    x->depth++;
}


/* spaces before it do not count, and a character is not cut in two */

static void XMLCALL
ngx_recording_xml_text(void *data, const char *text, int len)
{
    ngx_recording_xml_t *x = data;

    size_t                        n;
    ngx_recording_xml_element_t  *e;

    if (x->failed || x->depth == 0) {
        return;
    }

    e = &x->open[x->depth - 1];

    if (e->full) {
        return;
    }

    while (len && e->len == 0 && ngx_recording_xml_space(*text)) {
        text++;
        len--;
    }

    n = len;

    if (n > NGX_RECORDING_XML_TEXT - e->len) {
        n = NGX_RECORDING_XML_TEXT - e->len;
        e->full = 1;

        while (n && (text[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    ngx_memcpy(e->text + e->len, text, n);
    e->len += n;
}


/* an empty element ends though the parser was stopped at its start */

static void XMLCALL
ngx_recording_xml_end(void *data, const char *name)
{
    ngx_recording_xml_t *x = data;

    const char                   *colon;
    ngx_recording_xml_element_t  *e;

    if (x->failed) {
        return;
    }

    e = &x->open[--x->depth];

    while (e->len && ngx_recording_xml_space(e->text[e->len - 1])) {
        e->len--;
    }

    e->text[e->len] = '\0';

    colon = strrchr(name, ':');

    x->element(x->arg, colon ? colon + 1 : name, x->depth, e->text);
}


static ngx_uint_t
ngx_recording_xml_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


static void
ngx_recording_xml_stop(ngx_recording_xml_t *x)
{
    x->failed = 1;
    (void) XML_StopParser(x->parser, XML_FALSE);
}

// Requests of S3 as AWS's own signer signs them, for t/unit/signature.txt,
// whose head says what its lines are:
//
//     make vectors
//
// Four are AWS's published examples; what these must come to stands here.

'use strict';

const { createHash, createHmac } = require('node:crypto');
const { SignatureV4 } = require('@smithy/signature-v4');
const { HttpRequest, escapeUri } = require('@smithy/core/protocols');

const HEAD = `\
Requests of S3 and their signatures (version 4), made by "make vectors" with
AWS's signer for JavaScript, @smithy/signature-v4.  Not to be edited.

A case is the lines up to an empty one.  A line is a name, a tab, and a value
that goes to the end of the line.  Nothing is escaped but as it is in a
request, and all is UTF-8.

    case         its name
    date         x-amz-date
    region
    access, secret
    token        x-amz-security-token, if there is one
    method
    host         the header as it is sent
    path         as it is before it is escaped, with the bucket if the host
                 has none; segments are never joined or left out
    query        a name, a tab, a value: each as it is before it is escaped,
                 in any order; none or more
    header       a name, a tab, a value: what is signed beside host and the
                 x-amz- headers named here, in any order; none or more
    payload      x-amz-content-sha256

and what becomes of it:

    escaped      the path as it is sent
    sorted       the query as it may be sent, and is signed; empty if there is
                 none
    canonical    a line of the canonical request: join them with \\n; some are
                 empty
    string       a line of the string to sign
    authorization`;

const DATE = new Date('2026-11-26T17:05:09Z');
const KEYS = { accessKeyId: 'AKIATESTRECORDING001',
               secretAccessKey: 'a/secret+of=the/tests' };
const EMPTY = sha256('');
const UNSIGNED = 'UNSIGNED-PAYLOAD';
const UPLOAD = '2~Vx/c+_8.-d~ e=&f%2F\u00e9==';
const PATH = { host: '127.0.0.1:7480' };
const VIRTUAL = { host: 'films.s3.eu-central-1.amazonaws.com',
                  region: 'eu-central-1' };

const EXAMPLE = {
    date: new Date('2013-05-24T00:00:00Z'), region: 'us-east-1',
    host: 'examplebucket.s3.amazonaws.com',
    keys: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
            secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
};

const META = {
    'x-amz-meta-stream': 'live/cam 1', 'x-amz-meta-file-id': '17',
    'x-amz-meta-file': '17', 'x-amz-meta-start': '2026-11-26T17:00:00.123Z',
};

const cases = [

    // docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

    { ...EXAMPLE, name: 'published: GET Object', method: 'GET',
      path: '/test.txt', headers: { Range: 'bytes=0-9' }, is:
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41' },
    { ...EXAMPLE, name: 'published: PUT Object', method: 'PUT',
      path: '/test$file.text', payload: sha256('Welcome to Amazon S3.'),
      headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT',
                 'x-amz-storage-class': 'REDUCED_REDUNDANCY' }, is:
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd' },
    { ...EXAMPLE, name: 'published: GET Bucket Lifecycle', method: 'GET',
      path: '/', query: [['lifecycle', '']], is:
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543' },
    { ...EXAMPLE, name: 'published: List Objects', method: 'GET',
      path: '/', query: [['prefix', 'J'], ['max-keys', '2']], is:
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7' },

    // bodies

    { ...PATH, name: 'PUT, payload not signed', method: 'PUT',
      path: '/films/a.mp4', payload: UNSIGNED,
      headers: { 'Content-Type': 'video/mp4' } },
    { ...PATH, name: 'PUT, payload signed', method: 'PUT',
      path: '/films/a.m3u8', payload: sha256('#EXTM3U\n'),
      headers: { 'Content-Type': 'application/vnd.apple.mpegurl' } },
    { ...PATH, name: 'PUT, empty', method: 'PUT', path: '/films/empty' },
    { ...PATH, name: 'PUT, Content-MD5 and length', method: 'PUT',
      path: '/films/a.flv', payload: UNSIGNED,
      headers: { 'Content-MD5': 'XrY7u+Ae7tCTyyK7j1rNww==',
                 'Content-Length': '11', 'Content-Type': 'video/x-flv' } },
    { ...PATH, name: 'PUT, checksum', method: 'PUT', path: '/films/a.flv',
      payload: UNSIGNED,
      headers: { 'x-amz-checksum-crc32c': 'yZRlqg==',
                 'x-amz-sdk-checksum-algorithm': 'CRC32C' } },

    // headers

    { ...PATH, name: 'metadata, one name the beginning of another',
      method: 'PUT', path: '/films/a.mp4', payload: UNSIGNED,
      headers: { ...META, 'Content-Type': 'video/mp4' } },
    { ...PATH, name: 'names in capitals, values with spaces', method: 'PUT',
      path: '/films/a.mp4', payload: UNSIGNED,
      headers: { 'X-Amz-Meta-Recording': '  two   spaces,\ta tab  ',
                 'X-AMZ-STORAGE-CLASS': 'STANDARD_IA' } },
    { ...PATH, name: 'a value of UTF-8', method: 'PUT', path: '/films/a.mp4',
      payload: UNSIGNED, headers: { 'x-amz-meta-stream': 'caf\u00e9 \u76f4' } },
    { ...PATH, name: 'what an operator adds', method: 'POST',
      path: '/films/a.mp4', query: [['uploads', '']], payload: EMPTY,
      headers: { 'x-amz-acl': 'public-read', 'x-amz-tagging': 'a=b&c=d%20e',
                 'Cache-Control': 'max-age=31536000, immutable',
                 'x-amz-server-side-encryption': 'AES256',
                 'Content-Disposition': 'attachment; filename="a b.mp4"' } },
    { ...PATH, name: 'a condition', method: 'PUT', path: '/films/a.mp4',
      payload: UNSIGNED, headers: { 'If-None-Match': '*' } },
    { ...VIRTUAL, name: 'a token', method: 'PUT', path: '/a.mp4',
      payload: UNSIGNED, keys: { ...KEYS,
          sessionToken: 'IQoJb3JpZ2luX2VjEPr//////////wEaCXVzLWVhc3QtMSJ=' },
      headers: META },

    // multipart

    { ...PATH, name: 'CreateMultipartUpload', method: 'POST',
      path: '/films/a.mp4', query: [['uploads', '']],
      headers: { 'Content-Type': 'video/mp4', ...META } },
    { ...PATH, name: 'UploadPart', method: 'PUT', path: '/films/a.mp4',
      query: [['uploadId', UPLOAD], ['partNumber', '10000']],
      payload: UNSIGNED,
      headers: { 'Content-MD5': 'XrY7u+Ae7tCTyyK7j1rNww==' } },
    { ...VIRTUAL, name: 'CompleteMultipartUpload', method: 'POST',
      path: '/a.mp4', query: [['uploadId', UPLOAD]],
      payload: sha256('<CompleteMultipartUpload/>'),
      headers: { 'Content-Type': 'application/xml' } },
    { ...PATH, name: 'AbortMultipartUpload', method: 'DELETE',
      path: '/films/a.mp4', query: [['uploadId', UPLOAD]] },
    { ...PATH, name: 'ListParts', method: 'GET', path: '/films/a.mp4',
      query: [['uploadId', 'x'], ['part-number-marker', '5'],
              ['max-parts', '1000'], ['encoding-type', 'url']] },
    { ...VIRTUAL, name: 'ListMultipartUploads', method: 'GET', path: '/',
      query: [['uploads', ''], ['prefix', "a b+c/%20'(\u00e9)*~!"],
              ['key-marker', ''], ['delimiter', '/']] },

    // keys

    { ...PATH, name: 'a key with all that is escaped', method: 'PUT',
      payload: UNSIGNED,
      path: '/films/a b+c%20d&e=f?g#h/"<>\\^`{|}[]:;@,$' },
    { ...PATH, name: 'a key with marks that programs differ in',
      method: 'PUT', path: "/films/-_.~'()*!", payload: UNSIGNED },
    { ...VIRTUAL, name: 'a key of UTF-8', method: 'HEAD',
      path: '/\u76f4\u64ad/caf\u00e9 e\u0301/\u{1f3a5}.mp4' },
    { ...PATH, name: 'a key with empty segments and dots', method: 'GET',
      path: '/films//a/../b/./c//' },
    { ...PATH, name: 'a control character', method: 'GET',
      path: '/films/a\u0001b\u007fc' },

    // hosts

    { ...VIRTUAL, name: 'the bucket is the host', method: 'HEAD',
      path: '/a.mp4' },
    { name: 'the bucket is the host, with a port', host:
      'films.localhost:7480', method: 'PUT', path: '/2026/a.mp4',
      payload: UNSIGNED },
    { name: 'Tencent COS', region: 'ap-guangzhou', host:
      'films-1250000000.cos.ap-guangzhou.myqcloud.com', method: 'PUT',
      path: '/a.mp4', payload: UNSIGNED,
      headers: { 'Content-Type': 'video/mp4', ...META } },
    { name: 'an address of IPv6', host: '[::1]:9000', method: 'DELETE',
      path: '/films/a.mp4' },
    { ...PATH, name: 'the first second of a year', method: 'HEAD',
      date: new Date('2027-01-01T00:00:00Z'), path: '/films/a.mp4' },
];


class Sha256 {
    constructor(secret) {
        this.hash = secret ? createHmac('sha256', secret)
                           : createHash('sha256');
    }

    update(data) { this.hash.update(data); }
    async digest() { return new Uint8Array(this.hash.digest()); }
}


function sha256(text) {
    return createHash('sha256').update(text).digest('hex');
}


async function vector(c) {
    const keys = c.keys || KEYS;
    const region = c.region || 'us-east-1';
    const headers = c.headers || {};
    const payload = c.payload || EMPTY;
    const escaped = c.path.split('/').map(escapeUri).join('/');
    const seen = {};

    const signer = new SignatureV4({ service: 's3', region, sha256: Sha256,
        credentials: keys, uriEscapePath: false, applyChecksum: true });

    // the signer takes Date from a request, which one of AWS's examples has
    const canonical = signer.createCanonicalRequest;
    signer.createCanonicalRequest = function (request, signed, hash) {
        if (headers.Date) {
            signed.date = headers.Date;
        }

        return seen.canonical = canonical.call(this, request, signed, hash);
    };

    const string = signer.createStringToSign;
    signer.createStringToSign = async function (...args) {
        return seen.string = await string.apply(this, args);
    };

    const signed = await signer.sign(new HttpRequest({
        method: c.method, path: escaped,
        query: Object.fromEntries(c.query || []),
        headers: { ...headers, host: c.host, 'x-amz-content-sha256': payload },
    }), { signingDate: c.date || DATE,
          signableHeaders: new Set(['cache-control']) });

    const authorization = signed.headers.authorization;

    if (c.is && !authorization.endsWith(`Signature=${c.is}`)) {
        throw new Error(`${c.name}: ${authorization}`);
    }

    return [
        ['case', c.name],
        ['date', signed.headers['x-amz-date']],
        ['region', region],
        ['access', keys.accessKeyId],
        ['secret', keys.secretAccessKey],
        ...(keys.sessionToken ? [['token', keys.sessionToken]] : []),
        ['method', c.method],
        ['host', c.host],
        ['path', c.path],
        ...(c.query || []).map((pair) => ['query', ...pair]),
        ...Object.entries(headers).map((pair) => ['header', ...pair]),
        ['payload', payload],
        ['escaped', escaped],
        ['sorted', seen.canonical.split('\n')[2]],
        ...seen.canonical.split('\n').map((line) => ['canonical', line]),
        ...seen.string.split('\n').map((line) => ['string', line]),
        ['authorization', authorization],
    ].map((line) => line.join('\t')).join('\n') + '\n';
}


(async () => {
    console.log(HEAD.replace(/^/gm, '# ').replace(/ +$/gm, ''));

    for (const c of cases) {
        console.log('\n' + (await vector(c)).trimEnd());
    }
})().catch((e) => { console.error(e); process.exit(1); });

"""Requests that must be refused, as bytes: the table of test_malformed.py.

Each differs from a right request in one thing only, so that nothing else can be why it is refused.
Where a case may look arbitrary, it is something that registry 2.8.2, Boost.Beast 1.81 or
http-parser 2.9.4 takes (docs/security), or the core of a CVE.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BAD = frozenset({400})
HOST = b"Host: registry.test"
AUTHORIZATION = b"Authorization: Basic dTpw"  # u:p
# What a lenient reader would take as the next request. It must reach nobody.
SMUGGLED = b"GET /v2/smuggled/manifests/x HTTP/1.1\r\nHost: registry.test\r\n" + AUTHORIZATION + b"\r\n\r\n"
MAX_HEAD = 16 * 1024
MAX_FIELDS = 100


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    statuses: frozenset[int] = BAD


def request(
    *fields: bytes,
    line: bytes = b"GET /v2/m/manifests/x HTTP/1.1",
    body: bytes = b"",
    eol: bytes = b"\r\n",
    host: bytes | None = HOST,
) -> bytes:
    """A request with the credential and the fields given."""
    first = [line] if host is None else [line, host]
    return eol.join([*first, AUTHORIZATION, *fields, b"", b""]) + body


def post(*fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A request that takes any body."""
    return request(*fields, line=b"POST /v2/m/blobs/uploads/ HTTP/" + version, body=body)


def lengths() -> Iterator[Case]:
    """Two ideas of where the body ends (RFC 9112, 6.3; HAProxy CVE-2023-40225)."""
    cl, te = b"Content-Length: 5", b"Transfer-Encoding: chunked"
    chunks = b"0\r\n\r\n"
    for name, fields in {
        "CL before TE": (cl, te),
        "TE before CL": (te, cl),
        "CL 0 beside TE": (b"Content-Length: 0", te),
        "CL twice, equal": (cl, cl),
        "CL twice, different": (cl, b"Content-Length: 6"),
        "CL twice, in another case": (cl, b"content-length: 5"),
        "TE twice": (te, te),
        "TE twice, identity second": (te, b"Transfer-Encoding: identity"),
        "TE twice, identity first": (b"Transfer-Encoding: identity", te),
    }.items():
        yield Case(name, post(*fields, body=chunks + SMUGGLED))
    for value in (b"", b" ", b"5, 5", b"5,6", b"+5", b"-5", b"-0", b"0x5", b"5 5", b"5;", b"5.0", b"1e1",
                  b"five", b"5\x0b", b"99999999999999999999", b"18446744073709551621",
                  b"9223372036854775808", b"\xd9\xa5", b'"5"', b"5_0", b"5 HTTP/1.1"):
        yield Case(f"CL {value!r}", post(b"Content-Length: " + value, body=b"hello" + SMUGGLED))
    for value in (b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, identity",
                  b"chunked, chunked", b"chunked, gzip", b"xchunked", b"chunked;q=1", b"chunkedx",
                  b'"chunked"', b"\x0bchunked", b"chunked\x0c", b", chunked", b"chunked,",
                  b"cow", b"chunk", b"c hunked", b"chunked\xa0"):
        yield Case(f"TE {value!r}", post(b"Transfer-Encoding: " + value, body=chunks + SMUGGLED))
    for field in (b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked",
                  b" Transfer-Encoding: chunked", b"\tTransfer-Encoding: chunked",
                  b"Transfer_Encoding: chunked", b"Transfer-Encoding:\r\n chunked",
                  b"Transfer-Encoding: \r\n\tchunked", b"Content-Length : 5", b"Content_Length: 5",
                  b"Content-Length:\r\n 5", b"Transfer Encoding: chunked",
                  b"Transfer-Encoding: chunked\r\n x"):
        yield Case(f"{field!r}", post(field, body=chunks + SMUGGLED))
    # Registry 2.8.2 ignores the coding here and reads the body as the next request.
    yield Case("TE in HTTP/1.0", post(te, body=chunks + SMUGGLED, version=b"1.0"))
    yield Case("TE in HTTP/1.0, kept alive",
               post(te, b"Connection: keep-alive", body=chunks + SMUGGLED, version=b"1.0"))
    for method in (b"GET", b"HEAD"):
        line = method + b" /v2/m/manifests/x HTTP/1.1"
        yield Case(f"{method.decode()} with a length",
                   request(b"Content-Length: %d" % len(SMUGGLED), line=line, body=SMUGGLED))
        yield Case(f"{method.decode()} with chunks",
                   request(te, line=line, body=chunks + SMUGGLED))


def line_ends() -> Iterator[Case]:
    """Whatever some reader takes for the end of a line."""
    good = request()
    yield Case("all lines end in LF", request(eol=b"\n"))
    yield Case("all lines end in CR", request(eol=b"\r") + b"\r\n\r\n")
    yield Case("LF ends the request line", good.replace(b"1.1\r\n", b"1.1\n", 1))
    yield Case("LF ends a field", request(b"A: b\nC: d"))
    yield Case("LF ends the last field", good[:-4] + b"\n\r\n")
    yield Case("LF instead of the empty line", good[:-2] + b"\n")
    yield Case("two LF end the head", good[:-4] + b"\n\n" + SMUGGLED)
    yield Case("CR CR LF", request(b"A: b\r"))
    yield Case("CR in a value", request(b"A: b\rTransfer-Encoding: chunked"))
    yield Case("CR before the colon", request(b"A\r: b"))
    yield Case("CR in the request line", request(line=b"GET /v2/\r HTTP/1.1"))
    yield Case("CR alone ends the head", good[:-2] + b"\rX")
    yield Case("an empty line first", b"\r\n" + good)
    yield Case("an LF first", b"\n" + good)
    yield Case("a blank first", b" " + good)
    yield Case("a tab first", b"\t" + good)
    yield Case("a byte order mark first", b"\xef\xbb\xbf" + good)
    yield Case("a folded field", request(b"A: b", b" folded: c"))
    yield Case("a folded field by a tab", request(b"A: b", b"\tc"))
    yield Case("a folded first field", request(host=b" Host: registry.test"))
    yield Case("a line of blanks", request(b"   "))
    for name, byte in {"NUL": b"\0", "BEL": b"\a", "VT": b"\v", "FF": b"\f", "ESC": b"\x1b",
                       "DEL": b"\x7f", "SOH": b"\x01", "US": b"\x1f"}.items():
        yield Case(f"{name} in a value", request(b"A: b" + byte + b"c"))
        yield Case(f"{name} in a name", request(b"A" + byte + b": b"))
        yield Case(f"{name} in the target", request(line=b"GET /v2/m" + byte + b"/tags/list HTTP/1.1"))
    yield Case("NUL ends the head", good[:-2] + b"\0\r\n")


def versions() -> Iterator[Case]:
    for version in (b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/0.0"):
        yield Case(version.decode(), request(line=b"GET /v2/ " + version), frozenset({505}))
    for version in (b"HTTP/1.1 ", b" HTTP/1.1", b"http/1.1", b"HTTP/1.10", b"HTTP/11", b"HTTP/1",
                    b"HTTP/1.", b"HTTP/ 1.1", b"HTTP/1,1", b"HTTP/1.1x", b"HTTP/01.1", b"HTTP/+1.1",
                    b"HTTP/-1.1", b"HTTP/2", b"HTTP", b"HTTPS/1.1", b"HTTP/a.b", b"ICY/1.1",
                    b"HTTP/1.1\t", b"HTTP/1.1 HTTP/1.1", b""):
        yield Case(f"version {version!r}", request(line=b"GET /v2/ " + version))
    yield Case("HTTP/0.9 without a version", b"GET /v2/m/manifests/x\r\n\r\n")
    yield Case("HTTP/0.9 with a head", request(line=b"GET /v2/m/manifests/x"))
    yield Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frozenset({400, 501, 505}))


def methods() -> Iterator[Case]:
    refused = frozenset({405, 501})
    for line in (b"OPTIONS * HTTP/1.1", b"OPTIONS /v2/ HTTP/1.1", b"TRACE /v2/ HTTP/1.1",
                 b"CONNECT registry.test:443 HTTP/1.1", b"CONNECT /v2/ HTTP/1.1",
                 b"PURGE /v2/ HTTP/1.1", b"PROPFIND /v2/ HTTP/1.1", b"GETT /v2/ HTTP/1.1",
                 b"GE /v2/ HTTP/1.1", b"GET/ /v2/ HTTP/1.1", b"M-SEARCH * HTTP/1.1",
                 b"X" * 300 + b" /v2/ HTTP/1.1"):
        yield Case(f"method {line[:40]!r}", request(line=line), refused | BAD)
    for method in (b"get", b"Get", b"GET\0", b"G(ET", b"G\xc3\x89T", b"GET:", b"\"GET\"", b"G,ET", b"",
                   b"G\tET"):
        yield Case(f"method {method!r}", request(line=method + b" /v2/ HTTP/1.1"),
                   refused | BAD)


def targets() -> Iterator[Case]:
    """Targets that are not in origin form, and separators other than one space."""
    for target in (b"http://registry.test/v2/m/manifests/x", b"https://other.test/v2/",
                   b"HTTP://REGISTRY.TEST/v2/", b"registry.test/v2/", b"v2/m/manifests/x", b"*", b"",
                   b"/v2/m /x", b"/v2/m\\x", b"/v2/m/manifests/x#fragment", b"/v2/{m}", b"/v2/\"m\"",
                   b"/v2/<m>", b"/v2/m|x", b"/v2/m^x", b"/v2/m`x", b"/v2/\xc3\xa9/tags/list",
                   b"/v2/\xff", b"?n=1", b"#", b"\\v2\\", b"/v2/m\x7f", b":5000/v2/"):
        yield Case(f"target {target!r}", request(line=b"GET " + target + b" HTTP/1.1"))
    yield Case("two spaces before the target", request(line=b"GET  /v2/ HTTP/1.1"))
    yield Case("two spaces after the target", request(line=b"GET /v2/  HTTP/1.1"))
    yield Case("tabs instead of spaces", request(line=b"GET\t/v2/\tHTTP/1.1"))
    yield Case("a space at the end", request(line=b"GET /v2/ HTTP/1.1 "))
    yield Case("a target beyond the limit",
               request(line=b"GET /v2/" + b"a" * MAX_HEAD + b" HTTP/1.1"), frozenset({414}))


def paths() -> Iterator[Case]:
    """Well-formed HTTP that means nothing here, or that the registry would read otherwise."""
    nothing = frozenset({400, 404})
    for path in (b"//v2/m/manifests/x", b"/v2//m/manifests/x", b"/v2/m//manifests/x",
                 b"/v2/m/manifests//x", b"/v2/./m/manifests/x", b"/v2/../v2/m/manifests/x",
                 b"/v2/a/../m/manifests/x", b"/v2/m/manifests/x/", b"/v2/m/manifests/",
                 b"/v2/m/manifests", b"/v2/m/manifests/..", b"/v2/m/manifests/.", b"/v2/m/blobs/../x",
                 b"/v2/m/%6danifests/x", b"/v2/m%2Fmanifests/x", b"/%762/m/manifests/x",
                 b"/v2/m/manifests%2fx", b"/v2/m/manifests/%78", b"/v2/%6d/manifests/x",
                 b"/v2/m/manifests/x%00", b"/v2/m/manifests/x%0d%0aA:b", b"/v2/m/manifests/%",
                 b"/v2/m/manifests/%zz", b"/v2/m/manifests/x%", b"/v2/..%2fm/manifests/x",
                 b"/v2/m%252fx/manifests/x", b"/V2/m/manifests/x", b"/v2/M/manifests/x",
                 b"/v2/m-/manifests/x", b"/v2/-m/manifests/x", b"/v2/m..x/manifests/x",
                 b"/v2/m___x/manifests/x", b"/v2/m;a=b/manifests/x", b"/v2/m/manifests/x;a",
                 b"/v2/m/manifests/-x", b"/v2/m/manifests/x:y", b"/v2/m/manifests/" + b"x" * 129,
                 b"/v2/m/blobs/sha256:", b"/v2/m/blobs/sha256:" + b"g" * 64,
                 b"/v2/m/blobs/sha256:" + b"A" * 64, b"/v2/m/blobs/sha256:" + b"a" * 63,
                 b"/v2/m/blobs/md5:" + b"a" * 32, b"/v2/m/blobs/sha256%253A" + b"a" * 64,
                 b"/v2/m/blobs/latest", b"/v2/manifests/x", b"/v2/blobs/sha256:" + b"a" * 64,
                 b"/v2/tags/list", b"/v2/m/tags", b"/v2/m/tags/", b"/v2/m/tags/listx",
                 b"/v2/m/referrers/", b"/v2/m/referrers/latest", b"/v2/_catalogx", b"/v2/_catalog/",
                 b"/v3/", b"/v1/_ping", b"/", b"/v2x/", b"/token", b"/debug/vars",
                 b"/v2/" + b"m" * 300 + b"/manifests/x"):
        # These are answered as requests, and only the client's own wish closes the connection.
        yield Case(f"path {path[:50].decode()}",
                   request(b"Connection: close", line=b"GET " + path + b" HTTP/1.1"), nothing)
    for query in (b"n=1&n=1", b"n=1&%6e=1", b"n=%zz", b"n=%", b"n=%00", b"last=%0d%0a", b"n=1;last=x",
                  b"n=-1", b"n=+1", b"n=x", b"n=1%20", b"last=..%2F"):
        yield Case(f"query {query.decode()}",
                   request(b"Connection: close", line=b"GET /v2/m/tags/list?" + query + b" HTTP/1.1"))


def fields() -> Iterator[Case]:
    for field in (b": empty name", b"no colon", b"two words: x", b"trailing : x", b"A(: x", b"A@: x",
                  b"A[]: x", b'A": x', b"A/B: x", b"A{: x", b"A\xe9: x", b"A,B: x", b"A;B: x", b"A=B: x",
                  b"A?: x", b"A<: x", b"A\\: x", b"X_Y: x", b"_: x", b"X-Forwarded_For: 10.0.0.1",
                  b"GET /v2/smuggled/manifests/x HTTP/1.1"):
        yield Case(f"field {field!r}", request(field))
    yield Case("no Host", request(host=None))
    for host in (b"Host:", b"Host: ", b"Host: a b", b"Host: a/b", b"Host: a@b", b"Host: a:port",
                 b"Host: a:99999", b"Host: a:-1", b"Host: [::1", b"Host: ::1]", b"Host: a,b",
                 b"Host: http://a", b"Host: a?b", b"Host: a#b", b"Host: \xc3\xa9", b"Host: :80",
                 b"Host: a:80:80", b"Host : a", b"Host: a\\b", b"Host: <a>"):
        yield Case(f"{host!r}", request(host=host))
    for name, line in {"equal": HOST, "different": b"Host: other.test", "lower case": b"host: registry.test",
                       "empty": b"Host:"}.items():
        yield Case(f"Host twice, {name}", request(line))
    yield Case("Authorization twice, equal", request(AUTHORIZATION))
    yield Case("Authorization twice, different", request(b"Authorization: Basic eDp5"))
    yield Case("Authorization twice, in another case", request(b"AUTHORIZATION: Basic eDp5"))
    for value in (b"200-ok", b"100-continue, x", b"", b"100-continue;q=1", b"100"):
        yield Case(f"Expect {value!r}", post(b"Expect: " + value, b"Content-Length: 0"),
                   frozenset({417}))
    too_many = [b"X-%d: x" % number for number in range(MAX_FIELDS - 1)]  # Host and Authorization are two
    yield Case("101 fields", request(*too_many), frozenset({431}))
    yield Case("a value beyond the limit", request(b"A: " + b"b" * MAX_HEAD), frozenset({431}))
    yield Case("a name beyond the limit", request(b"A" * MAX_HEAD + b": b"), frozenset({431}))
    yield Case("a head beyond the limit",
               request(*[b"X-%d: " % number + b"x" * 400 for number in range(50)]), frozenset({431}))


def strangers() -> Iterator[Case]:
    """Other protocols on this port."""
    hello = (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x11" * 32 + b"\x20" + b"\x22" * 32
             + b"\x00\x02\x13\x01\x01\x00\x00\x56")
    for name, data in {
        "a TLS ClientHello": hello,
        "an SSL 2 hello": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + b"\x00" * 30,
        "PROXY v1 of a stranger": b"PROXY TCP4 10.0.0.1 127.0.0.1 1 2\r\n" + request(),
        "PROXY v2 of a stranger": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + b"\x0a\0\0\1\x7f\0\0\1\0\1\0\2"
                                  + request(),
        "SSH": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "FastCGI": b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00",
        "memcached": b"stats\r\n\r\n",
        "redis": b"*1\r\n$4\r\nPING\r\n",
        "zeros": b"\0" * 64,
        "blanks": b" " * 64,
    }.items():
        yield Case(name, data, frozenset({400, 501, 505}))


def chunks() -> Iterator[Case]:
    """Bodies of a PATCH in chunks, in one of which something is wrong (HAProxy CVE-2023-25725,
    Pingora CVE-2026-2833: sizes and line ends that two readers take differently)."""
    good = b"5\r\nhello\r\n"
    for name, body in {
        "LF after the size": b"5\nhello\r\n0\r\n\r\n",
        "CR after the size": b"5\rhello\r\n0\r\n\r\n",
        "CR CR LF after the size": b"5\r\r\nhello\r\n0\r\n\r\n",
        "a blank after the size": b"5 \r\nhello\r\n0\r\n\r\n",
        "a tab after the size": b"5\t\r\nhello\r\n0\r\n\r\n",
        "a blank before the size": b" 5\r\nhello\r\n0\r\n\r\n",
        "a blank before the extension": b"5 ;a\r\nhello\r\n0\r\n\r\n",
        "0x": b"0x5\r\nhello\r\n0\r\n\r\n",
        "a plus": b"+5\r\nhello\r\n0\r\n\r\n",
        "a minus": b"-5\r\nhello\r\n0\r\n\r\n",
        "an underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
        "no size": b"\r\nhello\r\n0\r\n\r\n",
        "only an extension": b";a=b\r\n0\r\n\r\n",
        "no number": b"hello\r\n0\r\n\r\n",
        "a decimal point": b"5.0\r\nhello\r\n0\r\n\r\n",
        "a size of 65 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        "a size of 64 bits": b"FFFFFFFFFFFFFFFF\r\nhello",
        "a size of 20 digits": b"00000000000000000005\r\nhello\r\n0\r\n\r\n",
        "NUL in the size": b"5\0\r\nhello\r\n0\r\n\r\n",
        "data longer than said": b"5\r\nhello!\r\n0\r\n\r\n",
        "data shorter than said": b"6\r\nhello\r\n0\r\n\r\n",
        "no line end after data": b"5\r\nhello0\r\n\r\n",
        "LF after data": b"5\r\nhello\n0\r\n\r\n",
        "LF LF after data": b"5\r\nhello\n\n0\r\n\r\n",
        "LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        "NUL in an extension": b"5;a\0b\r\nhello\r\n0\r\n\r\n",
        "an endless extension": b"5;" + b"a" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
        "LF after the last size": good + b"0\n\r\n",
        "LF ends the body": good + b"0\r\n\n",
        "a blank after the last size": good + b"0 \r\n\r\n",
        "a trailer without a colon": good + b"0\r\nGET /v2/smuggled/manifests/x HTTP/1.1\r\n\r\n",
        "a trailer without a name": good + b"0\r\n: x\r\n\r\n",
        "a folded trailer": good + b"0\r\nA: b\r\n c\r\n\r\n",
        "LF after a trailer": good + b"0\r\nA: b\n\r\n",
        "NUL in a trailer": good + b"0\r\nA: \0\r\n\r\n",
        "CR in a trailer": good + b"0\r\nA: b\rc\r\n\r\n",
        "endless trailers": good + b"0\r\n" + b"A: bbbbbbbb\r\n" * 1000 + b"\r\n",
    }.items():
        yield Case(f"chunks: {name}", body)


GROUPS: dict[str, list[Case]] = {
    make.__name__: list(make())
    for make in (lengths, line_ends, versions, methods, targets, paths, fields, strangers)
}
CHUNKS = list(chunks())


def accepted() -> list[Case]:
    """The nearest right requests. Were they refused too, the table above would prove nothing."""
    fine, taken = frozenset({200}), frozenset({202})
    full = [b"X-%d: x" % number for number in range(MAX_FIELDS - 2)]
    almost = MAX_HEAD - len(request(b"A: "))
    return [
        Case("plain", request(), fine),
        Case("100 fields", request(*full), fine),
        Case("a head of the limit", request(b"A: " + b"b" * almost), fine),
        Case("names in any case", request(b"CoNnEcTiOn: keep-alive"), fine),
        Case("blanks around a value", request(b"A:  \t b \t "), fine),
        Case("no blank before a value", request(b"A:b"), fine),
        Case("an empty value", request(b"A:"), fine),
        Case("every character of a name", request(b"!#$%&'*+-.^`|~09azAZ: x"), fine),
        Case("text of other character sets", request(b"A: \xc3\xa9\xff"), fine),
        Case("Host with a port", request(host=b"Host: localhost:5000"), fine),
        Case("Host is an IPv6 address", request(host=b"Host: [::1]:5000"), fine),
        Case("HTTP/1.0", request(line=b"GET /v2/m/manifests/x HTTP/1.0"), fine),
        Case("a query nobody reads", request(line=b"GET /v2/m/manifests/x?ns=docker.io HTTP/1.1"), fine),
        Case("an encoded colon in a digest",
             request(line=b"GET /v2/m/blobs/sha256%3A" + b"a" * 64 + b" HTTP/1.1"), fine),
        Case("a length of 0", post(b"Content-Type: application/json", b"Content-Length: 0"), taken),
        Case("a length", post(b"Content-Length: 5", body=b"hello"), taken),
        Case("chunks", post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"), taken),
        Case("an upgrade that is not taken up",
             request(b"Connection: Upgrade", b"Upgrade: websocket"), fine),
        Case("an upgrade to HTTP/2 that is not taken up",
             request(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
             fine),
    ]

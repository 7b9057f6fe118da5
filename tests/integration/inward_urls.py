"""URLs that lead inward, or try to: 72 of them with redirects (reliability 5.2); ``{port}`` is a canary's."""

from collections.abc import Mapping, Sequence

SPELLINGS = (
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0x7f.1:{port}/",
    "https://0x7f000001:{port}/",
    "https://2130706433:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://127.255.255.254:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://127。0。0。1:{port}/",
    "https://⑯⑨.254.169.254:{port}/",
    "https://0xa9fea9fe:{port}/",
    "https://10.0.0.1:{port}/",
)

IPV6 = tuple(
    f"https://[{address}]:{{port}}/"
    for address in (
        "::1",
        "::",
        "0:0:0:0:0:0:0:1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001:0:7f00:1::",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "ff02::1",
        "5f00::1",
        "3fff::1",
        "2001:db8::1",
    )
)

METADATA = (
    "https://169.254.169.254:{port}/latest/meta-data/",
    "https://169.254.170.2:{port}/v2/credentials",
    "https://[fd00:ec2::254]:{port}/latest/meta-data/",
    "https://100.100.100.200:{port}/latest/meta-data/",
    "https://168.63.129.16:{port}/metadata",
    "https://192.0.0.192:{port}/opc/v2/",
    "https://metadata.google.internal:{port}/computeMetadata/v1/",
    "https://instance-data.ec2.internal:{port}/",
    "https://metadata.tencentyun.com:{port}/",
    "https://169.254.43518:{port}/",
)

DNS = (
    "https://rebinding.test:{port}/",
    "https://mixed.test:{port}/",
    "https://alias.test:{port}/",
    "https://six-only.test:{port}/",
    "https://nowhere.test:{port}/",
    "https://silent.test:{port}/",
)

PARSING = (
    "https://example.test@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@example.test/",
    "https://127.0.0.1:{port}#@example.test/",
    "https://127.0.0.1\t\r\n:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://127%2e0%2e0%2e1:{port}/",
)

SCHEMES = (
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "unix:///run/postgresql/.s.PGSQL.5432",
)

#: What listens on this machine under names of its own.
OWN = ("https://localhost:{port}/", "http://127.0.0.1:{port}/readyz")

URLS = (*SPELLINGS, *IPV6, *METADATA, *DNS, *PARSING, *SCHEMES, *OWN)

#: What a server that may be reached answers with, and where to; ``{self}`` is another one that does.
REDIRECTS = (
    (301, "https://127.0.0.1:{port}/"),
    (302, "https://127.0.0.1:{port}/"),
    (303, "https://127.0.0.1:{port}/"),
    (307, "https://127.0.0.1:{port}/"),
    (308, "https://127.0.0.1:{port}/"),
    (307, "http://127.0.0.1:{port}/"),
    (302, "https://169.254.169.254:{port}/latest/meta-data/"),
    (307, "{self}"),
)

#: What the names above stand for; that of ``silent.test`` nobody tells.
NAMES: Mapping[str, Sequence[str]] = {
    "mixed.test": ("8.8.8.8", "127.0.0.1"),
    "inside.test": ("127.0.0.1",),
    "six-only.test": ("::1",),
    "nowhere.test": (),
    "example.test": ("8.8.8.8",),
    "metadata.google.internal": ("169.254.169.254",),
    "instance-data.ec2.internal": ("169.254.169.254",),
    "metadata.tencentyun.com": ("169.254.0.23",),
}
ALIASES = {"alias.test": "inside.test"}

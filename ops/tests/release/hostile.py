"""Archives that somebody made who means no good: each with the words by which it has to be refused."""

import gzip
import hashlib
import io
import json
import tarfile

from ops.release.ignoring import MANIFEST_NAME
from ops.release.manifest import Entry, Manifest
from ops.release.packing import END, header, padding
from ops.tests.release.trees import NOON

CONTENT = b"print('hello')\n"
SIZE = len(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def entry(path="app.py", mode="0644", size=SIZE, sha256=SHA256):
    return Entry(path, mode, size, sha256)


def manifest(*entries) -> bytes:
    return Manifest("9", "", NOON + 9, tuple(entries)).to_json()


def member(file: Entry, content=CONTENT) -> bytes:
    return header(file, NOON + 9) + content + padding(len(content))


def odd(path="app.py", content=CONTENT, form=tarfile.USTAR_FORMAT, **fields) -> bytes:
    """A member as other programs may write it."""
    info = tarfile.TarInfo(path)
    about = {"size": len(content), "mode": 0o644, "mtime": NOON + 9, "type": tarfile.REGTYPE}
    for name, value in (about | fields).items():
        setattr(info, name, value)
    return info.tobuf(form, "utf-8", "surrogateescape") + content + padding(len(content))


def tar(text: bytes, *members: bytes, end=END) -> bytes:
    return member(Entry(MANIFEST_NAME, "0644", len(text), ""), text) + b"".join(members) + end


def packed(stream: bytes) -> bytes:
    return gzip.compress(stream, 1, mtime=0)


def naming(path: str) -> bytes:
    """One whose manifest and member agree on this name."""
    return packed(tar(manifest(entry(path)), odd(path)))


def saying(**changes) -> bytes:
    """One whose manifest says this of its file."""
    told = json.loads(manifest(entry()))
    told["files"][0] |= changes
    return packed(tar(json.dumps(told, indent=1).encode() + b"\n", member(entry())))


def telling(text: bytes) -> bytes:
    return packed(tar(text, member(entry())))


def zeros(size: int) -> bytes:
    """So many zeros, packed, which takes a thousandth of that."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as stream:
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))
    return out.getvalue()


GOOD = tar(manifest(entry()), member(entry()))
TWO = manifest(entry("a.py"), entry("b.py"))
NAMES = {
    "out of the tree": ("../app.py", "leads out"),
    "out of the tree, further down": ("a/../../app.py", "leads out"),
    "absolute": ("/etc/cron.d/app", "absolute"),
    "a dot": ("./app.py", "plain name"),
    "an empty part": ("a//app.py", "plain name"),
    "a backslash": ("..\\app.py", "plain name"),
    "a drive": ("C:app.py", "plain name"),
    "a line feed": ("app.py\nb", "plain name"),
    "an escape sequence": ("\x1b[2Japp.py", "plain name"),
    "written from right to left": ("app\u202eyp.exe", "plain name"),
    "another alphabet": ("аpp.py", "plain name"),
    "a full-width dot": ("．．/app.py", "plain name"),
    "composed otherwise": ("cafe\u0301.py", "plain name"),
    "a dot at the end": ("app.py.", "plain name"),
    "a blank at the end": ("app.py ", "plain name"),
    "NUL": ("app.py\0.txt", "plain name"),
    "a secret": ("deploy/.env", "belongs to no release"),
    "a secret in capitals": ("DEPLOY/.ENV.Production", "belongs to no release"),
    "a key": ("a/b/server.PEM", "belongs to no release"),
    "a database": ("data/db.sqlite3-wal", "belongs to no release"),
    "git's own": (".git/hooks/post-checkout", "belongs to no release"),
    "the stack's own": (".local/secrets.env", "belongs to no release"),
    "this tool's own": (".release/next/complete.py", "belongs to no release"),
    "a virtual environment": (".venv/bin/python", "belongs to no release"),
    "the manifest": (MANIFEST_NAME, "belongs to no release"),
}
KINDS = {
    "a symbolic link": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0},
    "a hard link": {"type": tarfile.LNKTYPE, "linkname": "../../etc/passwd", "size": 0},
    "a device": {"type": tarfile.CHRTYPE, "devmajor": 1, "size": 0},
    "a device of blocks": {"type": tarfile.BLKTYPE, "devmajor": 8, "size": 0},
    "a pipe": {"type": tarfile.FIFOTYPE, "size": 0},
    "a directory": {"type": tarfile.DIRTYPE, "size": 0},
    "a sparse file": {"type": tarfile.GNUTYPE_SPARSE},
    "an extended header": {"type": tarfile.XHDTYPE},
    "a global extended header": {"type": tarfile.XGLTYPE},
    "a long name": {"type": tarfile.GNUTYPE_LONGNAME},
}
MANIFESTS = {
    "no json": (b"release", "is no manifest"),
    "a list": (b"[]", "is no manifest"),
    "null": (b"null\n", "is no manifest"),
    "deep": (b"[" * 100_000, "is no manifest"),
    "a number of many digits": (b'{"format": ' + b"9" * 5000 + b"}", "is no manifest"),
    "no files": (manifest(), "names no file"),
    "too many files": (manifest(*(entry(f"f{n:05}") for n in range(20_001))), "names no file, or more"),
    "not sorted": (manifest(entry("b"), entry("a")), "not sorted"),
    "a name twice": (manifest(entry(), entry()), "clash"),
    "names that differ in case": (manifest(entry("App.py"), entry("app.py")), "clash"),
    "directories that differ in case": (manifest(entry("A/b"), entry("a/c")), "clash"),
    "a file and a directory": (manifest(entry("a"), entry("a/b")), "clash"),
    "another product": (manifest(entry()).replace(b"tradebot", b"malware"), "is no manifest"),
    "another format": (manifest(entry()).replace(b'"format": 1', b'"format": 2'), "is no manifest"),
    "a key twice": (manifest(entry()).replace(b'"format": 1', b'"format": 3, "format": 1'), "is not written as"),
    "another time": (manifest(entry()).replace(str(NOON + 9).encode(), str(NOON).encode()), "another time"),
    "larger than any": (b" " * (8 * 2**20 + 1), "too large"),
}
SAID = {
    "setuid": ({"mode": "4755"}, "mode"),
    "writable for all": ({"mode": "0666"}, "mode"),
    "mode as a number": ({"mode": 420}, "mode"),
    "a size below zero": ({"size": -1}, "size"),
    "a size that is true": ({"size": True}, "size"),
    "a size that is text": ({"size": "15"}, "is no number"),
    "a size beyond all disks": ({"size": 2**63}, "larger than"),
    "another size": ({"size": 14}, "header of app.py"),
    "another content": ({"sha256": "0" * 64}, "not what the manifest says"),
    "a check sum that is none": ({"sha256": "x"}, "no check sum"),
    "a name that is none": ({"path": ["app.py"]}, "is no name"),
    "something else": ({"owner": "root"}, "is no manifest"),
}
STREAMS = {
    "nothing": (b"", "ends too early"),
    "no gzip": (b"PK\3\4" + bytes(600), "no gzip"),
    "no packing": (GOOD, "no gzip"),
    "cut off": (packed(GOOD)[:-40], "ends too early"),
    "its check sum cut off": (packed(GOOD)[:-8], "ends too early"),
    "a wrong check sum": (packed(GOOD)[:-8] + bytes(8), "damaged"),
    "something behind it": (packed(GOOD) + b"#!/bin/sh", "something follows"),
    "a second stream": (packed(GOOD) * 2, "something follows"),
    "something after its end": (packed(GOOD + bytes(512)), "goes on"),
    "no end": (packed(GOOD[: -len(END)]), "ends too early"),
    "a bomb": (zeros(64 << 20), "does not begin with"),
    "a bomb behind its end": (packed(GOOD)[:-8] + zeros(64 << 20), "damaged"),
    "a bomb as a file": (packed(tar(manifest(entry(size=2**28)), header(entry(size=2**28), NOON + 9))), "too early"),
    "a bomb of many": (telling(manifest(*(entry(f"f{n}", size=2**28) for n in range(5)))), "bytes in all"),
    "no manifest": (packed(member(entry()) + END), "does not begin with"),
    "its manifest at the end": (packed(member(entry()) + tar(manifest(entry()))), "does not begin with"),
    "two manifests": (packed(tar(manifest(entry()), tar(manifest(entry()), end=b""), member(entry()))), "holds"),
    "a file too few": (packed(tar(TWO, member(entry("a.py")))), "ends before b.py"),
    "a file too many": (packed(tar(manifest(entry()), member(entry()), member(entry("b.py")))), "more than"),
    "a file twice": (packed(tar(TWO, *[member(entry("a.py"))] * 2, member(entry("b.py")))), "holds 'a.py'"),
    "another order": (packed(tar(TWO, member(entry("b.py")), member(entry("a.py")))), "holds 'b.py'"),
    "another name in its header": (packed(tar(manifest(entry()), odd("../app.py"))), "holds '../app.py'"),
    "setuid in its header": (packed(tar(manifest(entry()), odd(mode=0o4755))), "has the mode"),
    "somebody's": (packed(tar(manifest(entry()), odd(uid=1000, uname="eve"))), "header of app.py"),
    "of another time": (packed(tar(manifest(entry()), odd(mtime=0))), "header of app.py"),
    "in GNU's form": (packed(tar(manifest(entry()), odd(form=tarfile.GNU_FORMAT))), "header of app.py"),
    "another size in its header": (packed(tar(manifest(entry()), odd(size=2**30))), "header of app.py"),
    "a number in base 256": (packed(tar(manifest(entry()), odd(size=2**40, form=tarfile.GNU_FORMAT))), "header of"),
    "something between files": (packed(GOOD.replace(CONTENT + b"\0", CONTENT + b"!")), "hidden behind"),
}


def a_key() -> bytes:
    """A private key under an innocent name."""
    key = b"-----BEGIN PRIVATE KEY-----\n"
    told = entry(size=len(key), sha256=hashlib.sha256(key).hexdigest())
    return packed(tar(manifest(told), member(told, key)))


def cases():
    for what, (path, words) in NAMES.items():
        yield f"a name: {what}", naming(path), words
    for what, fields in KINDS.items():
        content = b"" if fields.get("size") == 0 else CONTENT
        yield what, packed(tar(manifest(entry()), odd(content=content, **fields))), "is a"
    for what, (text, words) in MANIFESTS.items():
        yield f"a manifest: {what}", telling(text), words
    for what, (changes, words) in SAID.items():
        yield f"said of a file: {what}", saying(**changes), words
    for what, (data, words) in STREAMS.items():
        yield what, data, words
    yield "a key under another name", a_key(), "a private key"

"""Pictures that start programs, unpack to gigabytes, walk in circles or lie about themselves; and zips of pictures."""

import io
import struct
import zipfile
import zlib
from typing import Callable, Dict, List

from PIL import Image

from .cases import CANARY, Case, Content
from .programs import zipped

_POSTSCRIPT = f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n({CANARY}) (w) file closefile\nshowpage\n".encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes, *chunks: bytes, colours: int = 2, bits: int = 8) -> bytes:
    """A PNG of rows as they are, packed; other chunks come before them."""
    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = [_chunk(b"IHDR", head), *chunks, _chunk(b"IDAT", zlib.compress(data, 9)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


_ROWS = (b"\0" + bytes(3 * 64)) * 64
_GOOD = png(64, 64, _ROWS)


def _saved(form: str, **how: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 99, 199)).save(file, form, **how)
    return file.getvalue()


def tiff(*entries: bytes, follow: int = 0) -> bytes:
    """A TIFF of one directory of entries."""
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + struct.pack("<I", follow)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def _sized(width: int, height: int, kind: int = 4) -> List[bytes]:
    shape = [(256, kind, 1, width), (257, kind, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    return [_entry(*one) for one in (*shape, (273, 4, 1, 0), (278, 4, 1, height), (279, 4, 1, 64))]


def _exif(body: bytes) -> bytes:
    return _saved("JPEG", exif=b"Exif\0\0" + body)


def _gif(frames: int) -> bytes:
    file, colours = io.BytesIO(), [Image.new("RGB", (8, 8), (n % 256, n // 256, 0)) for n in range(frames)]
    colours[0].save(file, "GIF", save_all=True, append_images=colours[1:])
    return file.getvalue()


def _resized(raw: bytes, place: int, kind: str, *values: int) -> bytes:
    changed = bytearray(raw)
    struct.pack_into(kind, changed, place, *values)
    return bytes(changed)


def _jpeg(width: int, height: int) -> bytes:
    raw = _saved("JPEG")
    return _resized(raw, raw.index(b"\xff\xc0") + 5, ">HH", height, width)


_LOOP = tiff(*_sized(64, 64), follow=8)
_FILES: Dict[str, Callable[[], bytes]] = {
    "eps.png": lambda: _POSTSCRIPT,
    "postscript.jpg": lambda: b"%!PS\n" + _POSTSCRIPT,
    "pdf.png": lambda: b"%PDF-1.4\n1 0 obj<</JS(app.alert(1))>>endobj\n",
    "svg.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "wmf.bmp": lambda: b"\xd7\xcd\xc6\x9a" + bytes(200),
    "psd.png": lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 60000, 60000, 8, 3) + bytes(20),
    "fits.png": lambda: b"SIMPLE  =                    T" + b" " * 2850,
    "icns.png": lambda: b"icns" + struct.pack(">I", 2**31) + bytes(64),
    "pickle.png": lambda: b"\x80\x04cos\nsystem\n(X\x0c\0\0\0touch canarytR.",
    "ppm.png": lambda: b"P6 99999 99999 255\n" + bytes(100),
    "xpm.png": lambda: b'/* XPM */\nstatic char *a[] = {"99999 99999 1 1", "a c #000"};',
    "tga.png": lambda: bytes([0, 0, 2]) + bytes(9) + struct.pack("<HHBB", 65535, 65535, 24, 0),
    "png-bomb-of-64-megapixels.png": lambda: png(8000, 8000, (b"\0" + bytes(24_000)) * 8000),
    "png-bomb-of-grey.png": lambda: png(7900, 8000, (b"\0" + bytes(7900)) * 8000, colours=0),
    "png-of-16-bits.png": lambda: png(7900, 8000, (b"\0" + bytes(15_800)) * 8000, colours=0, bits=16),
    "png-of-2-to-the-31.png": lambda: png(2**31 - 1, 2**31 - 1, b""),
    "png-of-a-long-row.png": lambda: png(2**31 - 1, 1, b""),
    "png-of-nothing.png": lambda: png(0, 0, b""),
    "png-of-more-rows.png": lambda: png(64, 64, _ROWS * 20_000),
    "png-of-fewer-rows.png": lambda: png(64, 64, _ROWS[:100]),
    "png-of-no-colours.png": lambda: png(64, 64, _ROWS, colours=3),
    "png-of-unknown-colours.png": lambda: png(64, 64, _ROWS, colours=77),
    "png-text-bomb.png": lambda: png(64, 64, _ROWS, _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(60 << 20), 9))),
    "png-texts-without-end.png": lambda: png(
        64, 64, _ROWS, *[_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000), 9))] * 200
    ),
    "png-profile-bomb.png": lambda: png(64, 64, _ROWS, _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(60 << 20), 9))),
    "png-international-text-bomb.png": lambda: png(
        64, 64, _ROWS, _chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(60 << 20), 9))
    ),
    "png-exif-in-a-text.png": lambda: png(
        64, 64, _ROWS, _chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 9\nzz"))
    ),
    "png-exif-broken.png": lambda: png(64, 64, _ROWS, _chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")),
    "png-of-a-run-of-ours.png": lambda: png(64, 64, _ROWS, _chunk(b"tEXt", b"sfumato\0" + b"[" * 100_000)),
    "png-chunk-of-2-to-the-31.png": lambda: _GOOD[:33] + struct.pack(">I", 2**31) + b"IDAT",
    "png-animated-without-end.png": lambda: png(64, 64, _ROWS, _chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "png-sum-wrong.png": lambda: _GOOD[:-20] + b"\xff" * 4 + _GOOD[-16:],
    "png-cut-off.png": lambda: _GOOD[:60],
    "png-only-its-beginning.png": lambda: _GOOD[:8],
    "jpeg-of-65535.jpg": lambda: _jpeg(65535, 65535),
    "jpeg-of-60-megapixels.jpg": lambda: _jpeg(10_000, 6000),
    "jpeg-of-nothing.jpg": lambda: _jpeg(0, 0),
    "jpeg-cut-off.jpg": lambda: _saved("JPEG")[:300],
    "jpeg-scans-without-end.jpg": lambda: (
        _saved("JPEG", progressive=True)[:-2] + (b"\xff\xda\0\x08\1\1\0\0\x3f\0") * 50_000
    ),
    "jpeg-exif-broken.jpg": lambda: _exif(b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60),
    "jpeg-exif-in-a-circle.jpg": lambda: _exif(
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    ),
    "jpeg-exif-turned-by-99.jpg": lambda: _exif(
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 3, 1, 99) + bytes(4)
    ),
    "jpeg-exif-turned-by-a-text.jpg": lambda: _exif(
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHI4s", 0x0112, 2, 4, b"abc\0") + bytes(4)
    ),
    "jpeg-exif-of-four-gigabytes.jpg": lambda: _exif(
        b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 5, 2**31, 8) + bytes(4)
    ),
    "jpeg-of-many-pictures.jpg": lambda: _saved("MPO"),
    "gif-of-many-frames.gif": lambda: _gif(2000),
    "gif-of-65535.gif": lambda: _resized(_saved("GIF"), 6, "<HH", 65535, 65535),
    "gif-frame-beyond.gif": lambda: (lambda raw: _resized(raw, raw.rindex(b",\0\0\0\0") + 5, "<HH", 65535, 65535))(
        _saved("GIF")
    ),
    "gif-cut-off.gif": lambda: _saved("GIF")[:40],
    "bmp-of-2-to-the-31.bmp": lambda: _resized(_saved("BMP"), 18, "<ii", 2**31 - 1, 2**31 - 1),
    "bmp-negative.bmp": lambda: _resized(_saved("BMP"), 18, "<ii", -64, -(2**31)),
    "bmp-run-without-end.bmp": lambda: _resized(_saved("BMP"), 28, "<HI", 8, 1),
    "webp-of-16383.webp": lambda: _saved("WEBP")[:26] + b"\xff\x3f\xff\x3f" + _saved("WEBP")[30:],
    "webp-of-four-gigabytes.webp": lambda: _resized(_saved("WEBP"), 4, "<I", 2**32 - 1),
    "webp-cut-off.webp": lambda: _saved("WEBP")[:40],
    "tiff-in-a-circle.tif": lambda: _LOOP,
    "tiff-of-2-to-the-31.tif": lambda: tiff(*_sized(2**31 - 1, 2**31 - 1)),
    "tiff-of-60-megapixels.tif": lambda: tiff(*_sized(10_000, 6000)),
    "tiff-of-nothing.tif": lambda: tiff(*_sized(0, 0)),
    "tiff-of-no-directory.tif": lambda: b"II*\0\xff\xff\xff\x7f",
    "tiff-of-64000-entries.tif": lambda: tiff(*[_entry(256, 4, 1, 64)] * 64_000),
    "tiff-tag-of-four-gigabytes.tif": lambda: tiff(*_sized(64, 64), _entry(700, 1, 2**32 - 1, 8)),
    "tiff-tag-of-fractions.tif": lambda: tiff(*_sized(64, 64), _entry(282, 5, 2**28, 8)),
    "tiff-of-texts-for-sizes.tif": lambda: tiff(*_sized(64, 64, kind=2)),
    "tiff-big.tif": lambda: b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**62),
    "tiff-of-floats.tif": lambda: tiff(*_sized(64, 64), _entry(339, 3, 1, 3)),
    "empty.png": lambda: b"",
    "zeros.png": lambda: bytes(10_000),
}


def _stuffed(name: str, content: bytes, count: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    return zipped({f"{place}{name}": content for place in range(count)}, method)


def _changed(name: str, at: int, value: int) -> bytes:
    raw = zipped({name: _GOOD, "b.png": _GOOD}, zipfile.ZIP_DEFLATED)
    return _resized(_resized(raw, raw.index(b"PK\x01\x02") + at, "<H", value), at - 2, "<H", value)


_ZIPS: Dict[str, Callable[[], Content]] = {
    "bomb.zip": lambda: _stuffed(".png", bytes(50 << 20), 30),
    "bomb-of-one.zip": lambda: _stuffed(".png", bytes(65 << 20), 1),
    "bomb-of-bombs.zip": lambda: _stuffed(".png", png(8000, 8000, (b"\0" + bytes(24_000)) * 8000), 1),
    "bomb-of-bzip2.zip": lambda: _stuffed(".png", bytes(50 << 20), 1, zipfile.ZIP_BZIP2),
    "bomb-of-lzma.zip": lambda: _stuffed(".png", bytes(50 << 20), 1, zipfile.ZIP_LZMA),
    "zip-in-zip.zip": lambda: zipped({"a.png": zipped({"b.png": _GOOD})}),
    "very-many.zip": lambda: _stuffed(".png", b"", 60_000),
    "names-upwards.zip": lambda: zipped(
        {"../../a.png": _GOOD, "../../../b.png": _GOOD, "/c.png": _GOOD, "..\\d.png": _GOOD}
    ),
    "names-of-lines.zip": lambda: zipped({"a\n\x1b[2Jb.png": b"x"}),
    "names-that-are-long.zip": lambda: zipped({"a" * 60_000 + ".png": b"x"}),
    "names-that-are-folders.zip": lambda: zipped({"a.png/": b"", "a.png/b.png": b"x"}),
    "names-twice.zip": lambda: zipped({"a.png": _GOOD, "A.PNG": b"x"}),
    "hidden.zip": lambda: zipped({"__MACOSX/a.png": _GOOD, ".b.png": _GOOD}),
    "encrypted.zip": lambda: _changed("a.png", 8, 1),
    "deflate64.zip": lambda: _changed("a.png", 10, 9),
    "unknown-method.zip": lambda: _changed("a.png", 10, 4321),
    "link.zip": lambda: zipped({"a.png": b"/etc/hostname"}).replace(b"PK\x01\x02\x14\x00", b"PK\x01\x02\x14\x03"),
    "cut-off.zip": lambda: zipped({"a.png": _GOOD})[:-30],
    "eps-inside.zip": lambda: zipped({"a.png": _POSTSCRIPT}),
    "a-program.zip": lambda: zipped({"__main__.py": b"open('canary', 'w')"}),
    "not-a-zip.zip": lambda: _GOOD,
}


def cases() -> List[Case]:
    """Pictures by the commands that open some, in turn: one by itself, photos, painted digits and pictures to name."""
    made = []
    for place, (what, make) in enumerate(_FILES.items()):
        command = ("face", "photos", "pictures", "painted")[place % 4]
        ending = what.rpartition(".")[2]
        names = {"face": "", "photos": f"a.{ending}", "pictures": f"0_1.{ending}", "painted": "svhn/0_001.png"}
        name = names[command]
        made.append(Case(command, what, lambda make=make, name=name: {name: make()} if name else make()))
    return made + [Case("faces", what, make) for what, make in _ZIPS.items()]

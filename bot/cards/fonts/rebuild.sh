#!/bin/sh
# Rebuilds NotoSansCJKsc-qidesk.otf: the simplified Chinese face of Debian's fonts-noto-cjk cut down
# to ASCII, GB 2312 (hanzi of both levels and its symbols) and the signs that our pictures use.
# Needs fonttools (a development dependency). Run it in this folder.
set -eu
source=${1:-/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc}
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
python3 - >"$wanted" <<'PYTHON'
rows = [*range(0xA1, 0xA4), *range(0xB0, 0xF8)]
every = [bytes((row, cell)) for row in rows for cell in range(0xA1, 0xFF)]
print("".join(map(chr, range(0x20, 0x7F))) + "−·▲▼△▽°±×÷‰…—–‘’“”•‹›«»¥€①②③④⑤⑥⑦⑧⑨⑩")
print("".join(code.decode("gb2312", "ignore") for code in every))
PYTHON
pyftsubset "$source" --font-number=2 --text-file="$wanted" --notdef-outline --no-hinting \
  --layout-features=kern --drop-tables+=VORG,vhea,vmtx,BASE,GPOS,GSUB \
  --output-file=NotoSansCJKsc-qidesk.otf

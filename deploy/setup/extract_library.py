"""Takes ONNX Runtime's shared library out of its wheel: extract_library.py WHEEL TARGET."""

import os
import re
import shutil
import sys
import zipfile

LIBRARY = re.compile(r"onnxruntime/capi/libonnxruntime\.so\.[0-9.]+")


def main(wheel: str, target: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if LIBRARY.fullmatch(name)]
        if len(names) != 1:
            sys.exit(f"setup: {wheel} holds {len(names)} ONNX Runtime libraries, not one")
        partial = target + ".partial"
        with archive.open(names[0]) as source, open(partial, "wb") as sink:
            shutil.copyfileobj(source, sink)
    os.replace(partial, target)


main(*sys.argv[1:])

"""Takes ONNX Runtime's shared library and its licences out of its wheel: extract_library.py WHEEL TARGET."""

import os
import re
import shutil
import sys
import zipfile

LIBRARY = re.compile(r"onnxruntime/capi/libonnxruntime\.so\.[0-9.]+")
# Who passes the library on passes these on, too.
LICENCES = ("LICENSE", "ThirdPartyNotices.txt")


def main(wheel: str, target: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if LIBRARY.fullmatch(name)]
        if len(names) != 1:
            sys.exit(f"setup: {wheel} holds {len(names)} ONNX Runtime libraries, not one")
        for licence in LICENCES:
            copy(archive, f"onnxruntime/{licence}", f"{os.path.splitext(target)[0]}.{licence}")
        copy(archive, names[0], target)


def copy(archive: zipfile.ZipFile, name: str, target: str) -> None:
    partial = target + ".partial"
    with archive.open(name) as source, open(partial, "wb") as sink:
        shutil.copyfileobj(source, sink)
    os.replace(partial, target)


main(*sys.argv[1:])

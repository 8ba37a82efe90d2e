"""A base image made of parts of this machine: no registry of images is reached, no package is fetched.

It holds the Python that runs the tests, what a shell script needs, and the libraries of both; it is no published image.
BentoML's Dockerfile has apt-get install compilers, which no model's Bento needs: here apt-get is `true`.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

PROGRAMS = [
    "basename",
    "bash",
    "cat",
    "chmod",
    "chown",
    "dirname",
    "env",
    "groupadd",
    "ls",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "true",
    "uname",
    "useradd",
    "uv",
]
OF_WHEELS = ("libstdc++.so.6", "libgcc_s.so.1")
FILES = ("/etc/login.defs", "/etc/nsswitch.conf", "/usr/lib/locale/C.utf8")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
ACCOUNTS = {"passwd": "root:x:0:0:root:/root:/bin/bash\n", "group": "root:x:0:\n"}
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib64": "usr/local/lib", "usr/bin/apt-get": "true"}
_UNUSED = re.compile(r"/(test|tests|idlelib|lib2to3|ensurepip|site-packages/.*|dist-packages/.*|config-.*|.*\.a)$")


def write(path: Path) -> None:
    """Write the base's files as an archive."""
    stdlib, python = Path(os.__file__).parent, Path(sys.executable).resolve()
    programs = [Path(found) for name in PROGRAMS if (found := shutil.which(name, path=_path()))]
    with tarfile.open(path, "w") as archive:
        for link, target in LINKS.items():
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
            archive.addfile(entry)
        for program in programs:
            folder = "sbin" if program.parent.name == "sbin" else "bin"
            archive.add(program.resolve(), f"usr/{folder}/{program.name}")
        for name in (python.name, "python3", "python"):
            archive.add(python, f"usr/local/bin/{name}")
        archive.add(stdlib, f"usr/local/lib/{stdlib.name}", filter=_needed)
        for library in libraries([*programs, python, *stdlib.glob("lib-dynload/*.so")]):
            archive.add(library.resolve(), f"usr/local/lib/{library.name}")
        for file in FILES:
            if Path(file).exists():
                archive.add(file)
        archive.add(os.environ.get("SSL_CERT_FILE", CERTIFICATES), CERTIFICATES)
        _write_accounts(archive, path.parent)


def environment() -> dict[str, str]:
    """The variables of the base; the address of the package index is this machine's."""
    index = {name: value for name, value in os.environ.items() if name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")}
    return {
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin",
        "LD_LIBRARY_PATH": "/usr/local/lib",
        "SSL_CERT_FILE": CERTIFICATES,
        **index,
    }


def libraries(files: list[Path]) -> set[Path]:
    """The shared libraries that programs and modules are linked with, and those that wheels take for granted."""
    told = subprocess.run(["ldd", *map(str, files)], capture_output=True, text=True).stdout
    cached = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    told += "\n".join(line for line in cached.splitlines() if line.split()[0] in OF_WHEELS and "x86-64" in line)
    return {Path(found) for found in re.findall(r"^\s.*?(/\S+)(?: \(0x[0-9a-f]+\))?$", told, re.MULTILINE)}


def _path() -> str:
    return f"{sysconfig.get_path('scripts')}:/usr/sbin:/usr/bin:/sbin:/bin"


def _needed(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _UNUSED.search(entry.name) or "__pycache__" in entry.name else entry


def _write_accounts(archive: tarfile.TarFile, folder: Path) -> None:
    for name, text in ACCOUNTS.items():
        draft = folder / name
        draft.write_text(text)
        archive.add(draft, f"etc/{name}")
        draft.unlink()

"""Check what was built: ``python .ci/dist.py DIST`` with one wheel and one sdist in it."""

from __future__ import annotations

import configparser
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
TOP = "eguma_async"
INFO = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")


def main() -> None:
    """Check both archives, and say what they hold."""
    dist = Path(sys.argv[1])
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    check_names(wheel)
    contents = wheel_contents(wheel)
    check_wheel(contents)
    check_sdist(sdist)
    # The one in DIST was built from the sdist: nothing is lost on that way.
    if contents != wheel_contents(built_from(ROOT)):
        sys.exit("the wheel of the sdist is not the wheel of the checkout")
    print(f"{wheel.name}: {len(contents)} files; the sdist has all of the checkout")


def wheel_contents(wheel: Path) -> dict[str, str]:
    """Return the hash of each file."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()
        } | {"METADATA": _metadata(archive)}


def _metadata(archive: zipfile.ZipFile) -> str:
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    data = Metadata.from_email(archive.read(name), validate=True)  # raises what is wrong
    if data.description_content_type != "text/markdown" or not data.description:
        sys.exit("the README is not the description")
    return str(data.version)


def check_names(wheel: Path) -> None:
    """Exit unless the wheel has the version and the entry points that the checkout states."""
    stated: dict[str, str] = {}
    exec((ROOT / TOP / "_version.py").read_text("utf-8"), stated)  # noqa: S102  # our own
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    points = {"console_scripts": project["scripts"], **project["entry-points"]}
    found = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        version = _metadata(archive)
        info = f"{TOP}-{version}.dist-info"
        found.read_string(archive.read(f"{info}/entry_points.txt").decode())
    if version != stated["__version__"]:
        sys.exit(f"the wheel is {version}, _version.py says {stated['__version__']}")
    if {group: dict(found[group]) for group in found.sections()} != points:
        sys.exit(f"the wheel's entry points are not {points}")


def check_wheel(contents: dict[str, str]) -> None:
    """Exit unless the wheel has the package, its marker, licence and entry points, and no more."""
    version = contents["METADATA"]
    info = f"eguma_async-{version}.dist-info"
    here = {path for path in tracked() if path.startswith(f"{TOP}/")}
    needed = here | {f"{info}/{name}" for name in INFO}
    found = contents.keys() - {"METADATA"}
    if found != needed:
        sys.exit(f"the wheel lacks {sorted(needed - found)} and has {sorted(found - needed)}")
    if f"{TOP}/py.typed" not in found:
        sys.exit("the wheel has no py.typed")


def check_sdist(sdist: Path) -> None:
    """Exit unless the sdist has every file of the checkout."""
    with tarfile.open(sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO"}
    needed = set(tracked())
    if found != needed:
        sys.exit(f"the sdist lacks {sorted(needed - found)} and has {sorted(found - needed)}")


def tracked() -> list[str]:
    """Return the files of the checkout that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607  # the developer's git
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def built_from(source: Path) -> Path:
    """Build a wheel straight from a folder."""
    out = tempfile.mkdtemp(dir=sys.argv[1])
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", out, str(source)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # as above
    (wheel,) = Path(out).glob("*.whl")
    return wheel


if __name__ == "__main__":
    main()

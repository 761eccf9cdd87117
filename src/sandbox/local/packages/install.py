"""Makes a layer in the folder `layer` of the working directory: a virtual environment with packages that may be moved.

The arguments are what pip is to install. Ends with 3 where Python lacks pip and with 4 where it lacks venv.
"""


def main(wanted):
    import importlib.util
    import os
    import subprocess

    if importlib.util.find_spec("pip") is None:
        return 3
    if importlib.util.find_spec("venv") is None:
        return 4
    import venv

    layer = os.path.join(os.getcwd(), "layer")
    os.environ["TMPDIR"] = os.path.join(os.getcwd(), "tmp")
    os.mkdir(os.environ["TMPDIR"])
    venv.EnvBuilder(system_site_packages=True, symlinks=True).create(layer)
    pip = [os.path.join(layer, "bin", "python3"), "-I", "-m", "pip", "install", "--no-input", "--no-cache-dir"]
    # Also what this machine has: it may go away, and the layer stays. Wheels run no code as they are installed.
    pip += ["--ignore-installed", "--prefer-binary", "--no-warn-script-location", "--progress-bar", "off"]
    if subprocess.call([*pip, "--disable-pip-version-check", "--", *wanted]) != 0:
        return 1
    relocate(os.path.join(layer, "bin"))
    return 0


def relocate(folder):
    """Lets scripts find the Python that is beside them."""
    import os

    for name in ("activate", "activate.csh", "activate.fish", "Activate.ps1"):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    # Read by sh, the second line starts Python; read by Python, it is in a text that nobody uses.
    start = b"#!/bin/sh\n'''exec' \"$(dirname \"$(readlink -f \"$0\")\")/python3\" \"$0\" \"$@\"\n'''\n"
    ours = os.fsencode(folder) + b"/python"
    for entry in os.scandir(folder):
        if entry.is_symlink() or not entry.is_file():
            continue
        with open(entry.path, "rb") as file:
            text = file.read()
        lines = text.split(b"\n", 3)
        if lines[0].startswith(b"#!" + ours):
            rest = text.split(b"\n", 1)[1]
        # What pip writes where the path is too long for a first line.
        elif len(lines) == 4 and lines[0] == b"#!/bin/sh" and lines[1].startswith(b"'''exec' ") and ours in lines[1]:
            rest = lines[3]
        else:
            continue
        with open(entry.path, "wb") as file:
            file.write(start + rest)


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

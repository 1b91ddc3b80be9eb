#!/bin/sh
# Installs GPAW, the engine behind the `pbe` labels, into the project's virtual environment.
# GPAW is compiled from source; the libraries it needs come from Debian or Ubuntu.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}

stop() {
    echo "$0: $1" >&2
    exit 1
}
command -v "$python" >/dev/null || stop "there is no $python: run \`make install\` first."
command -v apt-get >/dev/null || stop "GPAW needs a C compiler, libxc, OpenBLAS and MPI, which this \
script gets with apt-get, and there is no apt-get here: install them in your system's way, then run \
\`$python -m pip install -c constraints.txt -e '.[pbe]'\`."
sudo=
export DEBIAN_FRONTEND=noninteractive
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || stop "apt-get needs root and there is no sudo here: run this as root."
    sudo="sudo --preserve-env=DEBIAN_FRONTEND"
fi

$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends \
    build-essential libxc-dev libopenblas-dev libopenmpi-dev
"$python" -m pip install --quiet -c constraints.txt -e ".[pbe]"
"$python" -c 'import gpaw; print("GPAW", gpaw.__version__, "is installed")'

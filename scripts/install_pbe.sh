#!/bin/sh
# Installs GPAW, the engine behind the `pbe` labels, into the project's virtual environment.
# GPAW is compiled from source; the libraries it needs come from Debian or Ubuntu.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)

$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends \
    build-essential libxc-dev libopenblas-dev libopenmpi-dev
"$python" -m pip install --quiet gpaw gpaw-data
"$python" -c 'import gpaw; print("GPAW", gpaw.__version__, "is installed")'

#!/usr/bin/env bash
# Test kerasft with other versions of what it needs: tests/environments/run.sh NAME [pytest arguments]
#
# NAME.txt beside this script holds the exact pins; its first line names the Python. The environment is made once and kept,
# under a name that changes with the pins, in $KERASFT_ENVIRONMENTS (default: ~/.cache/kerasft/environments).
# `pins` is the environment of `make setup`.
set -euo pipefail
name=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
if [ "$name" = pins ]; then
    bin=${BIN:-.venv/bin}
else
    pins=$here/$name.txt
    version=$(sed -n '1s/.*Python \([0-9.]*[0-9]\).*/\1/p' "$pins")
    # pyenv's own commands refuse a version that is not the selected one, so its folders are searched too.
    python=$(for candidate in "$HOME"/.pyenv/versions/"$version"*/bin/python "$(command -v "python$version" || true)"; do
        [ -x "$candidate" ] && "$candidate" -c "" 2> /dev/null && echo "$candidate" && break; done || true)
    if [ -z "$python" ]; then
        echo "The environment '$name' needs Python $version, and there is none. Install it, or leave this environment out."
        exit 1
    fi
    folder=${KERASFT_ENVIRONMENTS:-$HOME/.cache/kerasft/environments}/$name-$(sha256sum "$pins" | cut -c1-12)
    bin=$folder/bin
    if [ ! -e "$folder/.installed" ]; then
        echo "Making the environment '$name' (Python $version) in $folder: about 3 GB, once."
        rm -rf "$folder"
        "$python" -m venv "$folder"
        "$bin/python" -m pip install --quiet --no-compile --no-deps --requirement "$pins"
        touch "$folder/.installed"
    fi
fi
if [ $# = 0 ]; then
    # Of the parity tests those that compare with the reference; the others compare kerasft with itself.
    set -- tests/environments tests/notebooks/test_notebooks.py \
        tests/parity/test_bert.py::test_hidden_states_and_pooled_output_equal_the_references \
        tests/parity/test_encoders.py::test_outputs_equal_the_references_at_every_length \
        tests/parity/test_decoders.py::test_hidden_states_and_logits_equal_the_references
fi
# What is deprecated in one version is no news in another: only the pinned environment takes warnings for errors.
PYTHONPATH=$root KERASFT_ENVIRONMENT=$name "$bin/python" -m pytest -m "not slow" -o "filterwarnings=default" \
    --numprocesses 2 --dist loadgroup --durations 10 --junitxml "build/environments/$name.xml" "$@"

#!/bin/sh
# setup.sh REQUIREMENTS: create .venv and install exactly these requirements, unless that has been done.
set -eu

requirements=$1
python=${PYTHON:-python3}
uv=uv==0.13.8

fail() {
    echo "tradebot: $1" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "no $python found: install Python 3.11 or newer, or name one: make setup PYTHON=…"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: install Python 3.11 or newer and name it: make setup PYTHON=python3.11"

# An update that was cut short is ended first (docs/release.md): until then these are requirements of one release, and the
# code may be of another.
[ ! -e .release/next/journal.json ] || "$python" -I .release/next/complete.py . || exit 1

hash=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest()[:16])' "$requirements")
stamp=.venv/.installed-$(basename "$requirements")-$hash
[ -e "$stamp" ] && exit 0

make_venv() {
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv .venv
    else # Debian without python3-venv
        tools=$(mktemp -d)
        trap 'rm -rf "$tools"' EXIT
        "$python" -m pip install --quiet --target "$tools" virtualenv ||
            fail "$python has neither venv nor pip: apt-get install python3-venv"
        PYTHONPATH=$tools "$python" -m virtualenv --quiet .venv
    fi
}

if ! .venv/bin/python -c '' 2>/dev/null; then
    echo "tradebot: creating .venv"
    rm -rf .venv
    make_venv
fi
echo "tradebot: installing $requirements"
.venv/bin/uv --version 2>/dev/null | grep -q "^uv ${uv#uv==}" ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$uv"
# The file names everything, so nothing is resolved again (some of ccxt's pins would contradict it, see overrides.in).
install="pip install --quiet --no-deps --python .venv/bin/python --require-hashes -r $requirements"
# The second try is for networks whose certificates only the system knows.
.venv/bin/uv $install 2>/dev/null || .venv/bin/uv --system-certs $install ||
    fail "the installation failed: see above; it needs the package index, once"
# A python that is told to write no bytecode (PYTHONDONTWRITEBYTECODE, a read-only .venv) would compile all of it in each
# process again: five seconds of every `make up`.
.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true
rm -f .venv/.installed-"$(basename "$requirements")"-*
touch "$stamp"

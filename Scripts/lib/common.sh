# Sourced by the scripts beside it: messages, the Debian packages, Swift, quiet steps.
# shellcheck shell=bash

# What building and running take on Debian 12; Deploy/Dockerfile lists the same.
readonly debian_packages=(
    libzmq3-dev libdnnl-dev libsodium-dev zlib1g-dev dataset-fashion-mnist
)

# Says something to the person, on standard error: standard output carries results.
say() {
    printf '%s\n' "$*" >&2
}

# Ends the script: die STATUS MESSAGE.
die() {
    local status=$1
    shift
    say "${0##*/}: $*"
    exit "$status"
}

# Prints the comment at the head of the calling script, which is its help, and ends.
print_help() {
    sed -n '2,/^[^#]/ { /^#/ { s/^# \{0,1\}//; p; }; }' "$0"
    exit 0
}

# Installs with apt what is missing; touches no network when nothing is.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "This is no Debian: if the build fails, install what Debian calls ${debian_packages[*]}."
        return
    fi
    local package missing=()
    for package in "${debian_packages[@]}"; do
        # The status of a package that was never known is an error, and of a removed one another word.
        # shellcheck disable=SC2016 # The braces are dpkg's.
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0

    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null ||
            die 69 "missing ${missing[*]}, and no sudo to install them: ask an administrator."
        as_root=(sudo)
    fi
    say "Installing ${missing[*]} (apt-get${as_root[*]:+, with sudo})."
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get)
    quietly "${as_root[@]}" update
    quietly "${as_root[@]}" install --yes --no-install-recommends "${missing[@]}"
}

# Ends the script where there is no Swift.
require_swift() {
    command -v swift >/dev/null ||
        die 69 "no swift in PATH: install Swift 6.3 from https://www.swift.org/install/linux/."
}

# Runs a command and shows what it said only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    if ((status)); then
        cat "$log" >&2
        rm -f "$log"
        die 70 "failed with status $status: $*"
    fi
    rm -f "$log"
}

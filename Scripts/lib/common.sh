# Sourced by the scripts beside it: messages, the Debian packages, Swift, quiet steps.
# shellcheck shell=bash

# What building and running take on Debian 12; Deploy/Dockerfile lists the same libraries. A Swift
# that was unpacked from its archive and no more needs those of the second line to start, to fetch
# packages and to link.
readonly debian_packages=(
    libzmq3-dev libdnnl-dev libsodium-dev libsqlite3-dev zlib1g-dev dataset-fashion-mnist
    binutils git libc6-dev libcurl4 libgcc-12-dev libncurses6 libsqlite3-0
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

# Installs with apt what is missing, the packages named as well; touches no network when nothing is.
# Who may not install goes without those named.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "This is no Debian: if the build fails, install what Debian calls ${debian_packages[*]}."
        return
    fi
    local package missing=() useful=() as_root=()
    for package in "${debian_packages[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    for package in "$@"; do
        is_installed "$package" || useful+=("$package")
    done
    ((${#missing[@]} + ${#useful[@]})) || return 0

    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            ((${#missing[@]} == 0)) ||
                die 69 "missing ${missing[*]}, and no sudo to install them: ask an administrator."
            say "Going without ${useful[*]}: you are not root and there is no sudo."
            return
        fi
        as_root=(sudo)
    fi
    missing+=("${useful[@]}")
    say "Installing ${missing[*]} (apt-get${as_root[*]:+, with sudo})."
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get)
    quietly "${as_root[@]}" update
    quietly "${as_root[@]}" install --yes --no-install-recommends "${missing[@]}"
}

# Whether dpkg has that package in place.
is_installed() {
    # The status of a package that was never known is an error, and of a removed one another word.
    # shellcheck disable=SC2016 # The braces are dpkg's.
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Ends the script where there is no Swift; to be asked before anything is installed for it.
require_swift() {
    command -v swift >/dev/null ||
        die 69 "no swift in PATH: install Swift 6.3 from https://www.swift.org/install/linux/."
}

# Builds, in release, the products named, from the packages that Deploy/dependencies.txt lists; says
# nothing unless it fails. Options of `swift build` may come first.
build() {
    local options=(-c release --only-use-versions-from-resolved-file) product
    while [[ ${1-} == -* ]]; do
        options+=("$1" "$2")
        shift 2
    done
    say "Building (release); the first time takes minutes."
    Scripts/dependencies restore
    MANYHEADS_COMMIT=${MANYHEADS_COMMIT:-$(source_commit)}
    export MANYHEADS_COMMIT
    for product in "$@"; do
        quietly swift build "${options[@]}" --product "$product"
    done
    Scripts/dependencies check
}

# Prints the commit of the sources, with `+changes` where what is built differs from it; `unknown` for
# sources without their repository, such as an archive's.
source_commit() {
    local root commit
    # An archive may be unpacked inside of another repository.
    if ! root=$(git rev-parse --show-toplevel 2>/dev/null) || [[ $root != "$(pwd -P)" ]] ||
        ! commit=$(git rev-parse --verify --quiet HEAD); then
        echo unknown
    elif [[ -n $(git status --porcelain -- Package.swift Sources) ]]; then
        echo "$commit+changes"
    else
        echo "$commit"
    fi
}

# Prints how many cores this process may use, as the programs count them (Processor.swift): those it
# may run on, or as many as its control groups grant it time on, if these are fewer; a part of a core
# counts as one.
#
#   available_cores [ROOT]      ROOT stands before /proc and the folders of control groups
available_cores() {
    local root=${1-} cores number mount_root folder rest group period quota
    cores=$(nproc)
    while read -r _ _ _ mount_root folder rest; do
        case $rest in
        *" - cgroup2 "*) group=$(sed -n 's/^0:://p' "$root/proc/self/cgroup") ;;
        *" - cgroup "*[\ ,]cpu | *" - cgroup "*[\ ,]cpu,*)
            group=$(sed -nE 's/^[0-9]+:([^:]*,)?cpu(,[^:]*)?:(.*)/\3/p' "$root/proc/self/cgroup")
            ;;
        *) continue ;;
        esac
        folder=$root$(printf %b "${folder//\\/\\0}")
        # What the mount shows of the way to the group, and none of a group outside of it.
        mount_root=${mount_root%/}
        case $group in
        *..*) group='' ;;
        "$mount_root"/*) group=${group#"$mount_root"} ;;
        *) group='' ;;
        esac
        group=${group%/}
        while :; do
            quota='' period=''
            if [[ -r $folder$group/cpu.max ]]; then
                read -r quota period <"$folder$group/cpu.max" || true
            elif [[ -r $folder$group/cpu.cfs_quota_us && -r $folder$group/cpu.cfs_period_us ]]; then
                read -r quota <"$folder$group/cpu.cfs_quota_us" || true
                read -r period <"$folder$group/cpu.cfs_period_us" || true
            fi
            if [[ $quota =~ ^[1-9][0-9]*$ && ${period:=100000} =~ ^[1-9][0-9]*$ ]]; then
                number=$(((quota + period - 1) / period))
                ((number >= cores)) || cores=$number
            fi
            [[ -n $group ]] || break
            group=${group%/*}
        done
    done 2>/dev/null <"$root/proc/self/mountinfo"
    printf '%s\n' "$cores"
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

#!/usr/bin/env bash
# Many guests the usual way, written for the comparison: a container per guest, JOBS at a time, and once a second
# a look at which of them have ended.
#
# Environment: WORK (a folder), QEMU (image), EMULATOR (the command line without -append; kernel and disk are
# /work/kernel and /guest/disk.img), DISK, JOBS. ARGUMENTS: the kernel's command lines, one per guest. A line per
# guest: PASS or FAIL, its number.
set -euo pipefail
prefix=parity-bench-$$
declare -A running=()
trap 'for each in "${!running[@]}"; do docker rm -f "$prefix-$each" >/dev/null 2>&1; done' EXIT
trap 'exit 130' INT TERM

start() {
    mkdir -p "$WORK/$1"
    cp "$DISK" "$WORK/$1/disk.img"
    chmod u+w "$WORK/$1/disk.img"
    running[$1]=1
    docker run --detach --rm --name "$prefix-$1" --network none --user "$(id -u):$(id -g)" -v "$WORK:/work:ro" \
        -v "$WORK/$1:/guest" "$QEMU" timeout 60 $EMULATOR -append "$2" >/dev/null
}

next=1
while ((next <= $# || ${#running[@]})); do
    while ((next <= $# && ${#running[@]} < JOBS)); do
        start "$next" "${!next}"
        next=$((next + 1))
    done
    sleep 1
    alive=$(docker ps --filter "name=$prefix-" --format '{{.Names}}')
    for each in "${!running[@]}"; do
        grep -qx "$prefix-$each" <<<"$alive" && continue
        unset "running[$each]"
        verdict=PASS
        ! grep -qE 'ktest .*: Fail|PANIC' "$WORK/$each/console" && grep -q '^ktest ' "$WORK/$each/console" ||
            verdict=FAIL
        echo "$verdict $each"
    done
done

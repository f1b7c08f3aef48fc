#!/usr/bin/env bash
# The way kernels are often tested, written for the comparison: for every test the kernel is told by an edit of
# its source what to run, built again and started in a container of its own; the log is looked at once a second,
# given two more seconds once the end is seen, and searched for the exit.
#
# Environment: SOURCE (a tree it may edit), WORK (a folder), CARGO_HOME, TOOLCHAIN and QEMU (images), BUILD (what
# cargo is told), EMULATOR (the command line; kernel and disk are /work/kernel and /work/disk.img), KERNEL (the
# ELF below the target folder), DISK, ARGUMENTS: the tests. A line per test: PASS or UNKNOWN, its name, seconds.
set -euo pipefail
name=parity-bench-$$
trap 'docker rm -f "$name" >/dev/null 2>&1' EXIT
trap 'exit 130' INT TERM

in_container() { # in the background, so that a signal need not wait for its end
    docker run --rm --name "$name" --network none --user "$(id -u):$(id -g)" "$@" &
    wait $!
}

for test in "$@"; do
    began=$EPOCHREALTIME
    sed -i "s|^const DEFAULT_INIT: .*|const DEFAULT_INIT: \&str = \"/bin/$test\";|" \
        "$SOURCE/kernel/core/src/command_line.rs"
    in_container -v "$SOURCE:/src:ro" -v "$CARGO_HOME:/cargo" -v "$WORK/target:/target" -w /src \
        -e CARGO_HOME=/cargo -e CARGO_TARGET_DIR=/target -e RUSTC_BOOTSTRAP=1 -e CARGO_INCREMENTAL=0 \
        -e CARGO_ENCODED_RUSTFLAGS "$TOOLCHAIN" cargo build $BUILD >"$WORK/build.log" 2>&1 ||
        { tail -n 20 "$WORK/build.log"; exit 1; }
    cp "$WORK/target/$KERNEL" "$WORK/kernel"
    cp "$DISK" "$WORK/disk.img"
    chmod u+w "$WORK/disk.img"
    rm -f "$WORK/console"
    in_container -v "$WORK:/work" "$QEMU" timeout 60 $EMULATOR >"$WORK/qemu.log" 2>&1 &
    guest=$!
    for ((second = 0; second < 60; second++)); do
        sleep 1
        ! grep -q 'process 1 (' "$WORK/console" 2>/dev/null || break
    done
    sleep 2 # so that the log is whole
    docker kill "$name" >/dev/null 2>&1 || true
    wait "$guest" || true
    verdict=UNKNOWN
    ! grep -q "process 1 (/bin/$test): Exited(0)" "$WORK/console" || verdict=PASS
    ended=$EPOCHREALTIME
    echo "$verdict $test $(((${ended/./} - ${began/./}) / 1000)) ms"
done

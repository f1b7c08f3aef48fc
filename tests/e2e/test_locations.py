"""Functions, files and lines of a real ELF file, with DWARF of both versions that compilers write."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.autopsy.locations import Locations, is_library
from parity.build.elf import Kernel
from parity.core import host
from parity.docker import images
from parity.docker.engine import Engine, Mount
from parity.report.terminal import Screen

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
SOURCE = """\
#![no_std]
#![no_main]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)]
#[used]
pub static COUNTERS: [u64; 4] = [1, 2, 3, 4];
#[inline(always)]
fn twice(value: u64) -> u64 {
    core::hint::black_box(value).wrapping_mul(2)
}
#[unsafe(no_mangle)]
pub extern "C" fn entry(value: u64) -> u64 {
    twice(value)
}
"""
LINE_OF_TWICE, LINE_OF_ENTRY = 10, 14


@pytest.fixture
def toolchain(docker: Engine) -> images.Image:
    return images.ensure(docker, "toolchain", ROOT, host.cache_dir(), Screen())


@pytest.mark.parametrize("version", [4, 5])
def test_inlined_calls_have_their_functions_and_lines(
    docker: Engine, toolchain: images.Image, tmp_path: Path, version: int
) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "sample.rs").write_text(SOURCE)
    result = docker.run_tool(
        toolchain.id,
        ["rustc", "-g", "-O", f"-Cdwarf-version={version}", "-Cpanic=abort", "-Crelocation-model=static",
         "-Clink-args=-nostdlib -static -no-pie -Wl,-e,entry", "--crate-name=sample", "-o", "sample",
         "sample.rs"],
        mounts=[Mount(tmp_path, "/work", read_only=False)],
        workdir="/work",
    )  # fmt: skip
    assert result.status == 0
    data = (tmp_path / "sample").read_bytes()
    entry = Kernel.parse(data).symbol("entry")
    found = Locations(data)
    chains = [found.frames(entry.address + at) for at in range(entry.size)]
    both = [[(each.function, each.line) for each in chain][-2:] for chain in chains if len(chain) > 1]
    assert [("sample::twice", LINE_OF_TWICE), ("entry", LINE_OF_ENTRY)] in both
    assert not any(is_library(found.find(entry.address + at).file or "") for at in range(entry.size))
    assert found.symbols.variable(Kernel.parse(data).symbol("COUNTERS").address + 8) == "COUNTERS"
    assert found.symbols.function(entry.address - 1) != "entry"

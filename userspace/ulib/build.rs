//! Hands what links a program of the target architecture to the packages with programs, which find it in
//! `DEP_ULIB_LINK_ARGUMENTS` (cargo's `links` metadata), separated by semicolons.

use std::env;

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let script = format!("{root}/src/arch/{arch}.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed={root}/program.ld");
    // Programs run where they are linked, also on targets that would have them move. The linker's page size of
    // 64 KiB on some would pad the file between segments.
    println!("cargo::metadata=link_arguments=-L{root};-T{script};--no-pie;-znorelro;-zmax-page-size=4096");
}

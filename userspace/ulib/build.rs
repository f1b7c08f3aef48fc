//! Passes the link arguments for programs to the packages with programs, in `DEP_ULIB_LINK_ARGUMENTS`
//! (cargo's `links` metadata), separated by semicolons.

use std::env;

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let script = format!("{root}/src/arch/{arch}.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rerun-if-changed={root}/program.ld");
    // Programs run at their link address, also on targets that default to position-independent executables.
    // On some targets the linker's default page size of 64 KiB would pad the file between segments.
    println!("cargo::metadata=link_arguments=-L{root};-T{script};--no-pie;-znorelro;-zmax-page-size=4096");
}

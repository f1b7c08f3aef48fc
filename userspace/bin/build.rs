//! Links every program of this package with the script of `ulib`.

fn main() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ulib/program.ld");
    println!("cargo::rerun-if-changed={script}");
    println!("cargo::rustc-link-arg-bins=--script={script}");
    // The default of the linker, 64 KiB, would pad the file between segments.
    println!("cargo::rustc-link-arg-bins=-zmax-page-size=4096");
}

//! Links every program of this package as `ulib` says.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let arguments = std::env::var("DEP_ULIB_LINK_ARGUMENTS").expect("ulib says how to link");
    for argument in arguments.split(';') {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}

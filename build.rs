//! Has the program look for DuckDB's library when it starts, and say where it belongs where it is not there. Linked as
//! usual, it would not come so far: the loader would end it with a message of its own.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Where the library is looked for without LD_LIBRARY_PATH: beside the program, in a package's folders, where
/// `make install` puts it.
const PLACES: [&str; 7] = [
    "$ORIGIN",
    "$ORIGIN/..",
    "$ORIGIN/lib",
    "$ORIGIN/../lib",
    "$ORIGIN/../lib/nearset",
    "/usr/local/lib/nearset",
    "/usr/lib/nearset",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=deploy/library.c");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    // a new file of the project belongs into the program
    for folder in ["sql", "views", "fixtures/json"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() || env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    for place in PLACES {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{place}");
    }
    if let Some(dir) = env::var_os("DUCKDB_LIB_DIR") {
        load_late(&Path::new(&dir).join("libduckdb.so"));
    }
}

/// Compiles deploy/library.c with a function for each of the library's: they are found before the library's own, so that
/// the linker has the program need none.
fn load_late(library: &Path) {
    let nm = Command::new("nm").args(["-D", "--defined-only"]).arg(library).output().expect("nm, of binutils, runs");
    assert!(nm.status.success(), "{}: {}", library.display(), String::from_utf8_lossy(&nm.stderr));
    let mut functions = String::new();
    for line in String::from_utf8_lossy(&nm.stdout).lines() {
        if let Some((_, name)) = line.split_once(" T ")
            && name.starts_with("duckdb_")
        {
            writeln!(functions, "F({name})").expect("a text takes more");
        }
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("functions.h"), functions).expect("OUT_DIR can be written");
    cc::Build::new().file("deploy/library.c").include(&out).link_lib_modifier("+whole-archive").compile("duckdb_late");
}

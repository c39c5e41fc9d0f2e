//! Lets the program find DuckDB's library at run time beside itself or in its own `lib` folder, without LD_LIBRARY_PATH.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_BUNDLED").is_none()
        && std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
    {
        for place in ["$ORIGIN", "$ORIGIN/..", "$ORIGIN/lib", "$ORIGIN/../lib"] {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{place}");
        }
    }
}

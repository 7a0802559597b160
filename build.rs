//! Writes the folders of the native libraries into the programs (rpath), so that they start without
//! `LD_LIBRARY_PATH`. The folders come from `.cargo/config.toml` or from the user's own variables.

use std::path::PathBuf;

fn main() {
    for (variable, sub) in [("LIBTORCH", "lib"), ("MUJOCO_DYNAMIC_LINK_DIR", "")] {
        println!("cargo:rerun-if-env-changed={variable}");
        let Some(folder) = std::env::var_os(variable).map(|v| PathBuf::from(v).join(sub)) else {
            println!("cargo:warning={variable} is not set: run `make setup` first");
            continue;
        };
        if !folder.is_dir() {
            println!("cargo:warning={} does not exist: run `make setup` first", folder.display());
        }
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}

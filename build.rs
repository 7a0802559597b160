//! Writes the folders of the native libraries into the programs (rpath), so that they start without
//! `LD_LIBRARY_PATH`. The folders come from `.cargo/config.toml` or from the user's own variables.
//! Also hands on the version of libtorch, which no call of the library tells.

use std::path::{Path, PathBuf};

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
    // Where an archive has them; old-fashioned tags, for the libraries' own libraries lie there too.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib,--disable-new-dtags");
    let libtorch = std::env::var_os("LIBTORCH").map(PathBuf::from);
    let version = libtorch.as_deref().and_then(libtorch_version).unwrap_or_else(|| {
        println!("cargo:warning=the version of libtorch is unknown, checkpoints will say so");
        "unknown".into()
    });
    println!("cargo:rustc-env=HYPERL_LIBTORCH_VERSION={version}");
}

/// Reads the version beside libtorch: in `build-version` of an archive, or `version.py` of `PyTorch`.
fn libtorch_version(libtorch: &Path) -> Option<String> {
    let [archive, python] = ["build-version", "version.py"].map(|name| libtorch.join(name));
    println!("cargo:rerun-if-changed={}", archive.display());
    if let Ok(text) = std::fs::read_to_string(archive) {
        return Some(text.trim().to_owned());
    }
    let text = std::fs::read_to_string(python).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim_matches(['\'', '"']).to_owned())
}

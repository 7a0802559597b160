//! The linear system of `tests/fixtures/worker`, as a command.

use std::process::{Command, Stdio};

/// Returns the command that serves it, with a fault of a name.
pub(crate) fn command(fault: &str) -> String {
    let here = env!("CARGO_MANIFEST_DIR");
    // What a faulty one says on standard error is expected.
    format!(
        "PYTHONPATH='{here}/python' exec python3 '{here}/tests/fixtures/worker/linear.py' {fault} 2>/dev/null"
    )
}

/// Returns whether there is Python; says so if not.
pub(crate) fn has_python() -> bool {
    let asked = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    let there = asked.is_ok_and(|status| status.success());
    if !there {
        eprintln!("no python3: environments in other processes are not tested");
    }
    there
}

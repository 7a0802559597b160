//! The linear system of `tests/fixtures/worker`, as a command.

/// Returns the command that serves it, with a fault of a name.
pub(crate) fn command(fault: &str) -> String {
    let here = env!("CARGO_MANIFEST_DIR");
    // What a faulty one says on standard error is expected.
    format!(
        "PYTHONPATH='{here}/python' exec python3 '{here}/tests/fixtures/worker/linear.py' {fault} 2>/dev/null"
    )
}

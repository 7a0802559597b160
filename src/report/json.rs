//! Results as JSON, as programs read them.

use serde::Serialize;

use crate::error::{Error, Result};

/// Returns a result as indented JSON with full precision; NaN and infinities are null, and zero has no sign.
///
/// # Errors
/// [`Error::Table`] for keys that JSON does not have.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|e| Error::Table(e.to_string()))?;
    let unsigned = |line: &str| {
        let (number, comma) = line.strip_suffix(',').map_or((line, ""), |line| (line, ","));
        // A number stands at the end of its line; text would end with its quote.
        number.strip_suffix("-0.0").map_or(line.into(), |before| format!("{before}0.0{comma}"))
    };
    Ok(text.lines().map(unsigned).collect::<Vec<String>>().join("\n"))
}

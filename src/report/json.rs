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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_sign_and_all_else_is_as_serde_writes_it() {
        let value =
            serde_json::json!({ "a": [0.1, -2.5e-9, 1e300], "b": {}, "c": [], "d": "-0.0" });
        assert_eq!(to_json(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(to_json(&[-0.0, 0.0]).unwrap(), "[\n  0.0,\n  0.0\n]");
        assert_eq!(to_json(&f64::NAN).unwrap(), "null");
    }
}

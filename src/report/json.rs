//! Results as JSON, as programs read them.

use std::io::{Result as IoResult, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::numbers::unsigned_zero;
use crate::error::{Error, Result};

/// Returns a result as indented JSON with full precision; NaN and infinities are null, and zero has no sign.
///
/// # Errors
/// [`Error::Table`] for keys that JSON does not have.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    let failed = |e: &dyn std::fmt::Display| Error::Table(e.to_string());
    let mut text = Vec::new();
    let format = Unsigned(PrettyFormatter::new());
    value.serialize(&mut Serializer::with_formatter(&mut text, format)).map_err(|e| failed(&e))?;
    String::from_utf8(text).map_err(|e| failed(&e))
}

/// The layout of `serde_json`, with zeros as a reader expects them.
struct Unsigned<'f>(PrettyFormatter<'f>);

impl Formatter for Unsigned<'_> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> IoResult<()> {
        self.0.write_f64(writer, unsigned_zero(value))
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> IoResult<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> IoResult<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> IoResult<()> {
        self.0.end_object_value(writer)
    }
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

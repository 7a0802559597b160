//! Arrays and numbers of `numpy` in a pickle.

use std::borrow::Cow;

use crate::pickled::pickle::Value;
use crate::pickled::pickle_code::Read;

/// Returns bytes; protocols before 3 have them as text in Latin-1.
fn bytes_of(value: Value<'_>) -> Option<Cow<'_, [u8]>> {
    if let Some(parts) = value.calls("_codecs", "encode") {
        let ("latin1", text) = (parts.get(1)?.text()?, parts.first()?.text()?) else { return None };
        let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        return bytes.map(Cow::Owned);
    }
    value.bytes().map(Cow::Borrowed)
}

/// Reads the numbers of an array, or a single number, of 4 or 8 bytes each.
pub(super) fn numbers(value: Value) -> Read<Vec<f64>> {
    if let Some(number) = value.float() {
        return Ok(vec![number]);
    }
    let called = |name: &str| {
        let modules = ["numpy.core.", "numpy._core."].iter();
        let mut of =
            modules.flat_map(|m| ["multiarray", "numeric"].map(|part| format!("{m}{part}")));
        of.find_map(|module| value.calls(&module, name))
    };
    let parts = if let Some(parts) = called("scalar") {
        [parts.first().copied(), parts.get(1).copied()]
    } else if let Some(parts) = called("_frombuffer") {
        [parts.get(1).copied(), parts.first().copied()]
    } else if called("_reconstruct").is_some() {
        let state = value.state().and_then(|state| state.tuple()).unwrap_or_default();
        [state.get(2).copied(), state.get(4).copied()]
    } else {
        return Err("no array of numpy where one should be".into());
    };
    let [Some(kind), Some(bytes)] = parts else {
        return Err("an array of numpy that is not whole".into());
    };
    let bytes = bytes_of(bytes).ok_or("an array whose numbers are no bytes")?;
    let name = kind.calls("numpy", "dtype").and_then(|parts| parts.first()?.text());
    let order = kind.state().and_then(|state| state.tuple()?.get(1)?.text());
    match (name, order) {
        (Some("f8"), Some("<")) => Ok(of_width(&bytes, f64::from_le_bytes)),
        (Some("f4"), Some("<")) => Ok(of_width(&bytes, |four| f64::from(f32::from_le_bytes(four)))),
        _ => Err(format!(
            "an array of {name:?} in order {order:?}; f4 and f8 in order < can be read"
        )),
    }
}

fn of_width<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (all, _) = bytes.as_chunks::<N>();
    all.iter().map(|bytes| number(*bytes)).collect()
}

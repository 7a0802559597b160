//! Where a file of `torch.save` has the numbers of its tensors, and what they are.

use super::pickle::Value;
use super::pickle_code::Read;

/// The type of the numbers in a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
    /// Signed integers of so many bytes.
    Int(usize),
    /// Bytes, also truth values.
    U8,
}

impl Dtype {
    /// Returns the type of the numbers in a kind of storage.
    fn of(storage: &str) -> Option<Self> {
        Some(match storage {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "CharStorage" => Self::Int(1),
            "ShortStorage" => Self::Int(2),
            "IntStorage" => Self::Int(4),
            "LongStorage" => Self::Int(8),
            "ByteStorage" | "BoolStorage" => Self::U8,
            _ => return None,
        })
    }

    /// Returns the bytes that a number takes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Int(bytes) => bytes,
        }
    }

    /// Returns the number that `bytes` hold.
    pub(crate) fn number(self, bytes: &[u8]) -> f32 {
        let mut eight = [0; 8];
        eight[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(eight);
        match self {
            Self::F16 => half(bits as u16),
            Self::Bf16 => f32::from_bits((bits as u32) << 16),
            Self::F32 => f32::from_bits(bits as u32),
            Self::F64 => f64::from_bits(bits) as f32,
            Self::U8 => bits as f32,
            Self::Int(bytes) => {
                let unused = 64 - 8 * bytes as u32;
                ((bits << unused) as i64 >> unused) as f32
            }
        }
    }
}

/// Returns a half-precision number of IEEE 754.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 0x1f, f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -size } else { size }
}

/// Where the numbers of tensors are.
pub(crate) struct Storage<'p> {
    pub(crate) key: &'p str,
    pub(crate) dtype: Dtype,
}

impl<'p> Storage<'p> {
    /// Reads what names a storage: `("storage", kind, key, device, count, …)`. The device does not matter.
    pub(crate) fn of(named: Value<'p>) -> Read<Self> {
        let parts = named.tuple().unwrap_or_default();
        let [tag, kind, key, _device, _count, ..] = parts[..] else {
            return Err("something is stored elsewhere that is no storage".into());
        };
        if tag.text() != Some("storage") {
            return Err("something is stored elsewhere that is no storage".into());
        }
        let (_, kind) = kind.global().ok_or("a storage without a type")?;
        let dtype = Dtype::of(kind).ok_or_else(|| format!("a storage of another kind: {kind}"))?;
        Ok(Self { key: key.text().ok_or("a storage without a key")?, dtype })
    }
}

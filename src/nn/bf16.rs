//! bfloat16: the upper half of an `f32`, as the matrix products of a training step may use it.
//!
//! Weights, moments, losses and the last layer of every critic stay `f32`; products are of numbers with eight
//! significant bits, and their sums are `f32`. Biases, activations and the sums of residual blocks are rounded, too.
//! Processors with such products (AMX, `avx512_bf16`) are several times
//! faster at them; others compute the same more slowly.

use crate::names::named;

named!("precision",
    /// In what the critics' matrix products compute while they learn. Measurements are `f32` in any case.
    Precision {
        /// `f32` throughout.
        Fp32 = "fp32",
        /// Factors rounded to bfloat16.
        Bf16 = "bf16",
    }
);

/// A number in bfloat16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Bf16(u16);

impl Bf16 {
    /// Returns the nearest number; of two that are equally near, the one whose last bit is 0.
    #[allow(clippy::inline_always, reason = "it must be compiled into callers with wider vectors")]
    #[inline(always)]
    pub(super) fn nearest(value: f32) -> Self {
        const QUIET_NAN: u16 = 0x7fc0;
        let bits = value.to_bits();
        let even = 0x7fff + ((bits >> 16) & 1);
        let rounded = (bits.wrapping_add(even) >> 16) as u16;
        Self(if value.is_nan() { QUIET_NAN } else { rounded })
    }

    /// Returns the same number.
    #[allow(clippy::inline_always, reason = "it must be compiled into callers with wider vectors")]
    #[inline(always)]
    pub(super) fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, Tensor};

    use super::*;
    use crate::rng::Stream;

    #[test]
    fn rounding_is_that_of_libtorch() {
        let mut stream = Stream::new(0, "bf16");
        let mut values =
            vec![0.0, -0.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        // Halves between two neighbours, and what lies beside them.
        for bits in [0x3f80_8000_u32, 0x3f81_8000, 0x3f80_7fff, 0x3f80_8001, 1, 0x8000, 0x0001_8000]
        {
            values.push(f32::from_bits(bits));
        }
        values.extend(
            (0..10_000)
                .map(|_| (stream.normal() * 10_f64.powf(stream.uniform(-30.0, 30.0))) as f32),
        );
        let theirs = Tensor::from_slice(&values).to_kind(Kind::BFloat16).to_kind(Kind::Float);
        let theirs = Vec::<f32>::try_from(theirs).unwrap();
        for (value, theirs) in values.iter().zip(theirs) {
            let ours = Bf16::nearest(*value).to_f32();
            assert!(
                ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(),
                "{value}: {ours}, {theirs}"
            );
        }
    }
}

//! Tensors of a file of `torch.save`.

use super::pickle::Value;
use super::pickle_code::Read;
use super::storage::Storage;
use super::torch_file::TorchFile;

/// Most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;

/// A tensor, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) numbers: Vec<f32>,
}

impl Tensor {
    /// Returns whether an object is a tensor, or a parameter, which is one.
    pub(crate) fn is_one(value: Value) -> bool {
        arguments(value).is_some()
    }

    /// Reads a tensor of a file.
    pub(crate) fn read(file: &TorchFile, value: Value) -> Read<Self> {
        let arguments = arguments(value).ok_or("no tensor where one should be")?;
        let [storage, offset, size, stride, ..] = arguments[..] else {
            return Err("a tensor without a shape".into());
        };
        let storage = Storage::of(storage.persistent().ok_or("a tensor without a storage")?)?;
        let (shape, stride) = (lengths(size)?, lengths(stride)?);
        let offset = offset.int().and_then(|offset| usize::try_from(offset).ok());
        let offset = offset.ok_or("a tensor that begins nowhere")?;
        if shape.len() != stride.len() {
            return Err(format!(
                "a tensor with {} sizes and {} strides",
                shape.len(),
                stride.len()
            ));
        }
        let bytes = file.storage(&storage)?;
        let width = storage.dtype.bytes();
        let there = bytes.len() / width;
        let count = shape.iter().try_fold(1, |count: usize, n| count.checked_mul(*n));
        // Also keeps a tensor that repeats its numbers from taking more memory than they do.
        let count = count.filter(|count| *count <= there);
        let last = shape.iter().zip(&stride).try_fold(offset, |last: usize, (n, stride)| {
            last.checked_add(n.saturating_sub(1).checked_mul(*stride)?)
        });
        let (Some(count), Some(last)) = (count, last) else {
            return Err(format!("a tensor of shape {shape:?} in {there} numbers"));
        };
        if count > 0 && last >= there {
            return Err(format!("a tensor of shape {shape:?} goes beyond {there} numbers"));
        }
        let number = |place: usize| storage.dtype.number(&bytes[place * width..][..width]);
        let mut numbers = Vec::with_capacity(count);
        let mut index = vec![0; shape.len()];
        for _ in 0..count {
            let inside: usize = index.iter().zip(&stride).map(|(i, stride)| i * stride).sum();
            numbers.push(number(offset + inside));
            for (i, n) in index.iter_mut().zip(&shape).rev() {
                *i += 1;
                if *i < *n {
                    break;
                }
                *i = 0;
            }
        }
        Ok(Self { shape, numbers })
    }
}

/// Returns the arguments that rebuild a tensor: storage, offset, size, stride, and more.
fn arguments(value: Value<'_>) -> Option<Vec<Value<'_>>> {
    const UTILS: &str = "torch._utils";
    let parameter = value.calls(UTILS, "_rebuild_parameter");
    let value = parameter.map_or(Some(value), |parts| parts.first().copied())?;
    let new = value.calls(UTILS, "_rebuild_tensor_v2");
    new.or_else(|| value.calls(UTILS, "_rebuild_tensor"))
}

/// Reads sizes or strides.
fn lengths(value: Value) -> Read<Vec<usize>> {
    let all = value.sequence().filter(|all| all.len() <= MOST_DIMENSIONS);
    let all = all.ok_or("a shape that is none")?;
    let length = |n: &Value| n.int().and_then(|n| usize::try_from(n).ok());
    all.iter().map(length).collect::<Option<_>>().ok_or_else(|| "a length that is none".into())
}

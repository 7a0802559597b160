//! Adam (Kingma & Ba 2015) as `PyTorch` computes it, with moments that can be saved.
//!
//! On the CPU, moments, weights and (where asked) the target network are updated in one pass over
//! memory: an SA-Hyper critic has millions of weights, and four passes would cost four times the
//! bandwidth. On other devices the same equations run as tensor operations.

use tch::{Device, Kind, Tensor};

use super::bf16::Bf16;
use super::weights::Params;

/// Exponential decay of the first moment.
const BETA1: f64 = 0.9;
/// Exponential decay of the second moment.
const BETA2: f64 = 0.999;
/// Added to the root of the second moment.
const EPSILON: f64 = 1e-8;

/// The optimiser of one network.
#[derive(Debug)]
pub struct Adam {
    learning_rate: f64,
    steps: u64,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
}

/// A target network that follows in the same pass: `θ' ← θ' + τ (θ − θ')`.
#[derive(Debug, Clone, Copy)]
pub struct PolyakTarget<'p> {
    /// Weights of the target network.
    pub params: &'p Params,
    /// Fraction of the online weights mixed in.
    pub tau: f64,
}

/// The scalars of one step.
#[derive(Clone, Copy)]
struct Scalars {
    step: f64,
    root_correction: f64,
    tau: f64,
}

impl Adam {
    /// Starts with zero moments for these weights.
    pub fn new(params: &Params, learning_rate: f64) -> Self {
        let zeros = || params.iter().map(|p| p.tensor.detach().zeros_like()).collect();
        Self { learning_rate, steps: 0, first: zeros(), second: zeros() }
    }

    /// Returns the number of steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns first and second moments, in the order of the weights, sharing memory.
    pub fn moments(&self) -> [Vec<Tensor>; 2] {
        [&self.first, &self.second].map(|m| m.iter().map(Tensor::shallow_clone).collect())
    }

    /// Continues from saved moments.
    ///
    /// # Panics
    /// If their number or shapes differ from those of the weights.
    pub fn restore(&mut self, steps: u64, first: &[Tensor], second: &[Tensor]) {
        assert_eq!((first.len(), second.len()), (self.first.len(), self.second.len()));
        let pairs = self.first.iter_mut().zip(first).chain(self.second.iter_mut().zip(second));
        for (mine, saved) in pairs {
            mine.copy_(saved);
        }
        self.steps = steps;
    }

    /// Moves the weights one step against `gradients`; then a target network, if there is one, follows.
    ///
    /// # Panics
    /// If gradients and weights differ in number or shape.
    pub fn step(&mut self, params: &Params, gradients: &[Tensor], target: Option<PolyakTarget>) {
        self.step_with_rounded(params, gradients, target, None);
    }

    /// The same, with gradients that may be in bfloat16; the weights in `rounded`, and those of the target, then become
    /// the nearest in bfloat16. Tensors there that share the memory of the weights are left alone.
    ///
    /// # Panics
    /// If gradients and weights differ in number or shape.
    pub(crate) fn step_with_rounded(
        &mut self,
        params: &Params,
        gradients: &[Tensor],
        target: Option<PolyakTarget>,
        rounded: Option<[&Params; 2]>,
    ) {
        assert_eq!(gradients.len(), self.first.len(), "one gradient for each weight tensor");
        self.steps += 1;
        let bias1 = 1.0 - BETA1.powi(self.steps as i32);
        let bias2 = 1.0 - BETA2.powi(self.steps as i32);
        let scalars = Scalars {
            step: self.learning_rate / bias1,
            root_correction: bias2.sqrt(),
            tau: target.map_or(0.0, |target| target.tau),
        };
        let mut targets = target.map(|target| target.params.iter());
        let mut rounded = rounded.map(|both| both.map(Params::iter));
        tch::no_grad(|| {
            for (i, param) in params.iter().enumerate() {
                let target = targets.as_mut().map(|t| &t.next().expect("same network").tensor);
                let rounded = rounded.as_mut().and_then(|both| {
                    let both = both.each_mut().map(|r| &r.next().expect("same network").tensor);
                    (both[0].kind() == Kind::BFloat16).then_some(both)
                });
                let tensors = Tensors {
                    weight: &param.tensor,
                    gradient: &gradients[i].contiguous(),
                    first: &self.first[i],
                    second: &self.second[i],
                    target,
                    rounded,
                };
                tensors.update(scalars);
            }
        });
    }
}

/// The tensors of one weight, all of the same shape.
struct Tensors<'t> {
    weight: &'t Tensor,
    gradient: &'t Tensor,
    first: &'t Tensor,
    second: &'t Tensor,
    target: Option<&'t Tensor>,
    /// Weight and target in bfloat16.
    rounded: Option<[&'t Tensor; 2]>,
}

impl Tensors<'_> {
    fn update(&self, scalars: Scalars) {
        let all = [Some(self.weight), Some(self.first), Some(self.second), self.target];
        let rounded = self.rounded.iter().flatten().copied();
        let shape = self.gradient.size();
        let fits = |t: &Tensor| t.size() == shape && t.kind() == self.weight.kind();
        let rounds = |t: &Tensor| t.size() == shape && t.kind() == Kind::BFloat16;
        assert!(
            all.iter().flatten().all(|t| fits(t)) && rounded.clone().all(rounds),
            "Adam's tensors differ in shape or kind"
        );
        let on_cpu = |t: &Tensor| t.device() == Device::Cpu && t.is_contiguous();
        if !all.iter().flatten().copied().chain(rounded).all(on_cpu) {
            return self.update_by_operations(scalars);
        }
        match (self.weight.kind(), self.gradient.kind()) {
            (Kind::Double, Kind::Double) => self.update_in_memory::<f64, f64>(scalars),
            (Kind::Float, Kind::Float) => self.update_in_memory::<f32, f32>(scalars),
            (Kind::Float, Kind::BFloat16) => self.update_in_memory::<f32, Bf16>(scalars),
            kinds => {
                panic!("weights and gradients are f32 or f64, or bfloat16 and f32, got {kinds:?}")
            }
        }
    }

    /// The same equations as tensor operations, for devices other than the CPU.
    fn update_by_operations(&self, Scalars { step, root_correction, tau }: Scalars) {
        let gradient = self.gradient.to_kind(self.weight.kind());
        let _ = self.first.shallow_clone().lerp_(&gradient, 1.0 - BETA1);
        let square = gradient.square();
        let _ = self.second.shallow_clone().lerp_(&square, 1.0 - BETA2);
        let denominator = self.second.sqrt() / root_correction + EPSILON;
        let mut weight = self.weight.detach();
        let _ = weight.g_sub_(&(self.first / denominator * step));
        if let Some(target) = self.target {
            let _ = target.shallow_clone().lerp_(&weight, tau);
        }
        if let Some([online, slow]) = self.rounded {
            online.shallow_clone().copy_(&weight);
            self.target.iter().for_each(|target| slow.shallow_clone().copy_(target));
        }
    }

    #[allow(unsafe_code, reason = "one pass over memory in place of ten tensor operations")]
    fn update_in_memory<T: Real, G: Gradient<T>>(&self, scalars: Scalars) {
        // SAFETY: the tensors are contiguous CPU tensors of as many elements of these types (checked by
        // the caller), each with its own storage, alive during the call, and no one else uses them
        // meanwhile: the optimiser owns the moments, and weights change nowhere else.
        unsafe {
            let (weight, gradient) = (slice::<T>(self.weight), slice::<G>(self.gradient));
            let moments = [slice(self.first), slice(self.second)];
            let target = self.target.map(|target| slice(target));
            let rounded = self.rounded.map(|both| both.map(|rounded| slice::<Bf16>(rounded)));
            if std::arch::is_x86_feature_detected!("avx2") {
                fused_avx2(weight, gradient, moments, target, rounded, scalars);
            } else {
                fused(weight, gradient, moments, target, rounded, scalars);
            }
        }
    }
}

/// Returns the elements of a tensor.
///
/// # Safety
/// It must be a contiguous CPU tensor of elements of this type, alive and used by no one else meanwhile.
#[allow(
    unsafe_code,
    clippy::mut_from_ref,
    reason = "libtorch gives a pointer to what a handle refers to"
)]
unsafe fn slice<T>(tensor: &Tensor) -> &mut [T] {
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<T>(), tensor.numel()) }
}

/// The same arithmetic compiled for wider vectors; results are equal bit for bit, because Rust
/// neither reorders nor contracts floating-point operations.
#[target_feature(enable = "avx2")]
fn fused_avx2<T: Real, G: Gradient<T>>(
    weight: &mut [T],
    gradient: &[G],
    moments: [&mut [T]; 2],
    target: Option<&mut [T]>,
    rounded: Option<[&mut [Bf16]; 2]>,
    scalars: Scalars,
) {
    fused(weight, gradient, moments, target, rounded, scalars);
}

#[allow(clippy::inline_always, reason = "it must be compiled into its AVX2 caller")]
#[inline(always)]
fn fused<T: Real, G: Gradient<T>>(
    weight: &mut [T],
    gradient: &[G],
    [first, second]: [&mut [T]; 2],
    target: Option<&mut [T]>,
    rounded: Option<[&mut [Bf16]; 2]>,
    scalars: Scalars,
) {
    let n = weight.len();
    let (gradient, first, second) = (&gradient[..n], &mut first[..n], &mut second[..n]);
    let (keep1, add1) = (T::from_f64(1.0 - BETA1), T::from_f64(1.0 - BETA2));
    let beta2 = T::from_f64(BETA2);
    let (step, root) = (T::from_f64(scalars.step), T::from_f64(scalars.root_correction));
    let epsilon = T::from_f64(EPSILON);
    let mut one = |i: usize| {
        let g = gradient[i].widened();
        let m = first[i] + keep1 * (g - first[i]);
        let v = beta2 * second[i] + add1 * g * g;
        first[i] = m;
        second[i] = v;
        weight[i] = weight[i] - step * m / (v.root() / root + epsilon);
        weight[i]
    };
    let tau = T::from_f64(scalars.tau);
    let target = target.map(|target| &mut target[..n]);
    let rounded = rounded.map(|both| both.map(|rounded| &mut rounded[..n]));
    match (target, rounded) {
        (None, None) => (0..n).for_each(|i| _ = one(i)),
        (Some(target), None) => {
            for (i, t) in target.iter_mut().enumerate() {
                *t = *t + tau * (one(i) - *t);
            }
        }
        (None, Some([online, _])) => {
            for (i, r) in online.iter_mut().enumerate() {
                *r = one(i).to_bf16();
            }
        }
        (Some(target), Some([online, slow])) => {
            for i in 0..n {
                let moved = one(i);
                online[i] = moved.to_bf16();
                target[i] = target[i] + tau * (moved - target[i]);
                slow[i] = target[i].to_bf16();
            }
        }
    }
}

/// The two number types of networks.
trait Real:
    Copy
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
{
    fn from_f64(value: f64) -> Self;
    fn root(self) -> Self;
    fn to_bf16(self) -> Bf16;
}

impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
    fn root(self) -> Self {
        self.sqrt()
    }
    fn to_bf16(self) -> Bf16 {
        Bf16::nearest(self)
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
    fn root(self) -> Self {
        self.sqrt()
    }
    fn to_bf16(self) -> Bf16 {
        Bf16::nearest(self as f32)
    }
}

/// What gradients of weights of type `T` are made of.
trait Gradient<T>: Copy {
    fn widened(self) -> T;
}

impl<T: Real> Gradient<T> for T {
    fn widened(self) -> T {
        self
    }
}

impl Gradient<f32> for Bf16 {
    fn widened(self) -> f32 {
        self.to_f32()
    }
}

//! Makes sure that libtorch multiplies matrices with its own BLAS.
//!
//! `libtorch_cpu.so` and `OpenBLAS` (of `ndarray-linalg`) export the same names, `sgemm_` and so on, and
//! the loader gives every caller the first one in the order in which the libraries were linked.
//! With `OpenBLAS` first, libtorch would compute with it: other rounding, its own threads, slower.
//! A reference from this crate to a name of libtorch puts libtorch first, because the linker meets
//! this crate before those it depends on.

#![allow(unsafe_code, reason = "a foreign name cannot be declared otherwise; it is never called")]

use std::ffi::{c_char, c_void};

#[link(name = "torch_cpu")]
unsafe extern "C" {
    fn sgemm_(
        trans_a: *const c_char,
        trans_b: *const c_char,
        m: *const i32,
        n: *const i32,
        k: *const i32,
        alpha: *const f32,
        a: *const f32,
        lda: *const i32,
        b: *const f32,
        ldb: *const i32,
        beta: *const f32,
        c: *mut f32,
        ldc: *const i32,
    );
}

/// Returns the address of the `sgemm_` that the loader has chosen for everybody.
pub fn sgemm_address() -> *const c_void {
    std::hint::black_box(sgemm_ as *const c_void)
}

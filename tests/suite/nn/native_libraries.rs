//! OpenBLAS (behind ndarray-linalg) and libtorch live in one process and export the same BLAS and
//! LAPACK names: both must give right answers, whichever is called first and from any thread.

use ndarray::{Array1, Array2};
use ndarray_linalg::{Eigh, JobSvd, SVDDC, Solve, UPLO};
use tch::{Kind, Tensor};

/// The Hilbert-like matrix `1 / (i + j + 1) + [i = j]`: symmetric, positive definite, dense.
fn entries(n: usize) -> Vec<f64> {
    (0..n * n)
        .map(|k| 1.0 / (k / n + k % n + 1) as f64 + f64::from(u8::from(k / n == k % n)))
        .collect()
}

fn openblas_is_right(n: usize) {
    let matrix = Array2::from_shape_vec((n, n), entries(n)).unwrap();
    let ones = Array1::from_elem(n, 1.0);
    let solution = matrix.solve(&matrix.dot(&ones)).unwrap(); // dgetrf
    assert!((solution - &ones).iter().all(|e| e.abs() < 1e-12));

    let (Some(u), s, Some(vt)) = matrix.svddc(JobSvd::Some).unwrap() else { panic!("no factors") };
    let rebuilt = (&u * &s).dot(&vt); // dgesdd, dgemm
    assert!((&rebuilt - &matrix).iter().all(|e| e.abs() < 1e-12));
    // Of a symmetric positive matrix the singular values are the eigenvalues (dsyev).
    let (eigenvalues, _) = matrix.eigh(UPLO::Lower).unwrap();
    assert!(s.iter().zip(eigenvalues.iter().rev()).all(|(s, e)| (s - e).abs() < 1e-12));
}

fn torch_is_right(n: usize) {
    let size = n as i64;
    for (kind, tolerance) in [(Kind::Double, 1e-12), (Kind::Float, 1e-4)] {
        let matrix = Tensor::from_slice(&entries(n)).view([size, size]).to_kind(kind);
        // The product against the sum written out: sgemm, dgemm.
        let product = matrix.matmul(&matrix);
        let written_out =
            (matrix.unsqueeze(2) * matrix.unsqueeze(0)).sum_dim_intlist(1, false, kind);
        assert!((product - written_out).abs().max().double_value(&[]) < tolerance);

        let ones = Tensor::ones([size, 1], (kind, tch::Device::Cpu));
        let solution = Tensor::linalg_solve(&matrix, &matrix.matmul(&ones), true);
        assert!((solution - ones).abs().max().double_value(&[]) < tolerance);
        let (u, s, v) = matrix.svd(true, true);
        let rebuilt = (u * s).matmul(&v.tr());
        assert!((rebuilt - &matrix).abs().max().double_value(&[]) < tolerance);
    }
}

#[test]
fn openblas_and_libtorch_are_right_in_one_process() {
    // 3 takes the small paths, 150 the blocked ones.
    for n in [3, 150] {
        openblas_is_right(n);
        torch_is_right(n);
        openblas_is_right(n);
    }
}

#[test]
fn both_are_right_when_called_from_several_threads_at_once() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| openblas_is_right(60)));
            scope.spawn(|| (0..5).for_each(|_| torch_is_right(60)));
        }
    });
}

#[test]
fn libtorch_multiplies_with_its_own_blas() {
    let address = hyperl::nn::blas::sgemm_address() as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let holds = |line: &&str| {
        let (low, high) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let parse = |x| usize::from_str_radix(x, 16).unwrap();
        (parse(low)..parse(high)).contains(&address)
    };
    let line = maps.lines().find(holds).unwrap();
    assert!(line.contains("libtorch_cpu"), "sgemm_ is resolved in {line}");
}

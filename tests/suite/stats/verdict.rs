//! Does a family adjust alarms but not passes?

use hyperl::stats::verdict::{Family, Verdict};

#[test]
fn a_family_adjusts_alarms_but_not_passes() {
    use Verdict::{Inconclusive, NonInferior, Regressed};
    let family = Family::of(&[(0.01, 0.9), (0.04, 0.04), (0.03, 0.5), (0.9, 0.001)], 0.05);
    let holm = family.environments.iter().map(|e| e.p_holm);
    assert!(holm.zip([0.04, 0.09, 0.09, 0.9]).all(|(p, e)| (p - e).abs() < 1e-12));
    let verdicts: Vec<Verdict> = family.environments.iter().map(|e| e.verdict).collect();
    assert_eq!(verdicts, [Regressed, NonInferior, Inconclusive, NonInferior]);
    assert_eq!(family.verdict, Regressed);
    assert_eq!(Family::of(&[(0.9, 0.01), (0.5, 0.02)], 0.05).verdict, NonInferior);
    assert_eq!(Family::of(&[(0.9, 0.01), (0.5, f64::NAN)], 0.05).verdict, Inconclusive);
    assert_eq!(Family::of(&[(f64::NAN, f64::NAN)], 0.05).verdict, Inconclusive);
    assert_eq!(Family::of(&[], 0.05).verdict, Inconclusive);
}

//! Claims of the paper, judged by the numbers that it prints itself: `analyses/paper/claims.toml`, compiled in.

use std::sync::LazyLock;

use serde::Deserialize;

use super::claim::{Evidence, Verdict};
use crate::analysis::printed::{self, Printed, SEEDS};
use crate::stats::printed::{difference, mean_share, ratio_of_spreads};
use crate::stats::{Estimate, LEVEL};

/// Updates from one checkpoint behind a cell of Table 1.
const UPDATES: usize = 50;

/// A claim, and which printed numbers it is about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrintedClaim {
    pub name: String,
    /// The claim, in our words.
    pub claim: String,
    /// Where the paper makes it.
    pub place: String,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    #[serde(default)]
    above: Vec<[String; 2]>,
    share: Option<Share>,
    steadier: Option<[String; 2]>,
}

/// The return of one model by that of another, in the mean over environments.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    of: String,
    by: String,
    from: f64,
    to: f64,
}

/// One comparison of printed numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    /// Table of the paper.
    pub table: String,
    /// Environment, or family of tasks.
    pub env: String,
    pub models: [String; 2],
    /// Iteration of training, of updates.
    pub iteration: Option<u64>,
    /// Difference, share, or ratio of standard deviations, with its 95 % interval.
    pub estimate: Estimate,
    /// Where the claim has it.
    pub range: [f64; 2],
    /// Whether the printed numbers alone, without their spread, agree with the claim.
    pub printed_so: bool,
    pub verdict: Verdict,
}

/// A comparison before it is judged, which depends on how many there are.
struct Pair {
    table: String,
    env: String,
    models: [String; 2],
    iteration: Option<u64>,
    /// The estimate with its interval at a level.
    of: Box<dyn Fn(f64) -> Estimate>,
    /// Where the claim has it.
    range: [f64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    claim: Vec<PrintedClaim>,
}

static CLAIMS: LazyLock<Claims> = LazyLock::new(|| {
    toml::from_str(include_str!("../../analyses/paper/claims.toml"))
        .expect("the file is compiled in, and the tests read it")
});

pub(crate) fn all() -> &'static [PrintedClaim] {
    &CLAIMS.claim
}

impl PrintedClaim {
    /// Returns what the printed numbers say: each comparison holds by its own 95 % interval, for all must hold together,
    /// and fails by one that is wide enough for all comparisons at once (Bonferroni).
    pub(crate) fn compared(&self) -> Vec<Compared> {
        let mut pairs = self.returns();
        pairs.extend(self.shares());
        pairs.extend(self.updates());
        let all_at_once = 1.0 - (1.0 - LEVEL) / pairs.len().max(1) as f64;
        let judged = |pair: Pair| {
            let Pair { table, env, models, iteration, of, range } = pair;
            let [from, to] = range;
            let (estimate, wide) = (of(LEVEL), of(all_at_once));
            let verdict = if from < estimate.low && estimate.high < to {
                Verdict::Holds
            } else if wide.high < from || to < wide.low {
                Verdict::Fails
            } else {
                Verdict::Undecided
            };
            let printed_so = from < estimate.value && estimate.value < to;
            Compared { table, env, models, iteration, estimate, range, printed_so, verdict }
        };
        pairs.into_iter().map(judged).collect()
    }

    /// Returns whether it is about differences of returns, and not about a ratio.
    pub(crate) fn is_of_differences(&self) -> bool {
        !self.above.is_empty()
    }

    fn returns(&self) -> Vec<Pair> {
        let tables = self.tables.iter().filter_map(|name| Some((name, printed::table(name)?)));
        let cells = tables.flat_map(|(name, table)| table.iter().map(move |cell| (name, cell)));
        let mut pairs = Vec::new();
        for (table, (env, printed)) in cells.filter(|(_, (env, _))| !self.except.contains(env)) {
            for models in &self.above {
                let [Some(a), Some(b)] = models.each_ref().map(|model| printed.get(model)) else {
                    continue;
                };
                let [a, b] = [a, b].map(Printed::moments);
                pairs.push(Pair {
                    table: table.clone(),
                    env: env.clone(),
                    models: models.clone(),
                    iteration: None,
                    of: Box::new(move |level| difference(a, b, level)),
                    range: [0.0, f64::INFINITY],
                });
            }
        }
        pairs
    }

    fn shares(&self) -> Vec<Pair> {
        let Some(Share { of, by, from, to }) = &self.share else { return Vec::new() };
        let tables = self.tables.iter().filter_map(|name| Some((name, printed::table(name)?)));
        let share = |(name, table): (&String, &printed::PrintedTable)| {
            let both = table
                .values()
                .filter_map(|row| Some((row.get(of)?.moments(), row.get(by)?.moments())));
            let both: Vec<_> = both.collect();
            Pair {
                table: name.clone(),
                env: format!("mean of {} environments", both.len()),
                models: [of.clone(), by.clone()],
                iteration: None,
                of: Box::new(move |level| mean_share(&both, level)),
                range: [*from, *to],
            }
        };
        tables.map(share).collect()
    }

    fn updates(&self) -> Vec<Pair> {
        let Some([steadier, other]) = &self.steadier else { return Vec::new() };
        let cell = |(env, iteration, [a, b]): (&String, u64, [(f64, f64); 2])| Pair {
            table: "Table 1".into(),
            env: env.clone(),
            models: [other.clone(), steadier.clone()],
            iteration: Some(iteration),
            of: Box::new(move |level| ratio_of_spreads([b.1, a.1], UPDATES, level)),
            range: [1.0, f64::INFINITY],
        };
        let mut pairs: Vec<Pair> = printed::updates_of([steadier, other]).map(cell).collect();
        pairs.sort_by(|a, b| (&a.env, a.iteration).cmp(&(&b.env, b.iteration)));
        pairs
    }
}

/// Returns the evidence for the one judge of claims.
pub(crate) fn evidence(compared: &[Compared]) -> Evidence {
    Evidence::of(compared.iter().map(|one| one.verdict).collect(), SEEDS, SEEDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(name: &str) -> (Verdict, Vec<Compared>) {
        let claim = all().iter().find(|claim| claim.name == name).unwrap();
        let compared = claim.compared();
        (evidence(&compared).verdict(), compared)
    }

    fn in_env(compared: &[Compared], env: &str) -> Verdict {
        compared.iter().find(|one| one.env == env).unwrap().verdict
    }

    /// Welch's p of these differences, by scipy: 0.37, 0.002, 0.11 and 0.07; those of PEARL are 0.11 and more.
    #[test]
    fn the_papers_returns_bear_out_one_environment_of_four() {
        use Verdict::{Holds, Undecided};
        let (verdict, compared) = verdicts("SA-Hyper and MLP-Standard, TD3");
        assert_eq!((verdict, compared.len()), (Undecided, 4));
        let of = ["hopper", "walker2d", "ant", "half-cheetah"].map(|env| in_env(&compared, env));
        assert_eq!(of, [Undecided, Holds, Undecided, Undecided]);
        let (_, pearl) = verdicts("Hypernetworks in PEARL");
        assert!(pearl.len() == 5 && pearl.iter().all(|one| one.verdict == Undecided));
        let (_, sac) = verdicts("SA-Hyper and all others");
        assert_eq!(sac.len(), 36);
        let against =
            sac.iter().filter(|one| !one.printed_so).map(|one| (&*one.env, &*one.models[1]));
        assert_eq!(against.collect::<Vec<_>>(), [("hopper", "mlp-large"), ("hopper", "q-d2rl")]);
    }

    #[test]
    fn half_the_return_fails_where_it_is_three_quarters() {
        let (verdict, compared) = verdicts("MLP-Small and MLP-Standard");
        assert_eq!((verdict, compared.len()), (Verdict::Fails, 2));
        let share = (2806.0 / 3160.0 + 2629.0 / 4258.0 + 2735.0 / 3323.0 + 6229.0 / 10225.0) / 4.0;
        assert!((compared[1].estimate.value - share).abs() < 1e-12);
        assert_eq!(
            [compared[0].verdict, compared[1].verdict],
            [Verdict::Undecided, Verdict::Fails]
        );
    }

    /// The least ratio of printed variances is 20/11, whose F with 49 and 49 degrees of freedom has p = 0.02.
    #[test]
    fn the_papers_updates_are_less_noisy_in_all_sixteen_cells() {
        let (verdict, compared) = verdicts("Noise of MAML's updates");
        assert_eq!((verdict, compared.len()), (Verdict::Holds, 16));
        let least = compared.iter().map(|one| one.estimate.value).fold(f64::INFINITY, f64::min);
        assert!((least - (20.0_f64 / 11.0).sqrt()).abs() < 1e-12);
    }
}

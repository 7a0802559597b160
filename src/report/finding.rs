//! What a measure found: the pictures, tables and sentences of a section, and what it says of a claim.

use super::figure::Panel;
use super::numbers::short;
use super::page::{Appendix, Headline, PageFigure, Section};
use super::tables::Table;
use super::text::Method;
use super::view::STEPS;
use super::violins::ViolinFigure;
use crate::study::Found;
use crate::study::claim::Evidence;
use crate::study::spec::Spec;

#[derive(Debug, Default)]
pub(crate) struct Finding {
    /// What stands below the title of its figures.
    pub subtitle: String,
    pub panels: Vec<Panel>,
    pub violins: Vec<ViolinFigure>,
    /// Tables that are kept beside the page, by the name of their file.
    pub files: Vec<(&'static str, Table)>,
    /// The table of the page.
    pub table: Option<Table>,
    pub appendices: Vec<Appendix>,
    /// What a reader should know before believing a number.
    pub warnings: Vec<String>,
    pub method: Method,
    /// What it says of a claim.
    pub answer: Answer,
}

/// What a measure says of a claim.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub evidence: Evidence,
    /// What the evidence says, in a sentence or two.
    pub reason: String,
    /// Further remarks on it.
    pub notes: String,
    /// The one number that decides.
    pub headline: Option<Headline>,
    /// Last measured moment of each run, where a run can be too short.
    pub reached: Vec<u64>,
}

/// A table as an appendix; none if it has no rows.
pub(crate) fn appendix(title: &str, table: &Table, folded: bool) -> Option<Appendix> {
    let appendix = Appendix { title: title.into(), table: table.clone(), folded };
    (!table.rows.is_empty()).then_some(appendix)
}

/// Joins the sentences or paragraphs that are not empty.
fn joined(texts: impl IntoIterator<Item = String>, between: &str) -> String {
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join(between)
}

impl Finding {
    /// Returns the same of runs in which critics alone learn: their steps are updates.
    pub(crate) fn in_updates(mut self) -> Self {
        for panel in &mut self.panels {
            if panel.x.label == STEPS {
                panel.x.label = "updates of the critics".into();
            }
        }
        self
    }

    /// Returns it with doubts about what was measured, before all other warnings.
    pub(crate) fn doubted(mut self, doubts: Vec<String>) -> Self {
        self.warnings.splice(0..0, doubts);
        self
    }

    /// Returns the section about it, without a claim.
    pub(crate) fn section(&self, title: &str, figures: Vec<PageFigure>) -> Section {
        Section {
            title: title.into(),
            figures,
            table: self.table.clone().filter(|table| !table.rows.is_empty()),
            appendices: self.appendices.clone(),
            warnings: self.warnings.clone(),
            how_measured: self.method.how_measured.clone(),
            does_not_show: self.method.does_not_show.clone(),
            ..Section::default()
        }
    }
}

impl Answer {
    /// Returns the answer of a measure that has nothing to compare.
    pub(crate) fn without_evidence(reason: &str) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// Puts the claim of a spec and the verdict on it into a section.
    pub(crate) fn judge(self, spec: &Spec, found: &Found, section: Section) -> Section {
        let Self { mut evidence, reason, notes, headline, reached } = self;
        let short = shortness(&reached, spec);
        evidence.incomplete |= !found.missing.is_empty() || short.is_some();
        let missing = found.missing.len();
        let lacking = match missing {
            0 => String::new(),
            1 => "Of the runs that the claim is about, 1 was not trained.".into(),
            _ => format!("Of the runs that the claim is about, {missing} were not trained."),
        };
        let shortage = evidence.shortage().unwrap_or_default();
        let reaching = short.as_ref().map_or(String::new(), |short| format!("Runs {short}."));
        let later = short.map_or(String::new(), |short| format!("Later training: runs {short}."));
        let limits = [spec.caveat.clone(), section.does_not_show, later, lack(found)];
        Section {
            title: spec.figure.clone(),
            claim: spec.claim.clone(),
            verdict: evidence.verdict(),
            reason: joined([reason, shortage, lacking, reaching, notes], " "),
            headline,
            does_not_show: joined(limits, "\n\n"),
            ..section
        }
    }
}

/// Says how far the runs go, if any is shorter than those of the claim.
fn shortness(reached: &[u64], spec: &Spec) -> Option<String> {
    let (least, most) = (reached.iter().min()?, reached.iter().max()?);
    let steps = |n: u64| short(n as f64);
    let reach =
        if least == most { steps(*most) } else { format!("{} to {}", steps(*least), steps(*most)) };
    let (claimed, unit) = (spec.select.length, spec.select.algo.unit());
    let paper = steps(claimed);
    (*least < claimed).then(|| format!("reach {reach} of the paper's {paper} {unit}"))
}

/// Says which runs are missing, if any are.
fn lack(found: &Found) -> String {
    let Some(first) = found.missing.first() else { return String::new() };
    let (missing, asked) = (found.missing.len(), found.asked);
    format!(
        "{missing} of the {asked} runs of the claim were not trained, or not long enough to be \
         measured; the first missing one is made by `{first}`."
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::study::claim::Verdict;

    /// The section of a claim that two seeds confirm, with so many runs missing.
    fn judged(missing: usize, reached: &[u64]) -> Section {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("analyses/fig04-returns.toml");
        let spec = Spec::read(&path).unwrap();
        let found =
            Found { missing: vec!["a command".into(); missing], asked: 3, ..Found::default() };
        let evidence = Evidence::of(vec![Verdict::Holds], 2, 2);
        let reached = reached.to_vec();
        let answer = Answer { evidence, reached, ..Answer::default() };
        answer.judge(&spec, &found, Section::default())
    }

    #[test]
    fn missing_and_short_runs_decide_nothing_and_are_named() {
        assert_eq!(judged(0, &[1_000_000]).verdict, Verdict::Holds);
        let missing = judged(2, &[1_000_000]);
        assert_eq!(missing.verdict, Verdict::Undecided);
        assert!(missing.does_not_show.contains("2 of the 3 runs"), "{}", missing.does_not_show);
        let short = judged(0, &[1_000_000, 10]);
        assert_eq!(short.verdict, Verdict::Undecided);
        assert_eq!(short.reason, "Runs reach 10 to 1M of the paper's 1M steps.");
    }
}

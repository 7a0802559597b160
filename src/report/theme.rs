//! How a model looks: one colour, one marker, one dash and one label, the same in every figure.
//!
//! Colours are the eight of Okabe and Ito ("Color Universal Design", 2008), which stay apart for
//! readers with any common colour vision; the ninth model takes a brown. Colour never stands alone:
//! marker and dash tell the same story. Critics and meta-policies never share a figure, and have
//! the palette each to themselves.
//!
//! # Deviations
//! The palette's yellow is darkened: as a thin line on white it cannot be seen.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::analysis::series::VARIANT;
use crate::env::EnvId;

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    /// Red, 0–255.
    pub red: u8,
    /// Green, 0–255.
    pub green: u8,
    /// Blue, 0–255.
    pub blue: u8,
}

impl Color {
    /// Reads `0xRRGGBB`.
    pub(crate) const fn from_hex(rgb: u32) -> Self {
        Self { red: (rgb >> 16) as u8, green: (rgb >> 8) as u8, blue: rgb as u8 }
    }

    /// Writes `#RRGGBB`, as SVG and CSS want it.
    pub fn to_hex(self) -> String {
        format!("#{:02X}{:02X}{:02X}", self.red, self.green, self.blue)
    }

    /// A darker shade of the same hue, for text: thin strokes need more contrast than lines.
    #[must_use]
    pub(crate) fn ink(self) -> Self {
        let darken = |channel: u8| (f64::from(channel) * 0.72) as u8;
        Self { red: darken(self.red), green: darken(self.green), blue: darken(self.blue) }
    }
}

/// Background of every figure; figures stay light on dark pages, so that colours mean the same.
pub(crate) const PAPER: Color = Color::from_hex(0xFF_FF_FF);
/// Titles and labels.
pub(crate) const INK: Color = Color::from_hex(0x22_22_22);
/// Subtitles and tick labels.
pub(crate) const FAINT_INK: Color = Color::from_hex(0x55_55_55);
/// Grid lines.
pub(crate) const GRID: Color = Color::from_hex(0xE6_E6_E6);
/// The line at zero.
pub(crate) const ZERO: Color = Color::from_hex(0xA0_A0_A0);
/// Reference lines and bands: chance, ceiling.
pub(crate) const REFERENCE: Color = Color::from_hex(0x8C_8C_8C);

/// The sign that marks a data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    /// Filled circle.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle, tip up.
    TriangleUp,
    /// Filled triangle, tip down.
    TriangleDown,
    /// Filled square standing on its tip.
    Diamond,
    /// Upright cross.
    Plus,
    /// Diagonal cross.
    Cross,
    /// Empty circle.
    Ring,
    /// Filled hexagon.
    Hexagon,
}

/// The dash pattern of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Long dashes.
    Long,
    /// Short dashes.
    Short,
    /// Dots.
    Dotted,
    /// Dash, dot.
    DashDot,
}

impl Dash {
    /// Lengths of strokes and spaces in pixels; empty for an unbroken line.
    pub const fn pattern(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Long => &[9.0, 3.5],
            Self::Short => &[4.5, 3.0],
            Self::Dotted => &[1.8, 2.8],
            Self::DashDot => &[8.0, 3.0, 1.8, 3.0],
        }
    }
}

/// How one series is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Style {
    /// What a reader sees.
    pub label: String,
    /// Colour of line, band and marker.
    pub color: Color,
    /// Sign at its points.
    pub marker: Marker,
    /// Dash pattern of its line.
    pub dash: Dash,
    /// Width of its line in pixels.
    pub width: f64,
}

/// Name, label, colour, marker and dash of a model.
type ModelRow = (&'static str, &'static str, u32, Marker, Dash);

/// The model whose line is widest and drawn on top of all others.
pub(crate) const STRONGEST: &str = "sa-hyper";

/// Every critic that has a style of its own. A new critic is one more row.
const MODELS: [ModelRow; 9] = [
    ("sa-hyper", "SA-Hyper", 0xD5_5E_00, Marker::Circle, Dash::Solid),
    ("as-hyper", "AS-Hyper", 0x00_9E_73, Marker::TriangleUp, Dash::Short),
    ("emb-hyper", "Emb-Hyper", 0xCC_79_A7, Marker::Diamond, Dash::DashDot),
    ("mlp-standard", "MLP-Standard", 0x00_72_B2, Marker::Square, Dash::Long),
    ("mlp-small", "MLP-Small", 0xA8_98_00, Marker::TriangleDown, Dash::Dotted),
    ("mlp-large", "MLP-Large", 0x56_B4_E9, Marker::Plus, Dash::DashDot),
    ("resnet-features", "ResNet-Features", 0x8C_5A_2B, Marker::Cross, Dash::Dotted),
    ("resnet35", "ResNet35", 0x00_00_00, Marker::Ring, Dash::Short),
    ("q-d2rl", "Q-D2RL", 0xE6_9F_00, Marker::Hexagon, Dash::Long),
];

/// Every meta-learning policy that has a style of its own.
const META_MODELS: [ModelRow; 8] = [
    ("hyper", "Hyper-MAML", 0xD5_5E_00, Marker::Circle, Dash::Solid),
    ("context", "Context-MAML", 0x00_72_B2, Marker::Square, Dash::Long),
    ("vanilla", "MAML", 0x00_9E_73, Marker::TriangleUp, Dash::Short),
    ("hyper-multi-task", "Multi-Task Hyper", 0xE6_9F_00, Marker::Hexagon, Dash::DashDot),
    ("context-multi-task", "Multi-Task Context", 0x56_B4_E9, Marker::Plus, Dash::Dotted),
    ("vanilla-multi-task", "Multi-Task Vanilla", 0x8C_5A_2B, Marker::Cross, Dash::Dotted),
    ("pearl", "PEARL", 0x00_00_00, Marker::Ring, Dash::Short),
    ("hyper-pearl", "Hyper-PEARL", 0xCC_79_A7, Marker::Diamond, Dash::DashDot),
];

fn row_of(name: &str) -> Option<ModelRow> {
    MODELS.into_iter().chain(META_MODELS).find(|row| row.0 == name)
}

/// Looks of series that are no model, in their order of appearance: greys, told apart by dash and
/// marker.
const NEUTRALS: [(u32, Marker, Dash); 5] = [
    (0x33_33_33, Marker::Circle, Dash::Solid),
    (0x77_77_77, Marker::Square, Dash::Long),
    (0x55_55_55, Marker::TriangleUp, Dash::Short),
    (0x99_99_99, Marker::Diamond, Dash::DashDot),
    (0x44_44_44, Marker::Cross, Dash::Dotted),
];

/// Kebab-case names of the critics that have a style of their own.
pub fn models() -> impl Iterator<Item = &'static str> {
    MODELS.into_iter().map(|row| row.0)
}

/// Kebab-case names of the meta-learning policies that have a style of their own.
pub fn meta_models() -> impl Iterator<Item = &'static str> {
    META_MODELS.into_iter().map(|row| row.0)
}

/// Label of a model; any other name is its own label. A variant of a model, such as
/// `sa-hyper, lr 3e-4`, keeps what follows the comma.
pub fn model_label(name: &str) -> Cow<'_, str> {
    let label = |name: &str| row_of(name).map(|row| row.1);
    if let Some(label) = label(name) {
        return label.into();
    }
    match name.split_once(VARIANT) {
        Some((model, what)) => {
            label(model).map_or(name.into(), |label| format!("{label}{VARIANT}{what}").into())
        }
        None => name.into(),
    }
}

/// Dashes and markers of a model's variants, in their order of appearance.
const VARIANTS: [(Dash, Marker); 5] = [
    (Dash::Solid, Marker::Circle),
    (Dash::Short, Marker::Ring),
    (Dash::DashDot, Marker::Cross),
    (Dash::Dotted, Marker::Plus),
    (Dash::Long, Marker::Diamond),
];

/// Style of a model; `None` for any other series.
pub fn model_style(name: &str) -> Option<Style> {
    let (_, label, rgb, marker, dash) = row_of(name)?;
    let width = if name == STRONGEST { 2.6 } else { 1.9 };
    Some(Style { label: label.to_owned(), color: Color::from_hex(rgb), marker, dash, width })
}

/// Style of the `order`-th series of a figure that is no model.
pub(crate) fn neutral_style(name: &str, order: usize) -> Style {
    let (rgb, marker, dash) = NEUTRALS[order % NEUTRALS.len()];
    Style { label: name.to_owned(), color: Color::from_hex(rgb), marker, dash, width: 1.9 }
}

/// Styles of all series of a figure, in the order of `names`.
pub(crate) fn styles<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Style> {
    let names: Vec<&str> = names.into_iter().collect();
    let mut neutrals = 0;
    // Where a model stands beside its variants, these are not drawn as it is.
    let drawn = names.iter().filter(|name| model_style(name).is_some());
    let mut variants: BTreeMap<String, usize> = drawn.map(|name| ((*name).to_owned(), 1)).collect();
    let mut style_of = |name: &str| {
        if let Some(style) = model_style(name) {
            return style;
        }
        let model = name.split_once(VARIANT).map(|(model, _)| model);
        if let Some((style, model)) = model.and_then(|model| Some((model_style(model)?, model))) {
            let order = variants.entry(model.to_owned()).or_default();
            let (dash, marker) = VARIANTS[*order % VARIANTS.len()];
            *order += 1;
            return Style { label: model_label(name).into_owned(), dash, marker, ..style };
        }
        neutrals += 1;
        neutral_style(name, neutrals - 1)
    };
    names.into_iter().map(&mut style_of).collect()
}

/// Label of an environment or of a family of tasks, after Gymnasium's names; any other name is its own label.
pub(crate) fn env_label(name: &str) -> Cow<'_, str> {
    let label = match name {
        "ant-v4" => "Ant (27 numbers)",
        "ant-contact" => "Ant (contact forces)",
        "half-cheetah-fwd-back" => "HalfCheetah-Fwd-Back",
        "half-cheetah-vel" => "HalfCheetah-Vel",
        "half-cheetah-vel-medium" => "HalfCheetah-Vel-Medium",
        "ant-fwd-back" => "Ant-Fwd-Back",
        "ant-dir-rad1" => "Ant-Dir (±1 rad)",
        "ant-vel" => "Ant-Vel",
        "linear" => "Linear system",
        ours if ours.parse::<EnvId>().is_ok() => return gymnasium_name(ours).into(),
        other => other,
    };
    label.into()
}

/// Returns `InvertedPendulum-v5` for `inverted-pendulum-v5`.
fn gymnasium_name(name: &str) -> String {
    let part = |part: &str| match part {
        "v5" => "-v5".to_owned(),
        word => word[..1].to_uppercase() + &word[1..],
    };
    name.split('-').map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_are_called_as_gymnasium_calls_them() {
        let labels =
            ["half-cheetah", "hopper", "walker2d-v5", "inverted-double-pendulum-v5", "mine"]
                .map(|name| env_label(name).into_owned());
        let expected =
            ["HalfCheetah", "Hopper", "Walker2d-v5", "InvertedDoublePendulum-v5", "mine"];
        assert_eq!(labels, expected);
    }

    #[test]
    fn a_model_and_its_variants_are_told_apart() {
        for names in [["sa-hyper", "sa-hyper, again"], ["sa-hyper, again", "sa-hyper"]] {
            let [one, other] = styles(names).try_into().unwrap();
            assert_eq!(one.color, other.color);
            assert_ne!((one.dash, one.marker), (other.dash, other.marker), "{names:?}");
        }
    }
}

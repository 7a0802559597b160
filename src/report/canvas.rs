//! The sheet on which figures are drawn: plotters' SVG backend, with sub-pixel places, dashes, a
//! title and a description.
//!
//! Plotters' backend counts whole pixels and knows no dashes. So everything is drawn ten times too
//! large under a `viewBox` that shrinks it again, and dashes, round joins, `<title>` and `<desc>`
//! are written into the finished text. Its text width estimate (0.7 em a letter) is too crude to
//! place labels by; [`text_width`] knows the widths of letters.

use plotters::prelude::{
    DrawingBackend, FontStyle, FontTransform, IntoFont, RGBAColor, RGBColor, SVGBackend,
    ShapeStyle, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::geometry::{Area, Px, px};
use super::theme::{Color, Dash, Marker};
use crate::error::{Error, Result};

/// Backend units per pixel.
const FINENESS: f64 = 10.0;

/// Factor by which plotters' SVG backend shrinks every font size.
const PLOTTERS_FONT_FACTOR: f64 = 1.24;

/// What plotters writes into every disc without an outline, and SVG takes for granted.
const NO_OUTLINE: &str = " stroke=\"none\" stroke-width=\"0\"";

/// A line's colour, opacity and width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    pub(super) color: Color,
    /// 0 transparent, 1 opaque.
    pub(super) opacity: f64,
    /// Width of lines in pixels; fillings ignore it.
    pub(super) width: f64,
    /// Dash pattern; fillings ignore it.
    pub(super) dash: Dash,
}

impl Pen {
    /// An opaque, unbroken line.
    pub(super) const fn line(color: Color, width: f64) -> Self {
        Self { color, opacity: 1.0, width, dash: Dash::Solid }
    }

    /// A translucent filling.
    pub(super) const fn fill(color: Color, opacity: f64) -> Self {
        Self { color, opacity, width: 0.0, dash: Dash::Solid }
    }

    pub(super) const fn dashed(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    fn to_shape(self, filled: bool) -> ShapeStyle {
        let Color { red, green, blue } = self.color;
        let stroke_width = (self.width * FINENESS).round() as u32;
        ShapeStyle { color: RGBAColor(red, green, blue, self.opacity), filled, stroke_width }
    }
}

/// Which part of a text stands at the given place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks; it is centred vertically on its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letters {
    /// Height of the font in pixels.
    size: f64,
    color: Color,
    anchor: Anchor,
    bold: bool,
    /// Whether it runs from bottom to top.
    upwards: bool,
}

impl Letters {
    /// Regular horizontal text.
    pub(super) const fn new(size: f64, color: Color, anchor: Anchor) -> Self {
        Self { size, color, anchor, bold: false, upwards: false }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) const fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sheet<'a> {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Text of `<title>`.
    pub(super) title: &'a str,
    /// Text of `<desc>`.
    pub(super) description: &'a str,
}

/// An SVG being drawn.
pub(super) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    /// Dash of every polyline so far, in the order of drawing.
    dashes: Vec<Dash>,
}

pub(super) fn render(
    sheet: Sheet<'_>,
    draw: impl FnOnce(&mut Canvas<'_>) -> Result<()>,
) -> Result<String> {
    let mut svg = String::new();
    let fine = |length: f64| (length * FINENESS).round() as u32;
    let backend = SVGBackend::with_string(&mut svg, (fine(sheet.width), fine(sheet.height)));
    let mut canvas = Canvas { backend, dashes: Vec::new() };
    draw(&mut canvas)?;
    canvas.backend.present().map_err(drawing)?;
    let dashes = std::mem::take(&mut canvas.dashes);
    drop(canvas);
    Ok(finish(&svg, &sheet, &dashes))
}

impl Canvas<'_> {
    /// Draws a polyline; fewer than two places draw nothing.
    pub(super) fn path(&mut self, path: &[Px], pen: Pen) -> Result<()> {
        if path.len() < 2 {
            return Ok(());
        }
        self.dashes.push(pen.dash);
        self.backend
            .draw_path(path.iter().map(backend_place), &pen.to_shape(false))
            .map_err(drawing)
    }

    /// Draws a straight, unbroken line.
    pub(super) fn line(&mut self, from: Px, to: Px, pen: Pen) -> Result<()> {
        let (from, to) = (backend_place(&from), backend_place(&to));
        self.backend.draw_line(from, to, &pen.to_shape(false)).map_err(drawing)
    }

    /// Fills a polygon; fewer than three corners draw nothing.
    pub(super) fn polygon(&mut self, corners: &[Px], pen: Pen) -> Result<()> {
        if corners.len() < 3 {
            return Ok(());
        }
        let corners = corners.iter().map(backend_place);
        self.backend.fill_polygon(corners, &pen.to_shape(true)).map_err(drawing)
    }

    pub(super) fn rect(&mut self, area: &Area, pen: Pen) -> Result<()> {
        let corner = backend_place(&px(area.left, area.top));
        let opposite = backend_place(&px(area.right, area.bottom));
        self.backend.draw_rect(corner, opposite, &pen.to_shape(true), true).map_err(drawing)
    }

    pub(super) fn text(&mut self, text: &str, place: Px, letters: Letters) -> Result<()> {
        let h_pos = match letters.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = if letters.bold { FontStyle::Bold } else { FontStyle::Normal };
        let turn = if letters.upwards { FontTransform::Rotate270 } else { FontTransform::None };
        let Color { red, green, blue } = letters.color;
        let size = letters.size * FINENESS * PLOTTERS_FONT_FACTOR;
        let font = ("sans-serif", size).into_font().style(style).transform(turn);
        let color = RGBColor(red, green, blue);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(h_pos, VPos::Center));
        self.backend.draw_text(text, &style, backend_place(&place)).map_err(drawing)
    }

    /// Draws a marker of about nine pixels.
    pub(super) fn marker(&mut self, marker: Marker, place: Px, color: Color) -> Result<()> {
        let offsets: &[(f64, f64)] = match marker {
            Marker::Circle | Marker::Ring => return self.circle(place, marker, color),
            Marker::Square => &[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
            Marker::TriangleUp => &[(0., -4.8), (4.4, 3.2), (-4.4, 3.2)],
            Marker::TriangleDown => &[(0., 4.8), (4.4, -3.2), (-4.4, -3.2)],
            Marker::Diamond => &[(0., -5.2), (4.6, 0.), (0., 5.2), (-4.6, 0.)],
            Marker::Hexagon => {
                &[(0., -4.6), (4., -2.3), (4., 2.3), (0., 4.6), (-4., 2.3), (-4., -2.3)]
            }
            Marker::Plus => &[(-4.6, 0.), (4.6, 0.), (0., -4.6), (0., 4.6)],
            Marker::Cross => &[(-3.6, -3.6), (3.6, 3.6), (-3.6, 3.6), (3.6, -3.6)],
        };
        let points: Vec<Px> =
            offsets.iter().map(|(dx, dy)| px(place.x + dx, place.y + dy)).collect();
        if !matches!(marker, Marker::Plus | Marker::Cross) {
            return self.polygon(&points, Pen::fill(color, 1.0));
        }
        let pen = Pen::line(color, 1.7);
        self.line(points[0], points[1], pen)?;
        self.line(points[2], points[3], pen)
    }

    /// Draws a small filled disc.
    pub(super) fn dot(&mut self, place: Px, radius: f64, pen: Pen) -> Result<()> {
        let radius = (radius * FINENESS).round() as u32;
        let style = Pen { width: 0.0, ..pen }.to_shape(true);
        self.backend.draw_circle(backend_place(&place), radius, &style, true).map_err(drawing)
    }

    /// Draws the round markers.
    fn circle(&mut self, place: Px, marker: Marker, color: Color) -> Result<()> {
        let (filled, radius) = if marker == Marker::Ring { (false, 3.4) } else { (true, 4.0) };
        let style = Pen::line(color, 1.6).to_shape(filled);
        let radius = (radius * FINENESS) as u32;
        self.backend.draw_circle(backend_place(&place), radius, &style, filled).map_err(drawing)
    }
}

/// Width in pixels that `text` may take: the widths of `DejaVu` Sans, the widest font in common use.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let em = |letter: char| match letter {
        'i' | 'j' | 'l' | '\'' | '|' => 0.28,
        ' ' | ',' | '.' | ';' | ':' | '!' | 'I' | '-' | '/' => 0.34,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' => 0.40,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '—' | '±' | '−' | '→' | '≥' | '≤' | '>' | '<' => {
            0.92
        }
        letter if letter.is_uppercase() => 0.70,
        _ => 0.61,
    };
    size * text.chars().map(em).sum::<f64>()
}

/// Breaks text into lines of at most `width` pixels, between words.
pub(super) fn wrap(text: &str, size: f64, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + size < width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn backend_place(place: &Px) -> (i32, i32) {
    ((place.x * FINENESS).round() as i32, (place.y * FINENESS).round() as i32)
}

fn drawing(error: impl std::fmt::Display) -> Error {
    Error::Figure(error.to_string())
}

/// Writes into the finished SVG what plotters cannot: size in pixels, title, description, dashes.
fn finish(svg: &str, sheet: &Sheet<'_>, dashes: &[Dash]) -> String {
    let mut dashes = dashes.iter();
    let lines = svg.lines().map(|line| {
        if let Some(rest) = line.strip_prefix("<svg ") {
            opening(rest, sheet)
        } else if let Some(rest) = line.strip_prefix("<polyline ") {
            format!("<polyline stroke-linejoin=\"round\" {}{rest}\n", dash_array(dashes.next()))
        } else if line.starts_with("<circle ") {
            // There may be thousands of dots.
            format!("{}\n", line.replace(NO_OUTLINE, ""))
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

/// The opening tag with the size in pixels, title and description; `rest` is plotters' own.
fn opening(rest: &str, sheet: &Sheet<'_>) -> String {
    let view = rest.find("viewBox").map_or(rest, |start| &rest[start..]);
    let Sheet { width, height, .. } = sheet;
    let (title, description) = (escape(sheet.title), escape(sheet.description));
    format!(
        "<svg role=\"img\" width=\"{width}\" height=\"{height}\" {view}\n\
         <title>{title}</title>\n<desc>{description}</desc>\n"
    )
}

/// The attribute that breaks a line into dashes; nothing for an unbroken line.
fn dash_array(dash: Option<&Dash>) -> String {
    let pattern = dash.map_or(&[][..], |dash| dash.pattern());
    if pattern.is_empty() {
        return String::new();
    }
    let lengths = pattern.iter().map(|length| (length * FINENESS).to_string());
    format!("stroke-dasharray=\"{}\" ", lengths.collect::<Vec<_>>().join(" "))
}

/// Replaces the characters that mean something in XML and HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

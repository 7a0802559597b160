//! Pixels, boxes, clipping and thinning: the plane geometry below every figure.

use super::figure::Point;

/// A place on the page, in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px {
    pub(super) x: f64,
    pub(super) y: f64,
}

pub(super) const fn px(x: f64, y: f64) -> Px {
    Px { x, y }
}

/// A box on the page, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Pixels that rounding may move a point beyond an edge.
const ROUNDING: f64 = 1e-6;

impl Area {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Whether `point` lies in the box or on its edge, up to rounding.
    pub(super) fn contains(&self, point: Px) -> bool {
        let within = |low: f64, x: f64, high: f64| (low - ROUNDING..=high + ROUNDING).contains(&x);
        within(self.left, point.x, self.right) && within(self.top, point.y, self.bottom)
    }

    /// Whether `other` lies wholly inside.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.contains(px(other.left, other.top)) && self.contains(px(other.right, other.bottom))
    }

    /// The part of the segment from `a` to `b` inside the box (Liang and Barsky 1984).
    pub(super) fn clip_segment(&self, a: Px, b: Px) -> Option<(Px, Px)> {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        let edges = [
            (-dx, a.x - self.left),
            (dx, self.right - a.x),
            (-dy, a.y - self.top),
            (dy, self.bottom - a.y),
        ];
        for (outward, room) in edges {
            if outward == 0.0 {
                if room < -ROUNDING {
                    return None;
                }
            } else if outward < 0.0 {
                enter = enter.max(room / outward);
            } else {
                leave = leave.min(room / outward);
            }
        }
        let along = |t: f64| px(a.x + t * dx, a.y + t * dy);
        (enter <= leave).then(|| (along(enter), along(leave)))
    }

    /// The parts of a polyline inside the box.
    pub(super) fn clip_path(&self, path: &[Px]) -> Vec<Vec<Px>> {
        let mut pieces: Vec<Vec<Px>> = Vec::new();
        for pair in path.windows(2) {
            let Some((from, to)) = self.clip_segment(pair[0], pair[1]) else { continue };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&from) => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
        }
        pieces
    }

    /// The part of a polygon inside the box (Sutherland and Hodgman 1974).
    pub(super) fn clip_polygon(&self, polygon: &[Px]) -> Vec<Px> {
        let depths: [&dyn Fn(Px) -> f64; 4] =
            [&|p| p.x - self.left, &|p| self.right - p.x, &|p| p.y - self.top, &|p| {
                self.bottom - p.y
            }];
        let mut kept = polygon.to_vec();
        for depth in depths {
            let corners = std::mem::take(&mut kept);
            for (index, &to) in corners.iter().enumerate() {
                let from = corners[(index + corners.len() - 1) % corners.len()];
                let (before, after) = (depth(from), depth(to));
                if (before < 0.0) != (after < 0.0) {
                    let t = before / (before - after);
                    kept.push(px(from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)));
                }
                if after >= 0.0 {
                    kept.push(to);
                }
            }
        }
        kept
    }
}

/// Points every few pixels along a polyline; what a label must not cover.
pub(super) fn sample_path(path: &[Px]) -> Vec<Px> {
    const SPACING: f64 = 3.0;
    let mut samples = path.to_vec();
    for pair in path.windows(2) {
        let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
        let pieces = (dx.hypot(dy) / SPACING).ceil();
        let between = (1..pieces as usize).map(|k| k as f64 / pieces);
        samples.extend(between.map(|t| px(pair[0].x + t * dx, pair[0].y + t * dy)));
    }
    samples
}

/// Keeps about `limit` of the points that are present, and every extreme and every gap.
///
/// The points are cut into equal shares; of each share the lowest, the highest and one gap stay.
/// Nothing is averaged: every point that is drawn was measured.
pub(super) fn thin(points: &[Point], limit: usize) -> Vec<Point> {
    let limit = limit.max(8);
    if points.len() <= limit {
        return points.to_vec();
    }
    let share = points.len().div_ceil(limit / 2);
    let mut kept = vec![0, points.len() - 1];
    for start in (0..points.len()).step_by(share) {
        let indices = start..(start + share).min(points.len());
        let by_value = |a: &usize, b: &usize| points[*a].y.total_cmp(&points[*b].y);
        let present = || indices.clone().filter(|&index| points[index].is_present());
        kept.extend(present().min_by(by_value));
        kept.extend(present().max_by(by_value));
        kept.extend(indices.clone().find(|&index| !points[index].is_present()));
    }
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|index| points[index]).collect()
}

/// The longest stretches of points that all have a value, or an interval: what `has` asks for.
pub(super) fn runs(points: &[Point], has: fn(&Point) -> bool) -> Vec<&[Point]> {
    points.split(|point| !has(point)).filter(|run| !run.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_on_the_edge_is_inside_whatever_its_last_bits_are() {
        let area = Area { left: 1.0, top: 2.0, right: 3.0, bottom: 4.0 };
        assert!(area.contains(px(3.0 + 1e-12, 2.0 - 1e-12)));
        assert!(!area.contains(px(3.1, 2.0)) && !area.contains(px(3.0, 1.9)));
        // So is the error bar of such a point.
        let bar = |x| area.clip_segment(px(x, 3.0), px(x, 3.5));
        assert!(bar(3.0 + 1e-12).is_some() && bar(3.1).is_none());
    }
}

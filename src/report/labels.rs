//! Where labels go: at the ends of lines, and beside references, never over data.

use super::geometry::{Area, Px};

/// Height of a line of labels in pixels.
pub(super) const LABEL_LINE: f64 = 15.0;
/// Farthest a label may stand from the end of its line, in pixels, before a legend is clearer.
const FARTHEST: f64 = 10.0;

/// Vertical places for labels of lines that end at `ends`; `None` if they would collide.
///
/// The places are as near to the ends as they can be while staying [`LABEL_LINE`] apart: pooled
/// adjacent violators on `y − rank · LABEL_LINE`.
pub(super) fn spread(ends: &[f64], plot: &Area) -> Option<Vec<f64>> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].total_cmp(&ends[b]));

    // Pools of (sum, count): the mean of a pool is the place of its first label, less its rank.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        pools.push((ends[index] - rank as f64 * LABEL_LINE, 1));
        while let [.., before, last] = pools.as_slice() {
            if before.0 / before.1 as f64 <= last.0 / last.1 as f64 {
                break;
            }
            let merged = (before.0 + last.0, before.1 + last.1);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }

    let means = pools.iter().flat_map(|&(sum, count)| vec![sum / count as f64; count]);
    let mut places = vec![0.0; ends.len()];
    for (rank, (mean, &index)) in means.zip(&order).enumerate() {
        let place = mean + rank as f64 * LABEL_LINE;
        let inside = place > plot.top - 6.0 && place < plot.bottom + 6.0;
        if (place - ends[index]).abs() > FARTHEST || !inside {
            return None;
        }
        places[index] = place;
    }
    Some(places)
}

/// The outline of a reference, from left to right: its upper and its lower edge.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    pub(super) upper: Vec<Px>,
    /// Lower edge; the same as `upper` for lines.
    pub(super) lower: Vec<Px>,
}

/// Size of a label in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The box beside (or inside) a reference that covers the least of `obstacles`.
///
/// Above comes before below, and the right before the left, where it makes no difference.
/// `None` only if the reference has no place inside the plot.
pub(super) fn beside(
    outline: &Outline,
    label: Extent,
    obstacles: &[Px],
    plot: &Area,
) -> Option<Area> {
    const TRIALS: usize = 24;
    let room = plot.width() - label.width - 8.0;
    let candidates = (0..=TRIALS).rev().flat_map(|trial| {
        let left = plot.left + 4.0 + room * trial as f64 / TRIALS as f64;
        places(outline, left, label)
    });
    let fitting = candidates.filter(|area| plot.holds(area));
    fitting.min_by_key(|area| {
        let near = Area {
            left: area.left - 3.0,
            top: area.top - 1.0,
            right: area.right + 3.0,
            bottom: area.bottom + 1.0,
        };
        obstacles.iter().filter(|&&obstacle| near.contains(obstacle)).count()
    })
}

/// Boxes inside, above and below a reference that begin at `left`.
fn places(outline: &Outline, left: f64, label: Extent) -> Vec<Area> {
    const AIR: f64 = 3.0;
    let right = left + label.width;
    let (Some((top, upper_low)), Some((lower_high, bottom))) =
        (reach(&outline.upper, left, right), reach(&outline.lower, left, right))
    else {
        return Vec::new();
    };
    let at = |top: f64| Area { left, top, right, bottom: top + label.height };
    let mut places = Vec::new();
    if lower_high - upper_low > label.height + AIR {
        places.push(at(f64::midpoint(lower_high, upper_low) - label.height / 2.0));
    }
    places.push(at(top - label.height - AIR));
    places.push(at(bottom + AIR));
    places
}

/// Highest and lowest pixel of a path between two horizontal places; `None` where it has no part.
fn reach(path: &[Px], left: f64, right: f64) -> Option<(f64, f64)> {
    let overlapping = path.windows(2).filter(|pair| pair[1].x >= left && pair[0].x <= right);
    let reaches = overlapping.map(|pair| segment_reach(pair[0], pair[1], left, right));
    reaches.reduce(|(top, bottom), (higher, lower)| (top.min(higher), bottom.max(lower)))
}

/// Highest and lowest pixel of a segment between two horizontal places.
fn segment_reach(from: Px, to: Px, left: f64, right: f64) -> (f64, f64) {
    let at = |x: f64| from.y + (x - from.x) / (to.x - from.x) * (to.y - from.y);
    let (a, b) = if to.x > from.x {
        (at(left.clamp(from.x, to.x)), at(right.clamp(from.x, to.x)))
    } else {
        (from.y, to.y)
    };
    (a.min(b), a.max(b))
}

//! The bars that frame a picture which was fitted into another shape.

use crate::samples::{Area, Luma};

/// A line of a bar spreads at most this far within itself (standard deviation of luma 0-255) and moves at most this far
/// between pictures.
const SPREAD_MAX: f32 = 4.0;
const DRIFT_MAX: f32 = 6.0;
/// At most this share is taken off each side.
const SHARE_MAX: f64 = 0.4;
/// Bars narrower than this share are the edge that every codec blurs; they stay.
const SHARE_MIN: f64 = 0.01;

/// The part inside of the bars, the same for all pictures of a clip. The whole when there are none.
pub(crate) fn picture_area<'a>(lumas: impl Iterator<Item = &'a Luma>) -> Area {
    let mut size = (0, 0);
    let mut rows: Vec<Line> = Vec::new();
    let mut columns: Vec<Line> = Vec::new();
    for luma in lumas {
        if size == (0, 0) {
            size = (luma.width, luma.height);
            rows = vec![Line::default(); luma.height];
            columns = vec![Line::default(); luma.width];
        }
        for (y, line) in rows.iter_mut().enumerate() {
            line.add(luma.row(y).iter().copied());
        }
        for (x, line) in columns.iter_mut().enumerate() {
            line.add((0..luma.height).map(|y| luma.pixels[y * luma.width + x]));
        }
    }
    let (width, height) = size;
    let (top, bottom) = edges(&rows);
    let (left, right) = edges(&columns);
    Area { left, top, width: width.saturating_sub(left + right).max(1), height: height.saturating_sub(top + bottom).max(1) }
}

/// How many lines to take off at the beginning and at the end.
fn edges(lines: &[Line]) -> (usize, usize) {
    let most = (lines.len() as f64 * SHARE_MAX) as usize;
    let least = (lines.len() as f64 * SHARE_MIN).ceil() as usize;
    let count = |lines: &mut dyn Iterator<Item = &Line>| {
        let mut lines = lines.peekable();
        let Some(first) = lines.peek().map(|line| line.low) else { return 0 };
        let bar = lines.take_while(|line| line.is_bar() && (line.low - first).abs() <= DRIFT_MAX).count();
        // One line more: between bar and picture there is one that is half of each.
        if bar < least || bar > most { 0 } else { bar + 1 }
    };
    (count(&mut lines.iter()), count(&mut lines.iter().rev()))
}

/// What is known of one row or column over all pictures.
#[derive(Clone, Default)]
struct Line {
    seen: u32,
    low: f32,
    high: f32,
    spread: f32,
}

impl Line {
    fn add(&mut self, pixels: impl Iterator<Item = f32> + Clone) {
        let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0.0f64);
        for pixel in pixels {
            let pixel = f64::from(pixel);
            sum += pixel;
            squares += pixel * pixel;
            count += 1.0;
        }
        let mean = sum / count.max(1.0);
        let spread = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt() as f32;
        let mean = mean as f32;
        if self.seen == 0 {
            (self.low, self.high) = (mean, mean);
        }
        self.seen += 1;
        self.low = self.low.min(mean);
        self.high = self.high.max(mean);
        self.spread = self.spread.max(spread);
    }

    fn is_bar(&self) -> bool {
        self.seen > 0 && self.spread <= SPREAD_MAX && self.high - self.low <= DRIFT_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(left: usize, top: usize, level: f32) -> Luma {
        let (width, height) = (100, 80);
        let pixels = (0..width * height)
            .map(|p| {
                let (x, y) = (p % width, p / width);
                let inside = (left..width - left).contains(&x) && (top..height - top).contains(&y);
                if inside { 60.0 + ((x * 13 + y * 29) % 120) as f32 } else { level }
            })
            .collect();
        Luma { width, height, pixels }
    }

    #[test]
    fn bars_are_found_at_any_side_and_level() {
        fn check(left: usize, top: usize, level: f32, expected: (usize, usize)) {
            let lumas = [framed(left, top, level), framed(left, top, level + 1.0)];
            let area = picture_area(lumas.iter());
            assert_eq!((area.left, area.top), expected, "{left} {top} {level}");
            assert_eq!((area.width, area.height), (100 - 2 * expected.0, 80 - 2 * expected.1));
        }
        check(0, 0, 0.0, (0, 0));
        check(10, 0, 16.0, (11, 0));
        check(0, 12, 250.0, (0, 13));
        check(5, 5, 128.0, (6, 6));
        check(45, 0, 0.0, (0, 0)); // more than a bar may be
    }

    #[test]
    fn what_flickers_is_no_bar() {
        let lumas = [framed(10, 0, 16.0), framed(10, 0, 60.0)];
        assert_eq!(picture_area(lumas.iter()), Area::of(100, 80));
    }
}

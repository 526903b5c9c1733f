//! The list of packets: how far the file really reaches, and at what rate the pictures come.

/// More packets than this are not kept apart for the rate (they count all the same).
const TIMES_MAX: usize = 100_000;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Packets {
    /// Packets of the picture track that are shown (those before an edit list's start are not).
    pub video_frames: u64,
    /// The end of the last packet of any track, in seconds on the container's clock.
    pub reach_s: f64,
    first_s: f64,
    end_s: f64,
    times_s: Vec<f64>,
}

impl Packets {
    /// Reads ffprobe's lines `stream,pts,dts,duration,flags`; unknown fields are `N/A`.
    pub fn parse(listing: &[u8], video_stream: u32) -> Self {
        let mut found = Self { first_s: f64::INFINITY, ..Self::default() };
        let mut last_duration_s = 0.0;
        for line in String::from_utf8_lossy(listing).lines() {
            let mut fields = line.split(',');
            let Some(stream) = fields.next().and_then(|f| f.parse::<u32>().ok()) else { continue };
            let mut number = || fields.next().and_then(|f| f.parse::<f64>().ok()).filter(|n| n.is_finite());
            let (pts, dts, duration) = (number(), number(), number());
            let Some(time_s) = pts.or(dts) else {
                found.video_frames += u64::from(stream == video_stream);
                continue;
            };
            let discarded = line.rsplit(',').next().is_some_and(|flags| flags.contains('D'));
            let end_s = time_s + duration.unwrap_or(0.0).max(0.0);
            found.reach_s = found.reach_s.max(end_s);
            if stream != video_stream || discarded {
                continue;
            }
            found.video_frames += 1;
            found.first_s = found.first_s.min(time_s);
            found.end_s = found.end_s.max(end_s);
            last_duration_s = duration.unwrap_or(last_duration_s);
            if found.times_s.len() < TIMES_MAX {
                found.times_s.push(time_s);
            }
        }
        found.times_s.sort_by(f64::total_cmp);
        if found.times_s.last().is_some_and(|last| found.end_s <= *last) {
            // No durations told: the last picture stays as long as the others did.
            found.end_s += found.usual_fps().map_or(last_duration_s, |fps| 1.0 / fps);
        }
        found
    }

    /// From the first picture to the end of the last.
    pub fn video_span_s(&self) -> f64 {
        if self.first_s.is_finite() { (self.end_s - self.first_s).max(0.0) } else { 0.0 }
    }

    /// One over the median distance of two pictures; `None` for fewer than two.
    pub fn usual_fps(&self) -> Option<f64> {
        let mut gaps: Vec<f64> = self.times_s.windows(2).map(|w| w[1] - w[0]).filter(|gap| *gap > 1e-4).collect();
        if gaps.is_empty() {
            return None;
        }
        gaps.sort_by(f64::total_cmp);
        // The mean of the middle fifth: containers round to milliseconds, one gap alone would tell 30.3 for 30.
        let (from, to) = (gaps.len() * 2 / 5, (gaps.len() * 3 / 5).max(gaps.len() * 2 / 5 + 1));
        let middle = &gaps[from..to];
        let median = middle.iter().sum::<f64>() / middle.len() as f64;
        let near: Vec<f64> = gaps.iter().copied().filter(|gap| (gap / median - 1.0).abs() < 0.2).collect();
        Some(near.len() as f64 / near.iter().sum::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_rates() {
        fn check(listing: &str, frames: u64, span_s: f64, fps: Option<f64>) {
            let packets = Packets::parse(listing.as_bytes(), 0);
            assert_eq!(packets.video_frames, frames, "{listing}");
            assert!((packets.video_span_s() - span_s).abs() < 1e-6, "{} for {listing}", packets.video_span_s());
            assert_eq!(packets.usual_fps().map(|fps| (fps * 10.0).round() / 10.0), fps, "{listing}");
        }
        check("0,0.0,0.0,0.1,K_\n0,0.1,0.1,0.1,__\n0,0.2,0.2,0.1,__\n1,0.0,0.0,5.0,K_\n", 3, 0.3, Some(10.0));
        // Milliseconds of Matroska, no durations, out of order.
        check(
            "0,0.033,N/A,N/A,__\n0,0.000,N/A,N/A,K_\n0,0.067,N/A,N/A,__\n0,0.100,N/A,N/A,__\n",
            4,
            0.1 + 0.1 / 3.0,
            Some(30.0),
        );
        // What lies before an edit list's start does not count.
        check("0,-0.1,-0.1,0.1,KD\n0,0.0,0.0,0.1,__\n", 1, 0.1, None);
        check("rubbish\n", 0, 0.0, None);
    }
}

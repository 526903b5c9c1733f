//! How well predictions and outcomes agree: exact, over all scored rows.

use hashbrown::HashMap;
use serde::Serialize;

/// Bins of equal count in which calibration is judged.
const CALIBRATION_BINS: usize = 20;
/// Positions of a viewer's list that NDCG looks at.
const NDCG_AT: usize = 10;

/// One scored prediction.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub viewer: u64,
    /// 0 to 1.
    pub predicted: f32,
    /// 0 or 1; watch time's rank lies between.
    pub label: f32,
    /// What the viewer's list is ordered by for NDCG.
    pub score: f32,
}

/// One task's figures. NaN (`null` in JSON) where there are not both outcomes.
#[derive(Clone, Debug, Serialize)]
pub struct TaskFigures {
    pub task: &'static str,
    pub examples: u64,
    /// Share of positives.
    pub observed: f64,
    /// Mean prediction.
    pub predicted: f64,
    /// Area under the ROC curve over all rows; ties count half.
    pub auc: f64,
    /// The same within each viewer's rows, weighted by their number, over viewers with both outcomes (Zhu et al. 2017,
    /// arXiv 1706.06978).
    pub gauc: f64,
    /// Mean, in nats.
    pub log_loss: f64,
    /// Over each viewer's rows as one list in the order of the feed's score, gain = label, cut at 10; viewers with both outcomes.
    pub ndcg: f64,
    /// Expected calibration error: mean distance of predicted and observed over 20 bins of equal count.
    pub ece: f64,
}

/// Area under the ROC curve of (prediction, label) pairs, which it sorts; NaN when one outcome is missing.
pub fn auc(pairs: &mut [(f32, f32)]) -> f64 {
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut ranked, mut below, mut positive) = (0.0, 0.0, 0.0);
    for ties in pairs.chunk_by(|a, b| a.0 == b.0) {
        let yes: f64 = ties.iter().map(|(_, label)| f64::from(*label)).sum();
        let no = ties.len() as f64 - yes;
        ranked += yes * (below + 0.5 * no);
        (below, positive) = (below + no, positive + yes);
    }
    ranked / (positive * below)
}

/// Normalised discounted cumulative gain at 10 of (score, gain) pairs, which it sorts (Järvelin, Kekäläinen 2002).
fn ndcg(list: &mut [(f32, f32)]) -> f64 {
    let dcg = |list: &[(f32, f32)]| -> f64 {
        let gains = list.iter().take(NDCG_AT).enumerate();
        gains.map(|(at, (_, gain))| f64::from(*gain) / ((at + 2) as f64).log2()).sum()
    };
    // Equal scores: the worst order, so that a constant score earns nothing by the order of the log.
    list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let got = dcg(list);
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    got / dcg(list)
}

fn calibration_error(rows: &[Measured]) -> f64 {
    let mut pairs: Vec<(f32, f32)> = rows.iter().map(|row| (row.predicted, row.label)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bins = pairs.chunks(pairs.len().div_ceil(CALIBRATION_BINS).max(1));
    let error = |bin: &[(f32, f32)]| bin.iter().map(|(p, y)| f64::from(*p) - f64::from(*y)).sum::<f64>().abs();
    bins.map(error).sum::<f64>() / pairs.len() as f64
}

/// All figures of one task.
pub fn figures(task: &'static str, rows: &[Measured]) -> TaskFigures {
    let mut pairs: Vec<(f32, f32)> = rows.iter().map(|row| (row.predicted, row.label)).collect();
    let mut by_viewer: HashMap<u64, Vec<&Measured>> = HashMap::new();
    rows.iter().for_each(|row| by_viewer.entry(row.viewer).or_default().push(row));
    // In the order of viewers: sums of floats depend on their order.
    let mut viewers: Vec<(u64, Vec<&Measured>)> = by_viewer.into_iter().collect();
    viewers.sort_by_key(|(viewer, _)| *viewer);
    let (mut area, mut gain, mut weight, mut lists) = (0.0, 0.0, 0.0, 0.0);
    for (_, rows) in &viewers {
        let mut pairs: Vec<(f32, f32)> = rows.iter().map(|row| (row.predicted, row.label)).collect();
        let own = auc(&mut pairs);
        if own.is_finite() {
            let mut list: Vec<(f32, f32)> = rows.iter().map(|row| (row.score, row.label)).collect();
            (area, weight) = (area + own * rows.len() as f64, weight + rows.len() as f64);
            (gain, lists) = (gain + ndcg(&mut list), lists + 1.0);
        }
    }
    let loss = |row: &Measured| {
        let (p, y) = (f64::from(row.predicted).clamp(1e-7, 1.0 - 1e-7), f64::from(row.label));
        -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
    };
    let n = rows.len() as f64;
    TaskFigures {
        task,
        examples: rows.len() as u64,
        observed: rows.iter().map(|row| f64::from(row.label)).sum::<f64>() / n,
        predicted: rows.iter().map(|row| f64::from(row.predicted)).sum::<f64>() / n,
        auc: auc(&mut pairs),
        gauc: area / weight,
        log_loss: rows.iter().map(loss).sum::<f64>() / n,
        ndcg: gain / lists,
        ece: calibration_error(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_of_known_orders() {
        fn check(pairs: &[(f32, f32)], expected: f64) {
            assert!((auc(&mut pairs.to_vec()) - expected).abs() < 1e-9, "{pairs:?}");
        }
        check(&[(0.1, 0.0), (0.2, 0.0), (0.9, 1.0)], 1.0);
        check(&[(0.9, 0.0), (0.1, 1.0)], 0.0);
        check(&[(0.5, 0.0), (0.5, 1.0), (0.5, 1.0)], 0.5);
        check(&[(0.1, 0.0), (0.4, 1.0), (0.35, 0.0), (0.2, 1.0)], 0.75);
        assert!(auc(&mut [(0.5, 1.0)]).is_nan());
    }

    #[test]
    fn viewers_count_by_their_rows_and_only_with_both_outcomes() {
        let row = |viewer, predicted, label| Measured { viewer, predicted, label, score: predicted };
        // Viewer 1 (two rows) is ordered right, viewer 2 (four rows) wrong, viewer 3 has one outcome only.
        let rows = [
            row(1, 0.1, 0.0),
            row(1, 0.2, 1.0),
            row(2, 0.9, 0.0),
            row(2, 0.8, 0.0),
            row(2, 0.7, 0.0),
            row(2, 0.6, 1.0),
            row(3, 0.5, 1.0),
        ];
        let found = figures("finish", &rows);
        assert!((found.gauc - 2.0 / 6.0).abs() < 1e-9, "{found:?}");
        // Viewer 1's one positive stands first, viewer 2's fourth.
        assert!((found.ndcg - (1.0 + 1.0 / 5f64.log2()) / 2.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.examples, 7);
    }

    #[test]
    fn calibration_is_judged_in_bins() {
        let row = |at: usize| Measured { viewer: 1, predicted: 0.3, label: if at % 10 < 3 { 1.0 } else { 0.0 }, score: 0.0 };
        let rows: Vec<Measured> = (0..2_000).map(row).collect();
        assert!(figures("finish", &rows).ece < 1e-6);
        let off: Vec<Measured> = rows.iter().map(|row| Measured { predicted: 0.5, ..*row }).collect();
        assert!((figures("finish", &off).ece - 0.2).abs() < 1e-6);
    }
}

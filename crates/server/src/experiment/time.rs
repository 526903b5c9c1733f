//! Times as people type them.

use anyhow::{Result, bail};
use base::Timestamp;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// `2026-01-31`, `2026-01-31T18:30` (UTC, a `Z` may follow), `12h` or `7d` before `now`.
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp> {
    let ago = |unit: char| text.strip_suffix(unit).and_then(|count| count.parse::<u32>().ok()).map(i64::from);
    if let Some(ms) = ago('h').map(|n| n * HOUR_MS).or_else(|| ago('d').map(|n| n * DAY_MS)) {
        return Ok(now.plus_millis(-ms));
    }
    match dated(text.strip_suffix('Z').unwrap_or(text)) {
        Some(ms) => Ok(Timestamp::from_millis(ms)),
        None => bail!("write a date (2026-01-31), a time (2026-01-31T18:30, in UTC), or how long ago (12h, 7d)"),
    }
}

fn dated(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let mut numbers = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let mut numbers = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    // Years count from March on, so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    fits.then_some(days * DAY_MS + hour * HOUR_MS + minute * 60_000 + second * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_they_are_typed() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        fn check(text: &str, now: Timestamp, expected: Option<i64>) {
            assert_eq!(parse(text, now).ok().map(Timestamp::as_millis), expected, "{text}");
        }
        check("12h", now, Some(1_800_000_000_000 - 12 * HOUR_MS));
        check("7d", now, Some(1_800_000_000_000 - 7 * DAY_MS));
        check("1970-01-01", now, Some(0));
        check("2000-02-29", now, Some(951_782_400_000));
        check("2024-12-31T23:59:59Z", now, Some(1_735_689_599_000));
        check("2025-01-01T00:00", now, Some(1_735_689_600_000));
        for bad in ["", "soon", "2025-13-01", "2025-02-29", "2025-1", "2025-01-01T24:00", "-3d", "3"] {
            check(bad, now, None);
        }
    }
}

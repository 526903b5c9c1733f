//! Age bands: what rules about age need, and no more.

use serde::{Deserialize, Serialize};

/// The youngest who may have an account.
const AGE_MIN: i32 = 13;
/// Birth years before this are a typing error.
const AGE_MAX: i32 = 120;

/// How old somebody is, as coarsely as the rules allow. Somebody under 13 has no account, so there is no band for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AgeBand {
    #[serde(rename = "13_15")]
    From13To15,
    #[serde(rename = "16_17")]
    From16To17,
    #[serde(rename = "18_plus")]
    Adult,
}

/// What an account keeps of a birth year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredAge {
    pub band: AgeBand,
    /// The first year in which the band is another; none for adults.
    pub until_year: Option<i32>,
}

/// Why a birth year was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BirthYearRefused {
    TooYoung,
    Impossible,
}

impl AgeBand {
    pub fn name(self) -> &'static str {
        match self {
            Self::From13To15 => "13_15",
            Self::From16To17 => "16_17",
            Self::Adult => "18_plus",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::From13To15, Self::From16To17, Self::Adult].into_iter().find(|band| band.name() == name)
    }
}

impl StoredAge {
    /// The band of somebody born in `birth_year`. Only the year is known, so everybody counts as not having had this year's
    /// birthday yet; and the band moves on when the youngest in it would have grown out of it, so that what is kept says no more
    /// than the band. Protections end late rather than early.
    pub fn of(birth_year: i32, year: i32) -> Result<Self, BirthYearRefused> {
        let age = year - birth_year - 1;
        match age {
            _ if !(-1..AGE_MAX).contains(&age) => Err(BirthYearRefused::Impossible),
            _ if age < AGE_MIN => Err(BirthYearRefused::TooYoung),
            13..=15 => Ok(Self { band: AgeBand::From13To15, until_year: Some(year + 3) }),
            16..=17 => Ok(Self { band: AgeBand::From16To17, until_year: Some(year + 2) }),
            _ => Ok(Self { band: AgeBand::Adult, until_year: None }),
        }
    }

    /// What it has become by `year`.
    pub fn in_year(self, year: i32) -> Self {
        let mut age = self;
        // Two steps lead from the first band to the last.
        for _ in 0..2 {
            age = match (age.band, age.until_year) {
                (AgeBand::From13To15, Some(until)) if year >= until => {
                    Self { band: AgeBand::From16To17, until_year: Some(until + 2) }
                }
                (AgeBand::From16To17, Some(until)) if year >= until => Self { band: AgeBand::Adult, until_year: None },
                _ => age,
            };
        }
        age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_by_birth_year() {
        fn check(birth_year: i32, expected: Result<AgeBand, BirthYearRefused>) {
            assert_eq!(StoredAge::of(birth_year, 2026).map(|age| age.band), expected, "{birth_year}");
        }
        check(2027, Err(BirthYearRefused::Impossible));
        check(2026, Err(BirthYearRefused::TooYoung));
        check(2013, Err(BirthYearRefused::TooYoung));
        check(2012, Ok(AgeBand::From13To15));
        check(2010, Ok(AgeBand::From13To15));
        check(2009, Ok(AgeBand::From16To17));
        check(2008, Ok(AgeBand::From16To17));
        check(2007, Ok(AgeBand::Adult));
        check(1906, Ok(AgeBand::Adult));
        check(1905, Err(BirthYearRefused::Impossible));
    }

    #[test]
    fn a_band_moves_on_late_rather_than_early_and_tells_no_birth_year() {
        let of = |birth_year| StoredAge::of(birth_year, 2026).unwrap();
        for birth_year in 2000..=2012 {
            for year in 2026..2040 {
                let asked_again = StoredAge::of(birth_year, year).unwrap().band;
                assert!(of(birth_year).in_year(year).band <= asked_again, "{birth_year} in {year}");
            }
        }
        assert_eq!([of(2010), of(2011)], [of(2012), of(2012)], "the same is kept of everybody in a band");
        assert_eq!(of(2008), of(2009));
        let youngest = [2028, 2029, 2030, 2031].map(|year| of(2012).in_year(year).band);
        assert_eq!(youngest, [AgeBand::From13To15, AgeBand::From16To17, AgeBand::From16To17, AgeBand::Adult]);
        assert_eq!(of(1990).until_year, None);
    }
}

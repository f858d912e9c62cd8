//! Identity numbers of Norwegian systems: which are well formed, and of what
//! kind they are. Pure; knows no register and never shows a number.
//!
//! # Kinds
//!
//! | kind | mark | source |
//! |---|---|---|
//! | fødselsnummer | a date of birth | folkeregisterforskriften § 2-2-1 |
//! | D-nummer | day + 40 | folkeregisterforskriften § 2-2-3 |
//! | H-nummer (hjelpenummer of one health enterprise) | month + 40 | Direktoratet for e-helse, HIS 1001 |
//! | FH-nummer (felles hjelpenummer) | first digit 8 or 9, no date | Direktoratet for e-helse, HIS 1001 |
//!
//! Test persons have the number of their kind with a month moved out of the
//! calendar: +80 in Skatteetaten's Test-Norge (Tenor), +65 at Norsk Helsenett,
//! +40 at Nav (Dolly). Nav's +40 on a fødselsnummer *is* the form of an
//! H-nummer and is read as one; on a D-nummer it collides with nothing,
//! because an H-nummer never moves the day, and is read as a synthetic
//! D-nummer. Nav's internal NPID (month + 20) is no identity number and is
//! refused.
//!
//! # Control digits
//!
//! With the weights 3 7 6 1 8 9 4 5 2 1 the sum of the first ten digits, and
//! with 5 4 3 2 7 6 5 4 3 2 1 that of all eleven, is 0 modulo 11. From 2032
//! Folkeregisteret also issues numbers whose *first* sum leaves 1, 2 or 3; the
//! second rule stands, and the century can no longer be told from the number
//! (Skatteetaten, «Nytt fødselsnummer fra 2032»,
//! <https://skatteetaten.github.io/folkeregisteret-api-dokumentasjon/nytt-fodselsnummer-fra-2032/>).
//! Such numbers are accepted from that day by the injected clock, and earlier
//! only when they are synthetic, because the register hands out test persons
//! in advance; before 2032 the stricter rule catches more misspellings. The
//! change concerns fødselsnummer and D-nummer alone.

use crate::tid::Tid;

/// 2032-01-01T00:00 in Norway, from which the relaxed first control digit is
/// issued.
const NY_KONTROLL_FRA: Tid = Tid(1_956_524_400_000_000);

const VEKTER_K1: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
const VEKTER_K2: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];

/// Kind of an identity number, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identitetstype {
    /// Fødselsnummer from Folkeregisteret.
    Fodselsnummer,
    /// D-nummer from Folkeregisteret.
    DNummer,
    /// Hjelpenummer of one health enterprise.
    HNummer,
    /// Felles hjelpenummer of the health sector.
    FhNummer,
}

/// What is accepted, beside what the form itself says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regler {
    /// Numbers of test persons are accepted.
    pub syntetiske: bool,
    /// The relaxed first control digit is accepted.
    pub ny_kontroll: bool,
}

impl Regler {
    /// The rules at an instant.
    #[must_use]
    pub fn ved(now: Tid, syntetiske: bool) -> Self {
        Self {
            syntetiske,
            ny_kontroll: now >= NY_KONTROLL_FRA,
        }
    }
}

/// Why a text is no identity number. Never carries the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Feil {
    /// Not eleven digits.
    #[error("11 siffer uten mellomrom eller andre tegn")]
    Lengde,
    /// The first six digits are no date in any kind.
    #[error("11 siffer som begynner med en fødselsdato, DDMMÅÅ; se etter ombyttede siffer")]
    Dato,
    /// The control digits do not fit the others.
    #[error("11 siffer med gyldige kontrollsiffer; se etter feilskrevne eller ombyttede siffer")]
    Kontrollsiffer,
    /// A test person where there are none.
    #[error("et nummer til en virkelig person; testpersoner er ikke åpnet her")]
    Syntetisk,
}

/// A well-formed identity number. Its digits leave it only through
/// [`Fodselsnummer::siffer`], and never through `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Fodselsnummer {
    siffer: String,
    type_: Identitetstype,
    syntetisk: bool,
}

impl Fodselsnummer {
    /// Reads eleven digits.
    ///
    /// # Errors
    /// When they are no identity number under the rules.
    pub fn les(text: &str, regler: Regler) -> Result<Self, Feil> {
        let digits = digits(text).ok_or(Feil::Lengde)?;
        let (type_, syntetisk) = kind(&digits).ok_or(Feil::Dato)?;
        let relaxed = match type_ {
            Identitetstype::Fodselsnummer | Identitetstype::DNummer => {
                regler.ny_kontroll || syntetisk
            }
            Identitetstype::HNummer | Identitetstype::FhNummer => false,
        };
        if !control_digits_fit(&digits, relaxed) {
            return Err(Feil::Kontrollsiffer);
        }
        if syntetisk && !regler.syntetiske {
            return Err(Feil::Syntetisk);
        }
        Ok(Self {
            siffer: text.to_owned(),
            type_,
            syntetisk,
        })
    }

    /// A number that was accepted once and stored; the rules of today are not
    /// held against it.
    ///
    /// # Errors
    /// When the text has no kind, which a stored number always has.
    pub fn fra_lager(text: String) -> Result<Self, Feil> {
        let digits = digits(&text).ok_or(Feil::Lengde)?;
        let (type_, syntetisk) = kind(&digits).ok_or(Feil::Dato)?;
        Ok(Self {
            siffer: text,
            type_,
            syntetisk,
        })
    }

    /// The eleven digits.
    #[must_use]
    pub fn siffer(&self) -> &str {
        &self.siffer
    }

    /// Its kind.
    #[must_use]
    pub fn identitetstype(&self) -> Identitetstype {
        self.type_
    }

    /// Whether it is of a series for test persons.
    #[must_use]
    pub fn er_syntetisk(&self) -> bool {
        self.syntetisk
    }
}

/// The kind only.
impl std::fmt::Debug for Fodselsnummer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fodselsnummer")
            .field("type", &self.type_)
            .finish_non_exhaustive()
    }
}

fn digits(text: &str) -> Option<[u32; 11]> {
    let digits: Option<Vec<u32>> = text
        .bytes()
        .map(|byte| byte.is_ascii_digit().then(|| u32::from(byte - b'0')))
        .collect();
    digits?.try_into().ok()
}

/// Kind, and whether it is of a test person; none when the date is no date.
fn kind(digits: &[u32; 11]) -> Option<(Identitetstype, bool)> {
    let [d1, d2, m1, m2, y1, y2, ..] = *digits;
    if d1 >= 8 {
        return Some((Identitetstype::FhNummer, false));
    }
    let (day, d_nummer) = match d1 * 10 + d2 {
        moved @ 41..=71 => (moved - 40, true),
        day => (day, false),
    };
    let register = if d_nummer {
        Identitetstype::DNummer
    } else {
        Identitetstype::Fodselsnummer
    };
    let (month, type_, syntetisk) = match m1 * 10 + m2 {
        month @ 1..=12 => (month, register, false),
        moved @ 41..=52 if d_nummer => (moved - 40, register, true),
        moved @ 41..=52 => (moved - 40, Identitetstype::HNummer, false),
        moved @ 66..=77 => (moved - 65, register, true),
        moved @ 81..=92 => (moved - 80, register, true),
        _ => return None,
    };
    is_a_day(day, month, y1 * 10 + y2).then_some((type_, syntetisk))
}

/// Whether the day exists in the month in any century: `00` is 2000, a leap
/// year, as well as 1900, which is none.
fn is_a_day(day: u32, month: u32, year: u32) -> bool {
    let length = match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=length).contains(&day)
}

fn control_digits_fit(digits: &[u32; 11], relaxed: bool) -> bool {
    let rest = |weights: &[u32]| {
        let sum: u32 = weights.iter().zip(digits).map(|(w, d)| w * d).sum();
        sum % 11
    };
    let allowed = if relaxed { 0..=3 } else { 0..=0 };
    allowed.contains(&rest(&VEKTER_K1)) && rest(&VEKTER_K2) == 0
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use proptest::prelude::*;

    use super::*;

    /// Nine digits made a number whose first control sum leaves `rest`; none
    /// when a control digit would be 10.
    fn with_control(nine: &str, rest: u32) -> Option<String> {
        let digits: Vec<u32> = nine.chars().map(|c| c.to_digit(10).unwrap()).collect();
        let sum = |weights: &[u32], digits: &[u32]| -> u32 {
            weights.iter().zip(digits).map(|(w, d)| w * d).sum()
        };
        let k1 = (11 + rest - sum(&VEKTER_K1, &digits) % 11) % 11;
        let mut ten = digits;
        ten.push(k1);
        let k2 = (11 - sum(&VEKTER_K2, &ten) % 11) % 11;
        (k1 < 10 && k2 < 10).then(|| format!("{nine}{k1}{k2}"))
    }

    /// `tests/data/fodselsnummer.csv`: no full number stands there. To see it
    /// red, let `relaxed` be `false` in `les`, or drop the arm for +65.
    #[test]
    fn the_table_of_kinds_and_controls() {
        let table = include_str!("../../tests/data/fodselsnummer.csv");
        let mut rows = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
            let columns: Vec<&str> = line.split(';').map(str::trim).collect();
            let [nine, rest, before, after, why] = columns[..] else {
                panic!("five columns expected: {line}");
            };
            let number = with_control(nine, rest.parse().unwrap())
                .unwrap_or_else(|| panic!("no control digits exist: {line}"));
            for (ny_kontroll, expected) in [(false, before), (true, after)] {
                let regler = Regler {
                    syntetiske: true,
                    ny_kontroll,
                };
                let found = match Fodselsnummer::les(&number, regler) {
                    Ok(read) => format!(
                        "{:?}{}",
                        read.identitetstype(),
                        if read.er_syntetisk() { "*" } else { "" }
                    ),
                    Err(fault) => format!("{fault:?}"),
                };
                assert_eq!(found, expected, "{why}, from 2032: {ny_kontroll}");
            }
            rows += 1;
        }
        assert!(rows > 20, "the table was read");
    }

    /// A number that Test-Norge published, so that the table's own arithmetic
    /// is not the only witness.
    #[test]
    fn a_published_test_person() {
        let regler = Regler {
            syntetiske: true,
            ny_kontroll: false,
        };
        let number = Fodselsnummer::les("10915596784", regler).unwrap();
        assert_eq!(number.identitetstype(), Identitetstype::Fodselsnummer);
        assert!(number.er_syntetisk());
        let strict = Regler {
            syntetiske: false,
            ..regler
        };
        assert_eq!(
            Fodselsnummer::les("10915596784", strict),
            Err(Feil::Syntetisk)
        );
    }

    #[test]
    fn only_eleven_digits() {
        let regler = Regler {
            syntetiske: true,
            ny_kontroll: true,
        };
        for text in [
            "",
            "1091559678",
            "109155967841",
            "109155 6784",
            "1091559678a",
            "１091559678",
            "١٠٩١٥٥٩٦٧٨٤",
        ] {
            assert_eq!(Fodselsnummer::les(text, regler), Err(Feil::Lengde));
        }
    }

    #[test]
    fn the_relaxed_control_begins_with_2032_in_norway() {
        let last: Tid = "2031-12-31T22:59:59.999999Z".parse().unwrap();
        let first: Tid = "2031-12-31T23:00:00Z".parse().unwrap();
        assert!(!Regler::ved(last, false).ny_kontroll);
        assert!(Regler::ved(first, false).ny_kontroll);
    }

    #[test]
    fn neither_debug_nor_an_error_shows_a_digit() {
        let regler = Regler {
            syntetiske: true,
            ny_kontroll: false,
        };
        let number = Fodselsnummer::les("10915596784", regler).unwrap();
        assert!(!format!("{number:?}").contains(|c: char| c.is_ascii_digit()));
    }

    proptest! {
        /// One wrong digit is always caught by the rule of 1964, whichever the
        /// kind: both weights are invertible modulo 11.
        #[test]
        fn one_wrong_digit_is_caught(day in 1u32..=28, month in 1u32..=12, year in 0u32..100,
                                     individ in 0u32..1000, place in 0usize..11, step in 1u8..10) {
            let nine = format!("{day:02}{:02}{year:02}{individ:03}", month + 80);
            prop_assume!(with_control(&nine, 0).is_some());
            let number = with_control(&nine, 0).unwrap();
            let mut wrong = number.into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + step) % 10;
            let digits = digits(std::str::from_utf8(&wrong).unwrap()).unwrap();
            prop_assert!(!control_digits_fit(&digits, false));
        }
    }
}

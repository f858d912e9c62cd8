//! How often an employee may ask, what a number and a name may be.

use std::{num::NonZeroU32, time::Duration};

use samspor_chassis::{
    domene::fodselsnummer::{Fodselsnummer, Regler},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;

use super::Person;

/// Longest name that staff use for a person.
const NAVN_LENGDE: usize = 200;

/// At most so many calls in so long a time; evenly refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kvote {
    /// Calls that may come at once.
    pub antall: NonZeroU32,
    /// Time in which they are refilled.
    pub per: Duration,
}

impl Default for Kvote {
    /// 60 an hour: more than any caseworker looks up by hand.
    fn default() -> Self {
        Self {
            antall: NonZeroU32::MIN.saturating_add(59),
            per: Duration::from_hours(1),
        }
    }
}

impl Kvote {
    /// How much time one call uses up.
    pub(crate) fn per_kall(self) -> Duration {
        self.per / self.antall.get()
    }

    /// Whether a call was within the quota, when it used it up until
    /// `brukt_til`.
    ///
    /// # Errors
    /// `FOR_MANGE_KALL` with the seconds to wait.
    pub(crate) fn innenfor(self, brukt_til: Tid, now: Tid) -> Result<(), Refusal> {
        let wait = brukt_til.since(now.plus(self.per));
        if wait.is_zero() {
            return Ok(());
        }
        let seconds = wait.as_micros().div_ceil(1_000_000);
        Err(Refusal::new(Feilgrunn::ForMangeKall).with("sekunder", seconds))
    }
}

/// Reads an identity number.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` that names the field and what to look for, never the
/// number.
pub(crate) fn les_nummer(text: &str, regler: Regler) -> Result<Fodselsnummer, Refusal> {
    const FIELD: &str = "fodselsnummer";
    let mut faults = FieldFaults::new();
    if text.is_empty() {
        faults.missing(FIELD);
    } else {
        match Fodselsnummer::les(text, regler) {
            Ok(number) => return Ok(number),
            Err(fault) => faults.form(FIELD, fault),
        }
    }
    Err(match faults.finish() {
        Err(refusal) => refusal,
        Ok(()) => Refusal::new(Feilgrunn::UgyldigForesporsel),
    })
}

/// Reads the name that staff use; empty for none.
pub(crate) fn les_visningsnavn(text: &str, faults: &mut FieldFaults) -> Option<String> {
    const FIELD: &str = "visningsnavn";
    let text = text.trim();
    if text.chars().count() > NAVN_LENGDE {
        faults.too_long(FIELD, NAVN_LENGDE);
    } else if text.chars().any(char::is_control) {
        faults.form(FIELD, "én linje uten kontrolltegn");
    } else if text.chars().filter(char::is_ascii_digit).count() >= 6 {
        // A date of birth or an identity number does not belong in a name.
        faults.form(FIELD, "et navn uten fødselsdato eller identitetsnummer");
    }
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// An id that was merged is changed no more.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when it was.
pub(crate) fn er_i_kraft(person: &Person) -> Result<(), Refusal> {
    if person.sammenslatt_med.is_none() {
        Ok(())
    } else {
        Err(Refusal::transition("SAMMENSLATT", &["HentPerson"]))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    /// Plays calls against the quota as the table does; gives the seconds to
    /// wait of the first that is refused.
    fn play(kvote: Kvote, calls: &[Tid]) -> Vec<Option<String>> {
        let mut used = Tid(0);
        let play = |now: &Tid| {
            let next = used.max(*now).plus(kvote.per_kall());
            match kvote.innenfor(next, *now) {
                Ok(()) => {
                    used = next;
                    None
                }
                Err(refusal) => Some(refusal.nokler["sekunder"].clone()),
            }
        };
        calls.iter().map(play).collect()
    }

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let kvote = Kvote {
            antall: NonZeroU32::new(3).unwrap(),
            per: Duration::from_secs(30),
        };
        let at = |seconds| NOW.plus(Duration::from_secs(seconds));
        assert_eq!(
            play(kvote, &[at(0), at(0), at(0), at(0), at(9), at(10), at(10)]),
            [
                None,
                None,
                None,
                Some("10".into()),
                Some("1".into()),
                None,
                Some("10".into())
            ]
        );
        // After a pause the whole quota is there, and no more.
        assert_eq!(
            play(kvote, &[at(0), at(900), at(900), at(900), at(900)])[4],
            Some("10".into())
        );
    }

    #[test]
    fn a_refusal_names_the_field_and_never_the_number() {
        let regler = Regler {
            syntetiske: false,
            ny_kontroll: false,
        };
        for text in ["", "123", "00000000000", "11111111111", "10915596784"] {
            let refusal = les_nummer(text, regler).unwrap_err();
            assert_eq!(refusal.felt[0].felt, "fodselsnummer");
            let told = format!("{refusal:?}");
            assert!(text.is_empty() || !told.contains(text), "{told}");
        }
    }

    #[test]
    fn a_name_holds_no_number() {
        let read = |text: &str| {
            let mut faults = FieldFaults::new();
            let name = les_visningsnavn(text, &mut faults);
            faults.finish().map(|()| name)
        };
        assert_eq!(read("  Kari Eksempel "), Ok(Some("Kari Eksempel".into())));
        assert_eq!(read("Ole den 3."), Ok(Some("Ole den 3.".into())));
        assert_eq!(read(" "), Ok(None));
        for text in [
            "Kari 10915596784".to_owned(),
            "Kari 109155".to_owned(),
            "x".repeat(201),
            "Kari\nNordmann".to_owned(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }
}

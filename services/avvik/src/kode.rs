//! The code that stands in the place of the reporter's name: its form, how an
//! avvik is found by it, and how many wrong ones are looked up.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use ring::digest;
use samspor_chassis::{
    domene::dokument,
    error::{Error, FieldFaults, Refusal},
    params,
    store::Tx,
    tid::Clock,
};
use samspor_proto::felles::Feilgrunn;
use subtle::ConstantTimeEq as _;

use crate::{
    avvik::{Avvik, store},
    innmelding::Ny,
    innstillinger::{Innstillinger, innstillinger},
};

/// What is digested before the code, so that the digest is of no use elsewhere.
const OMRADE: &str = "samspor/avvik/kode/1/";
/// Hex digits of a code: 128 bits.
const KODE: usize = 32;
/// Hex digits of a digest.
const SUM: usize = 64;
/// Microseconds of an hour.
const TIME: i64 = 3_600_000_000;

fn er_heks(text: &str, digits: usize) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == digits && text.bytes().all(hex)
}

/// The digest that stands for a code. An empty one, which no row has, where the
/// code has not its form.
pub(crate) fn les(kode: &str, faults: &mut FieldFaults) -> String {
    if !er_heks(kode, KODE) {
        // The code is not repeated in what is told.
        faults.form("kode", "32 heksadesimale siffer (0-9, a-f)");
        return String::new();
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(OMRADE.as_bytes());
    context.update(kode.as_bytes());
    let sum = context.finish();
    let (first, second) = sum.as_ref().split_at(16);
    let number = |half: &[u8]| half.try_into().map(u128::from_be_bytes).unwrap_or_default();
    format!("{:032x}{:032x}", number(first), number(second))
}

/// The digest of a code that the caller keeps.
pub(crate) fn les_sum(sum: &str, faults: &mut FieldFaults) {
    if sum.is_empty() {
        faults.missing("kodesum");
    } else if !er_heks(sum, SUM) {
        faults.form("kodesum", "64 heksadesimale siffer (0-9, a-f)");
    }
}

/// What a code belongs to.
pub(crate) enum Funn {
    /// A report whose day has not passed.
    Holdt(Box<Ny>),
    /// An avvik.
    Meldt(Box<Avvik>),
}

/// What the code of a digest belongs to.
///
/// The first half of the digest finds the rows, the whole is compared in constant
/// time. Who measures the look-up learns, at the most, how far the first half of a
/// tried code's digest agrees with a stored one. A digest cannot be steered but by
/// trying codes, and from one that is known in full there is no way back to 128
/// random bits: of the code itself the time tells nothing.
///
/// # Errors
/// `IKKE_FUNNET` of a wrong code, the same for each; `FOR_MANGE_KALL`.
pub(crate) async fn finn(tx: &mut Tx, sum: &str) -> Result<Funn, Error> {
    let tries = tx.settings::<Forsok>()?;
    let unit = tx.call().actor.enhet.clone();
    let hour = tries.ta(&unit, innstillinger()?)?;
    let found = sok(tx, sum).await?.ok_or_else(Refusal::not_found)?;
    tries.gi_tilbake(&unit, hour);
    Ok(found)
}

async fn sok(tx: &mut Tx, sum: &str) -> Result<Option<Funn>, Error> {
    let Some((first, _)) = sum.split_at_checked(SUM / 2) else {
        return Ok(None);
    };
    // The digits that follow come before every letter behind `f`.
    let beyond = format!("{first}g");
    let known: Vec<(String, String)> = tx
        .all(
            "SELECT kodesum, avvik FROM avvikskode WHERE kodesum >= $1 AND kodesum < $2",
            params![first, beyond.as_str()],
        )
        .await?;
    if let Some(id) = med_sum(known, sum) {
        let avvik = store::hent(tx, &id).await?;
        return Ok(Some(Funn::Meldt(Box::new(avvik))));
    }
    let held: Vec<(String, String)> = tx
        .all(
            "SELECT kodesum, innhold FROM avvikholdt \
             WHERE kodesum >= $1 AND kodesum < $2 AND nr = 0",
            params![first, beyond.as_str()],
        )
        .await?;
    let new = med_sum(held, sum);
    let new = new.map(|innhold| dokument::les(&innhold)).transpose()?;
    Ok(new.map(|new| Funn::Holdt(Box::new(new))))
}

/// What stands with a digest.
fn med_sum(rows: Vec<(String, String)>, sum: &str) -> Option<String> {
    let mut rows = rows.into_iter();
    rows.find(|(stored, _)| stored.as_bytes().ct_eq(sum.as_bytes()).into())
        .map(|(_, value)| value)
}

/// Codes that were tried in this hour and were not right, by unit.
///
/// In memory, by each replica for itself: a row for each try would tell when a
/// unit used a code, and nobody finds one of 2^128 at whatever rate a service
/// answers. What is kept off is the noise, of which a restart forgives an hour.
pub(crate) struct Forsok {
    clock: Arc<dyn Clock>,
    brukt: Mutex<(i64, BTreeMap<String, u32>)>,
}

impl Forsok {
    pub(crate) fn ny(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            brukt: Mutex::default(),
        }
    }

    /// Counts a try before it is known how it goes, so that many at once are not
    /// more than are allowed. Gives its hour.
    ///
    /// # Errors
    /// `FOR_MANGE_KALL` with the seconds until the next hour, also of a right
    /// code: an answer would tell it from the wrong ones.
    fn ta(&self, unit: &str, satt: &Innstillinger) -> Result<i64, Refusal> {
        let now = self.clock.now().0;
        let hour = now.div_euclid(TIME);
        let mut used = self.brukt.lock().unwrap_or_else(PoisonError::into_inner);
        if used.0 != hour {
            *used = (hour, BTreeMap::new());
        }
        let all: u32 = used.1.values().sum();
        let own = used.1.entry(unit.to_owned()).or_default();
        if *own >= satt.kodeforsok_enhet.into() || all >= satt.kodeforsok_alle.into() {
            let wait = ((hour + 1) * TIME - now).unsigned_abs();
            let refused = Refusal::new(Feilgrunn::ForMangeKall);
            return Err(refused.with("sekunder", wait.div_ceil(1_000_000)));
        }
        *own += 1;
        Ok(hour)
    }

    /// The code was right.
    fn gi_tilbake(&self, unit: &str, hour: i64) {
        let mut used = self.brukt.lock().unwrap_or_else(PoisonError::into_inner);
        if used.0 == hour
            && let Some(own) = used.1.get_mut(unit)
        {
            *own = own.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::time::Duration;

    use samspor_chassis::testing::{START, TestClock};

    use super::*;

    /// As `printf samspor/avvik/kode/1/0123…cdef | sha256sum` says.
    #[test]
    fn the_digest_is_that_of_the_contract() {
        let mut faults = FieldFaults::new();
        assert_eq!(
            les("0123456789abcdef0123456789abcdef", &mut faults),
            "2bf8f868c251cde006502b91fcfe0ae48ee77b17d90893b81f3443e1a9566163"
        );
        assert!(faults.is_empty());
        for wrong in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789ABCDEF0123456789abcdef",
            "0123456789abcdef0123456789abcdeg",
        ] {
            let mut faults = FieldFaults::new();
            assert_eq!(les(wrong, &mut faults), "");
            let told = format!("{:?}", faults.finish().unwrap_err());
            assert!(wrong.is_empty() || !told.contains(wrong));
        }
    }

    /// Seen red: with the whole map forgotten by `gi_tilbake`, and with no look
    /// at what all have used.
    #[test]
    fn wrong_codes_of_a_unit_and_of_all_are_bounded_by_the_hour() {
        let settings = innstillinger().unwrap();
        let clock = Arc::new(TestClock::new(START.plus(Duration::from_mins(50))));
        let tries = Forsok::ny(clock.clone());
        for _ in 0..settings.kodeforsok_enhet {
            tries.ta("bom", settings).unwrap();
        }
        let refused = tries.ta("bom", settings).unwrap_err();
        assert_eq!(refused.grunn, Feilgrunn::ForMangeKall);
        assert!(format!("{refused:?}").contains("600"), "{refused:?}");
        // A right one takes nothing; what was wrong stays.
        let hour = tries.ta("nav", settings).unwrap();
        tries.gi_tilbake("nav", hour);
        tries.ta("bom", settings).unwrap_err();

        let mut units = 0;
        while tries.ta(&format!("u{units}"), settings).is_ok() {
            units += 1;
        }
        assert_eq!(units, settings.kodeforsok_alle - settings.kodeforsok_enhet);
        clock.advance(Duration::from_mins(10));
        tries.ta("bom", settings).unwrap();
    }
}

//! Stays in temporary housing, as nav's events tell of them; nav's record is
//! never read.
//!
//! An event says when it happened and writes one field of its stay. What follows
//! of a person's stays together (from when, over three months since when) is
//! worked out anew from all of them, so neither the order nor a repeat changes
//! anything.

use std::collections::BTreeMap;

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Virkninger, navn},
    error::{Error, FieldFaults},
    feeds::Consumer,
    lager, params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::hendelse::Hendelse;

use crate::ENHET;

/// Collection of nav's stays in a resource name.
const SAMLING: &str = "opphold";
/// Unit that owns a stay of which nobody else is told.
const NAV: &str = "nav";

/// Nav tells of its stays.
pub(crate) const FRA_NAV: Consumer = Consumer {
    from: "nav",
    enhet: ENHET,
    apply: fra_nav,
};

/// That somebody is in temporary housing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Midlertidig {
    /// Start of the clock, which goes on over places and short breaks.
    pub(crate) siden: Tid,
    pub(crate) over_tre_maneder: bool,
}

fn fra_nav(tx: &mut Tx, hendelse: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
    hor(tx, hendelse).boxed()
}

/// Hears one event.
pub(crate) async fn hor(tx: &mut Tx, hendelse: Hendelse) -> Result<(), Error> {
    let (begun, goes_on, passed, ended) = match hendelse.r#type.as_str() {
        "OppholdStartet" => (true, false, false, false),
        "OppholdFortsatt" => (true, true, false, false),
        "OppholdOverTreManeder" => (false, false, true, false),
        "OppholdAvsluttet" => (false, false, false, true),
        // A move is neither: the clock goes on.
        _ => return Ok(()),
    };
    let mut faults = FieldFaults::new();
    let (person, _) = navn::les_post(&hendelse.post, SAMLING, "post", &mut faults);
    if !faults.is_empty() {
        return Ok(());
    }
    lager::las_person(tx, &person).await?;
    // The unit that owns a stay is told by name, as an event names its owner.
    let owner = hendelse.eier.strip_prefix("enheter/").unwrap_or(NAV);
    let happened = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
    let at = happened.unwrap_or(tx.now());
    let when = |it: bool| it.then_some(at);
    tx.execute(
        "INSERT INTO opphold (post, person, startet, fortsetter, passert, slutt, eier) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (post) DO UPDATE SET \
         startet = COALESCE(opphold.startet, excluded.startet), \
         fortsetter = CASE WHEN opphold.startet IS NULL THEN excluded.fortsetter \
         ELSE opphold.fortsetter END, \
         passert = COALESCE(opphold.passert, excluded.passert), \
         slutt = COALESCE(opphold.slutt, excluded.slutt)",
        params![
            hendelse.post.as_str(),
            person.as_str(),
            when(begun),
            i64::from(goes_on),
            when(passed),
            when(ended),
            owner
        ],
    )
    .await?;
    folger(tx, &person).await
}

/// What follows of all stays of a person.
async fn folger(tx: &mut Tx, person: &str) -> Result<(), Error> {
    type Rad = (i64, String, i64, Option<i64>, Option<i64>);
    let mut stays: Vec<Rad> = tx
        .all(
            "SELECT startet, post, fortsetter, passert, slutt FROM opphold \
             WHERE person = $1 AND startet IS NOT NULL",
            params![person],
        )
        .await?;
    stays.sort_unstable();
    let mut before: Option<(i64, Option<i64>)> = None;
    for (begun, post, goes_on, passed, ended) in stays {
        let (clock, over) = match before {
            Some((clock, over)) if goes_on == 1 => (clock, over.or(passed)),
            _ => (begun, passed),
        };
        before = Some((clock, over));
        let end = ended.map_or(lager::APENT, Tid);
        tx.execute(
            "UPDATE opphold SET fra = $1, til = $2, klokke_fra = $3, over_fra = $4 WHERE post = $5",
            params![Tid(begun), end, Tid(clock), over.map(Tid), post.as_str()],
        )
        .await?;
    }
    Ok(())
}

type Rad = (String, i64, Option<i64>);

fn slik(rows: Vec<Rad>, at: Tid) -> BTreeMap<String, Midlertidig> {
    let mut all: BTreeMap<String, Midlertidig> = BTreeMap::new();
    for (person, since, over) in rows {
        let stay = Midlertidig {
            siden: Tid(since),
            over_tre_maneder: over.is_some_and(|over| Tid(over) <= at),
        };
        // Two units may each have one for a person who is hidden.
        let known = all.entry(person).or_insert(stay);
        known.siden = known.siden.min(stay.siden);
        known.over_tre_maneder |= stay.over_tre_maneder;
    }
    all
}

/// Everybody who was in temporary housing at an instant.
pub(crate) async fn alle(tx: &mut Tx, at: Tid) -> Result<BTreeMap<String, Midlertidig>, Error> {
    let rows = tx
        .all(
            "SELECT person, klokke_fra, over_fra FROM opphold WHERE til > $1 AND fra <= $1",
            params![at],
        )
        .await?;
    Ok(slik(rows, at))
}

/// Whether a person is in temporary housing now.
pub(crate) async fn na(tx: &mut Tx, person: &str) -> Result<Option<Midlertidig>, Error> {
    let now = tx.now();
    let rows = tx
        .all(
            "SELECT person, klokke_fra, over_fra FROM opphold \
             WHERE person = $1 AND til > $2 AND fra <= $2",
            params![person, now],
        )
        .await?;
    Ok(slik(rows, now).remove(person))
}

/// Events of an offered or given dwelling.
const FORTELLES: [&str; 3] = ["BoligTilbudt", "LeieforholdInngatt", "BoligsakTildelt"];

/// Adds the units whose stay of the person goes on to whom those events tell, so
/// that one clock ends with the other.
pub(crate) async fn fortell(tx: &mut Tx, person: &str, out: &mut Virkninger) -> Result<(), Error> {
    let now = tx.now();
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT eier FROM opphold WHERE person = $1 AND til > $2 AND fra <= $2",
            params![person, now],
        )
        .await?;
    let told = out.hendelser.iter_mut();
    for event in told.filter(|event| FORTELLES.contains(&event.type_)) {
        for (unit,) in &rows {
            if !event.mottakere.contains(unit) {
                event.mottakere.push(unit.clone());
            }
        }
    }
    Ok(())
}

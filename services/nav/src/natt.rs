//! Tonight, and the nights before it: whether a person has an offer, and how
//! many nights began without a bed, exact for the unit's own work; published
//! with every number rounded to 5 by itself, once a month, so that neither two
//! months nor two reports can be subtracted.
//!
//! Invariant: a figure of a period that has passed is the same whenever it is
//! asked. A request that has its outcome leaves its nights behind; those of one
//! that waits are counted from the request. So are those of who is barred from
//! the bed that they have: from the stay and the bar, and left behind when either
//! ends or the person is elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    domene::{
        Dag, dokument, navn,
        periode::{self, avrund},
    },
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    page::Page,
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::nav::{
    HentNattallRequest, HentNattallResponse, HentNattilbudRequest, HentNattilbudResponse,
    HentPublisertNattallRequest, HentPublisertNattallResponse, IkkeKlartGrunn, Natt, Nattall,
    Nattgrunn, Nattilbud, Nattsvar, PubliserNattallRequest, PubliserNattallResponse,
    PublisertNattall,
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET,
    botilbud::{Botilbud, Tilstand, klokke},
    innstillinger::{Innstillinger, innstillinger},
    opphold::{Opphold, stengt},
    utestengelse,
};

// ---- tonight ---------------------------------------------------------------------

/// What a request means for tonight, and since when. None where it is of
/// another night.
fn svar(innhold: &Botilbud, tonight: Dag, settings: &Innstillinger) -> Option<(Nattsvar, Tid)> {
    let said = innhold.utfall.as_ref().map(|said| said.tid);
    let (answer, since) = match innhold.tilstand {
        Tilstand::Mottatt => (Nattsvar::Venter, innhold.melding.mottatt),
        Tilstand::IkkeKlart => (Nattsvar::IkkeKlart, said?),
        Tilstand::Avslatt if klokke::natt_av(said?, settings) == tonight => {
            (Nattsvar::Avslatt, said?)
        }
        // A bed is what the stay says, which may have ended since.
        Tilstand::Innvilget | Tilstand::Avslatt | Tilstand::Bortfalt => return None,
    };
    Some((answer, since))
}

pub(crate) async fn hent_tilbud(
    tx: &mut Tx,
    request: HentNattilbudRequest,
) -> Result<HentNattilbudResponse, Error> {
    let settings = innstillinger()?;
    let (latest, _) = lager::personens::<Botilbud>(tx, &request.parent, 1, "").await?;
    let tonight = klokke::natt_av(tx.now(), settings);
    let owner = latest.first().map_or(ENHET, |post| &post.enhet);
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let stay = stengt::i_natt(tx, &person, tonight).await?;
    let asked = latest
        .first()
        .and_then(|post| svar(&post.innhold, tonight, settings));
    // Who is barred and waits for another bed, waits; a refusal leaves them barred.
    let barred = |(answer, _): &(Nattsvar, Tid)| *answer == Nattsvar::Utestengt;
    let waits = asked.filter(|(answer, _)| *answer != Nattsvar::Avslatt);
    let answered = match stay.filter(barred) {
        Some(kept_out) => waits.or(Some(kept_out)),
        None => stay.or(asked),
    };
    let (answer, since) = answered.unzip();
    Ok(HentNattilbudResponse {
        nattilbud: Some(Nattilbud {
            name: format!("{}/nattilbud/{tonight}", request.parent),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(owner),
            natt: tonight.to_string(),
            svar: answer.unwrap_or(Nattsvar::IngenForesporsel).into(),
            siden: since.map(Into::into),
            skjerming: None,
        }),
    })
}

// ---- what a request leaves behind ------------------------------------------------

/// A request has its outcome: its nights without a bed are kept.
pub(crate) async fn skriv(tx: &mut Tx, post: &Post<Botilbud>) -> Result<(), Error> {
    for (night, reason) in post.innhold.netter_uten(tx.now(), innstillinger()?) {
        tx.execute(
            "INSERT INTO natt_uten (botilbud, natt, enhet, person, grunn) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            params![
                post.id.as_str(),
                night.to_string(),
                post.enhet.as_str(),
                post.person.as_str(),
                i64::from(i32::from(reason))
            ],
        )
        .await?;
    }
    let cash = post.innhold.innvilget.as_ref();
    if cash.is_some_and(|granted| granted.kontanter) {
        let day = Dag::av(post.innhold.slutt().unwrap_or(tx.now()));
        tx.execute(
            "INSERT INTO kontanter (botilbud, enhet, dag) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
            params![post.id.as_str(), post.enhet.as_str(), day.to_string()],
        )
        .await?;
    }
    Ok(())
}

/// The person is elsewhere, a bar ends or the stay does: the nights on which the
/// person was barred from it are kept.
pub(crate) async fn skriv_stengte(tx: &mut Tx, post: &Post<Opphold>) -> Result<(), Error> {
    for night in stengt::netter(tx, post).await? {
        tx.execute(
            "INSERT INTO natt_stengt (opphold, natt, enhet, person) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
            params![
                post.id.as_str(),
                night.to_string(),
                post.enhet.as_str(),
                post.person.as_str()
            ],
        )
        .await?;
    }
    Ok(())
}

// ---- figures ---------------------------------------------------------------------

/// Why a night began without a bed. Where there are several, the first of them
/// is told, so that the answer does not depend on when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Uten {
    /// Somebody asked and had none: why, as a number of the contract.
    Foresporsel(i32),
    /// There is a bed that the person is barred from.
    Stengt,
}

impl Uten {
    fn grunn(self) -> i32 {
        match self {
            Self::Foresporsel(grunn) => grunn,
            Self::Stengt => IkkeKlartGrunn::Utestengt.into(),
        }
    }
}

/// The figures of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tall {
    /// By night and person: a night is one, however many records say so.
    netter: BTreeMap<(String, String), Uten>,
    kontanter: i32,
}

impl Tall {
    fn tell(&mut self, natt: String, person: &str, uten: Uten) {
        let held = self.netter.entry((natt, person.to_owned())).or_insert(uten);
        *held = uten.min(*held);
    }

    fn netter(&self) -> Vec<Natt> {
        let mut nights: BTreeMap<&str, Natt> = BTreeMap::new();
        for ((night, _), why) in &self.netter {
            let of = nights.entry(night).or_default();
            match why {
                Uten::Foresporsel(0) => of.uten_utfall += 1,
                Uten::Foresporsel(_) => of.ikke_klart += 1,
                Uten::Stengt => of.utestengt += 1,
            }
        }
        let named = |(night, found): (&str, Natt)| Natt {
            natt: night.to_owned(),
            ..found
        };
        nights.into_iter().map(named).collect()
    }

    fn grunner(&self) -> Vec<Nattgrunn> {
        // Every reason has its cell, so that a missing one tells nothing.
        let all = (0..).map_while(|n| IkkeKlartGrunn::try_from(n).ok());
        let count = |reason: i32| {
            self.netter
                .values()
                .filter(|why| why.grunn() == reason)
                .count()
        };
        all.map(|reason| Nattgrunn {
            grunn: reason.into(),
            netter: antall(count(reason.into())),
        })
        .collect()
    }

    fn sum(&self) -> i32 {
        antall(self.netter.len())
    }

    fn personer(&self) -> i32 {
        let persons: BTreeSet<&str> = self.netter.keys().map(|(_, person)| &**person).collect();
        antall(persons.len())
    }
}

fn antall(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Counts the nights of a period, both ends of it included.
async fn tell(tx: &mut Tx, enhet: &str, fra: Dag, til: Dag) -> Result<Tall, Error> {
    let settings = innstillinger()?;
    let now = tx.now();
    let (first, last) = (fra.to_string(), til.to_string());
    let mut tall = Tall::default();
    let rows: Vec<(String, String, i64)> = tx
        .all(
            "SELECT natt, person, grunn FROM natt_uten \
             WHERE enhet = $1 AND natt >= $2 AND natt <= $3",
            params![enhet, first.as_str(), last.as_str()],
        )
        .await?;
    for (night, person, reason) in rows {
        let reason = i32::try_from(reason).unwrap_or_default();
        tall.tell(night, &person, Uten::Foresporsel(reason));
    }
    let rows: Vec<(String, String)> = tx
        .all(
            "SELECT natt, person FROM natt_stengt \
             WHERE enhet = $1 AND natt >= $2 AND natt <= $3",
            params![enhet, first.as_str(), last.as_str()],
        )
        .await?;
    for (night, person) in rows {
        tall.tell(night, &person, Uten::Stengt);
    }
    for person in utestengelse::utestengte(tx).await? {
        let stays = lager::apne::<Opphold>(tx, &person).await?;
        for post in stays.iter().filter(|post| post.enhet == enhet) {
            for night in stengt::netter(tx, post).await? {
                if (fra..=til).contains(&night) {
                    tall.tell(night.to_string(), &person, Uten::Stengt);
                }
            }
        }
    }
    let mut token = String::new();
    loop {
        let page = Page::parse(0, &token)?;
        let (waiting, next) = lager::enhetens::<Botilbud>(tx, enhet, &page).await?;
        for post in &waiting {
            for (night, reason) in post.innhold.netter_uten(now, settings) {
                if (fra..=til).contains(&night) {
                    let why = Uten::Foresporsel(reason.into());
                    tall.tell(night.to_string(), &post.person, why);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        token = next;
    }
    let cash: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM kontanter \
             WHERE enhet = $1 AND dag >= $2 AND dag <= $3",
            params![enhet, first.as_str(), last.as_str()],
        )
        .await?;
    tall.kontanter = cash.map_or(0, |(count,)| i32::try_from(count).unwrap_or(i32::MAX));
    Ok(tall)
}

pub(crate) async fn hent_tall(
    tx: &mut Tx,
    request: HentNattallRequest,
) -> Result<HentNattallResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let period = periode::les(&request.fra, &request.til, tx.now(), &mut faults);
    faults.finish()?;
    let (fra, til) = period.ok_or_else(|| Error::internal("no period and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    Ok(HentNattallResponse {
        nattall: Some(Nattall {
            name: format!("enheter/{enhet}/nattall/{fra}_{til}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            fra: fra.to_string(),
            til: til.to_string(),
            netter_uten: tall.sum(),
            personer: tall.personer(),
            grunner: tall.grunner(),
            kontanter: tall.kontanter,
            netter: tall.netter(),
            skjerming: None,
        }),
    })
}

/// A published month, rounded when it was published. Reasons are no part of it:
/// beside their sum they could tell of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Publisert {
    fra: Dag,
    til: Dag,
    netter_uten: i32,
    personer: i32,
    kontanter: i32,
    publisert: Tid,
}

impl Publisert {
    fn to_proto(&self, enhet: &str, id: &str) -> PublisertNattall {
        PublisertNattall {
            name: format!("nattall/{id}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(enhet),
            fra: self.fra.to_string(),
            til: self.til.to_string(),
            netter_uten: self.netter_uten,
            personer: self.personer,
            kontanter: self.kontanter,
            publisert: Some(self.publisert.into()),
            skjerming: None,
        }
    }
}

fn publisert_id(enhet: &str, maned: &str) -> String {
    format!("{enhet}_{maned}")
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserNattallRequest,
) -> Result<PubliserNattallResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    if month.is_some_and(|(_, last)| last >= Dag::av(tx.now())) {
        faults.form("maned", "en måned som er over");
    }
    faults.finish()?;
    let (fra, til) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let publisert = Publisert {
        fra,
        til,
        netter_uten: avrund(tall.sum()),
        personer: avrund(tall.personer()),
        kontanter: avrund(tall.kontanter),
        publisert: tx.now(),
    };
    let id = publisert_id(&enhet, &request.maned);
    let inserted = tx
        .execute(
            "INSERT INTO publisert_nattall (id, innhold) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            params![id.as_str(), dokument::skriv(&publisert)?],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("nattall for måneden").into());
    }
    Ok(PubliserNattallResponse {
        publisert_nattall: Some(publisert.to_proto(&enhet, &id)),
    })
}

pub(crate) async fn hent_publisert(
    tx: &mut Tx,
    request: HentPublisertNattallRequest,
) -> Result<HentPublisertNattallResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    periode::les_maned(&request.maned, &mut faults);
    faults.finish()?;
    let id = publisert_id(&enhet, &request.maned);
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM publisert_nattall WHERE id = $1",
            params![id.as_str()],
        )
        .await?;
    let (innhold,) = row.ok_or_else(Refusal::not_found)?;
    let publisert: Publisert = dokument::les(&innhold)?;
    Ok(HentPublisertNattallResponse {
        publisert_nattall: Some(publisert.to_proto(&enhet, &id)),
    })
}

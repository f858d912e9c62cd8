//! Tonight, and the nights before it: whether a person has an offer, and how
//! many nights began without a bed, exact for the unit's own work; published
//! with every number rounded to 5 by itself, once a month, so that neither two
//! months nor two reports can be subtracted.
//!
//! Invariant: a figure of a period that has passed is the same whenever it is
//! asked. A request that has its outcome leaves its nights behind; those of one
//! that waits are counted from the request.

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
    opphold,
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
    let stay = opphold::i_natt(tx, &person, tonight).await?;
    let asked = latest
        .first()
        .and_then(|post| svar(&post.innhold, tonight, settings));
    let has = |(cash, since)| {
        let answer = if cash {
            Nattsvar::Kontanter
        } else {
            Nattsvar::Tilbud
        };
        (answer, since)
    };
    let (answer, since) = stay.map(has).or(asked).unzip();
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

// ---- figures ---------------------------------------------------------------------

/// The figures of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tall {
    /// Requests without an outcome, and without a bed, by night.
    netter: BTreeMap<String, [i32; 2]>,
    personer: BTreeSet<String>,
    grunner: BTreeMap<i32, i32>,
    kontanter: i32,
}

impl Tall {
    fn tell(&mut self, natt: String, person: &str, grunn: i32) {
        let [without_outcome, without_bed] = self.netter.entry(natt).or_default();
        if grunn == i32::from(IkkeKlartGrunn::Unspecified) {
            *without_outcome += 1;
        } else {
            *without_bed += 1;
        }
        self.personer.insert(person.to_owned());
        *self.grunner.entry(grunn).or_default() += 1;
    }

    fn grunner(&self) -> Vec<Nattgrunn> {
        // Every reason has its cell, so that a missing one tells nothing.
        let all = (0..).map_while(|n| IkkeKlartGrunn::try_from(n).ok());
        let count = |reason: IkkeKlartGrunn| self.grunner.get(&i32::from(reason)).copied();
        all.map(|reason| Nattgrunn {
            grunn: reason.into(),
            netter: count(reason).unwrap_or_default(),
        })
        .collect()
    }

    fn sum(&self) -> i32 {
        self.grunner.values().sum()
    }

    fn antall_personer(&self) -> i32 {
        i32::try_from(self.personer.len()).unwrap_or(i32::MAX)
    }
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
        tall.tell(night, &person, i32::try_from(reason).unwrap_or_default());
    }
    let mut token = String::new();
    loop {
        let page = Page::parse(0, &token)?;
        let (waiting, next) = lager::enhetens::<Botilbud>(tx, enhet, &page).await?;
        for post in &waiting {
            for (night, reason) in post.innhold.netter_uten(now, settings) {
                if (fra..=til).contains(&night) {
                    tall.tell(night.to_string(), &post.person, reason.into());
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
    let nights = tall.netter.iter();
    let nights = nights.map(|(night, [without_outcome, without_bed])| Natt {
        natt: night.clone(),
        uten_utfall: *without_outcome,
        ikke_klart: *without_bed,
    });
    Ok(HentNattallResponse {
        nattall: Some(Nattall {
            name: format!("enheter/{enhet}/nattall/{fra}_{til}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            fra: fra.to_string(),
            til: til.to_string(),
            netter_uten: tall.sum(),
            personer: tall.antall_personer(),
            grunner: tall.grunner(),
            kontanter: tall.kontanter,
            netter: nights.collect(),
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
        personer: avrund(tall.antall_personer()),
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

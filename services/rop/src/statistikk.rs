//! Statistics of the unit: exact for its own work; published with every number
//! rounded to 5 by itself, once a month, so that neither two months nor two
//! reports can be subtracted, and no wait and no hours of fewer than five (P22).

use samspor_chassis::{
    domene::{
        Dag, dokument, navn,
        periode::{self, av_flere, avrund, avrund_timer, kvantil},
    },
    error::{Error, FieldFaults, Refusal},
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::rop::{
    Forlopstall, HentPublisertStatistikkRequest, HentPublisertStatistikkResponse,
    HentStatistikkRequest, HentStatistikkResponse, Kontakttall, PubliserStatistikkRequest,
    PubliserStatistikkResponse, PublisertStatistikk, Statistikk,
};
use serde::{Deserialize, Serialize};

use crate::{
    kontakt::Utfall,
    plandekning,
    tiltak::store::{self as levert, Timer},
};

/// The figures of a period.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tall {
    /// Persons in pathway 1, 2 and 3 on the last day.
    forlop: [i32; 3],
    /// Contacts by outcome, in the order of [`Utfall::ALLE`].
    kontakter: Vec<i32>,
    anonyme: i32,
    /// Persons with and without each plan on the last day.
    planer: plandekning::Tall,
    timer: Timer,
    /// Days from order to first meeting, of those first met in the period,
    /// sorted.
    ventet: Vec<i32>,
    /// Ordered, and neither met nor ended when the period ended.
    venter: i32,
}

impl Tall {
    fn forlop(&self, cell: fn(i32) -> i32) -> Vec<Forlopstall> {
        let rows = (1..).zip(self.forlop);
        rows.map(|(forlop, count)| Forlopstall {
            forlop,
            personer: cell(count),
        })
        .collect()
    }

    fn kontakter(&self, cell: fn(i32) -> i32) -> Vec<Kontakttall> {
        let rows = Utfall::ALLE.iter().zip(&self.kontakter);
        rows.map(|(utfall, count)| Kontakttall {
            utfall: utfall.kode().to_owned(),
            kontakter: cell(*count),
        })
        .collect()
    }
}

fn antall(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Counts a period of whole days, both of them in it. What is said of a period
/// that has passed does not depend on when it is asked.
async fn tell(tx: &mut Tx, enhet: &str, fra: Dag, til: Dag) -> Result<Tall, Error> {
    let (from, to) = (fra.start(), til.slutt());
    let mut tall = Tall::default();
    let count = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    for (pathway, cell) in (1..).zip(&mut tall.forlop) {
        let key: i32 = pathway;
        let persons: Option<(i64,)> = tx
            .one(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM hovedforlop WHERE ansvarlig_enhet = $1 \
                 AND nokkel = $2 AND frist >= $3 AND fra < $3",
                params![enhet, key.to_string(), to],
            )
            .await?;
        *cell = persons.map_or(0, |(persons,)| count(persons));
    }
    for utfall in Utfall::ALLE {
        let contacts: Option<(i64,)> = tx
            .one(
                "SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt WHERE ansvarlig_enhet = $1 \
                 AND utfall = $2 AND tidspunkt >= $3 AND tidspunkt < $4 AND rettelse = ''",
                params![enhet, utfall.kode(), from, to],
            )
            .await?;
        let contacts = contacts.map_or(0, |(contacts,)| count(contacts));
        tall.kontakter.push(contacts);
    }
    let anonymous: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COALESCE(SUM(antall), 0) AS BIGINT) FROM lavterskel \
             WHERE enhet = $1 AND dag >= $2 AND dag <= $3 AND rettet = 0",
            params![enhet, fra.to_string(), til.to_string()],
        )
        .await?;
    tall.anonyme = anonymous.map_or(0, |(sum,)| count(sum));
    tall.planer = plandekning::tell(tx, enhet, to).await?;
    tall.ventet = levert::ventet(tx, enhet, from, to).await?;
    tall.ventet.sort_unstable();
    tall.venter = count(levert::ventet_da(tx, enhet, to).await?);
    tall.timer = levert::timer_i(tx, enhet, fra, til).await?;
    Ok(tall)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentStatistikkRequest,
) -> Result<HentStatistikkResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let period = periode::les(&request.fra, &request.til, tx.now(), &mut faults);
    faults.finish()?;
    let (fra, til) = period.ok_or_else(|| Error::internal("no period and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let exact = |number: i32| number;
    let hours = |number: f64| (number * 100.0).round() / 100.0;
    Ok(HentStatistikkResponse {
        statistikk: Some(Statistikk {
            name: format!("enheter/{enhet}/statistikk/{fra}_{til}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            fra: fra.to_string(),
            til: til.to_string(),
            forlop: tall.forlop(exact),
            kontakter: tall.kontakter(exact),
            anonyme: tall.anonyme,
            innvilget_min: hours(tall.timer.min),
            innvilget_maks: hours(tall.timer.maks),
            levert: hours(tall.timer.levert),
            begynt: antall(tall.ventet.len()),
            ventet_median: kvantil(&tall.ventet, 50),
            ventet_lengst: kvantil(&tall.ventet, 100),
            venter: tall.venter,
            planer: plandekning::to_proto(&tall.planer, exact),
            skjerming: None,
        }),
    })
}

// ---- published -------------------------------------------------------------------

/// A published month, rounded when it was published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Publisert {
    fra: Dag,
    til: Dag,
    forlop: Vec<i32>,
    kontakter: Vec<i32>,
    /// Anonymous, granted least and most, delivered, begun, median, longest,
    /// waiting.
    resten: [i32; 8],
    /// With and without each plan; none where published before it was counted.
    #[serde(default)]
    planer: Vec<[i32; 2]>,
    publisert: Tid,
}

impl Publisert {
    fn to_proto(&self, enhet: &str, id: &str) -> PublisertStatistikk {
        let tall = Tall {
            kontakter: self.kontakter.clone(),
            ..Tall::default()
        };
        let same = |number: i32| number;
        let forlop = (1..).zip(&self.forlop).map(|(forlop, count)| Forlopstall {
            forlop,
            personer: *count,
        });
        let [
            anonyme,
            innvilget_min,
            innvilget_maks,
            levert,
            begynt,
            ventet_median,
            ventet_lengst,
            venter,
        ] = self.resten;
        PublisertStatistikk {
            name: format!("statistikk/{id}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(enhet),
            fra: self.fra.to_string(),
            til: self.til.to_string(),
            forlop: forlop.collect(),
            kontakter: tall.kontakter(same),
            anonyme,
            innvilget_min,
            innvilget_maks,
            levert,
            begynt,
            ventet_median,
            ventet_lengst,
            venter,
            publisert: Some(self.publisert.into()),
            planer: plandekning::to_proto(&self.planer, same),
            skjerming: None,
        }
    }
}

fn publisert_id(enhet: &str, maned: &str) -> String {
    format!("{enhet}_{maned}")
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserStatistikkRequest,
) -> Result<PubliserStatistikkResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &av.enhet, &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    if month.is_some_and(|(_, last)| last >= Dag::av(tx.now())) {
        faults.form("maned", "en måned som er over");
    }
    faults.finish()?;
    let (fra, til) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let Timer {
        oppdrag,
        min,
        maks,
        levert,
    } = tall.timer;
    let hours = |hours| av_flere(oppdrag, avrund_timer(hours));
    let wait = |percent| av_flere(tall.ventet.len(), avrund(kvantil(&tall.ventet, percent)));
    let rounded = [
        avrund(tall.anonyme),
        hours(min),
        hours(maks),
        hours(levert),
        avrund(antall(tall.ventet.len())),
        wait(50),
        wait(100),
        avrund(tall.venter),
    ];
    let publisert = Publisert {
        fra,
        til,
        forlop: tall.forlop.map(avrund).to_vec(),
        kontakter: tall.kontakter.iter().copied().map(avrund).collect(),
        resten: rounded,
        planer: tall.planer.map(|cells| cells.map(avrund)).to_vec(),
        publisert: tx.now(),
    };
    let id = publisert_id(&enhet, &request.maned);
    let inserted = tx
        .execute(
            "INSERT INTO publisert_statistikk (id, innhold) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
            params![id.as_str(), dokument::skriv(&publisert)?],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("statistikk for måneden").into());
    }
    Ok(PubliserStatistikkResponse {
        publisert_statistikk: Some(publisert.to_proto(&enhet, &id)),
    })
}

pub(crate) async fn hent_publisert(
    tx: &mut Tx,
    request: HentPublisertStatistikkRequest,
) -> Result<HentPublisertStatistikkResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    periode::les_maned(&request.maned, &mut faults);
    faults.finish()?;
    let id = publisert_id(&enhet, &request.maned);
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM publisert_statistikk WHERE id = $1",
            params![id.as_str()],
        )
        .await?;
    let (innhold,) = row.ok_or_else(Refusal::not_found)?;
    let publisert: Publisert = dokument::les(&innhold)?;
    Ok(HentPublisertStatistikkResponse {
        publisert_statistikk: Some(publisert.to_proto(&enhet, &id)),
    })
}

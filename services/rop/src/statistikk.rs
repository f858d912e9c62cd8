//! Statistics of the unit: exact for its own work; published with every number
//! rounded to 5 by itself, once a month, so that neither two months nor two
//! reports can be subtracted (P22).

use samspor_chassis::{
    domene::{Dag, dokument, felt, navn},
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

use crate::{kontakt::Utfall, tiltak};

/// Longest period, in days.
const LENGST: i32 = 366;

/// The figures of a period.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tall {
    /// Persons in pathway 1, 2 and 3 on the last day.
    forlop: [i32; 3],
    /// Contacts by outcome, in the order of [`Utfall::ALLE`].
    kontakter: Vec<i32>,
    anonyme: i32,
    timer: tiltak::Timer,
    /// Days from order to first meeting, of those first met in the period.
    ventet: Vec<i32>,
    /// Ordered, and neither met nor ended when the period ended.
    venter: i32,
}

impl Tall {
    fn median(&self) -> i32 {
        let mut days = self.ventet.clone();
        days.sort_unstable();
        days.get(days.len() / 2).copied().unwrap_or(0)
    }

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

/// A number as it is published: the nearest that 5 divides.
fn avrund(number: i32) -> i32 {
    number.saturating_add(2).div_euclid(5).saturating_mul(5)
}

fn antall(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "hours of a unit in a year are far below the end of i32"
)]
fn hele(hours: f64) -> i32 {
    hours.round() as i32
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
                 AND utfall = $2 AND tidspunkt >= $3 AND tidspunkt < $4",
                params![enhet, utfall.kode(), from, to],
            )
            .await?;
        let contacts = contacts.map_or(0, |(contacts,)| count(contacts));
        tall.kontakter.push(contacts);
    }
    let anonymous: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COALESCE(SUM(antall), 0) AS BIGINT) FROM lavterskel \
             WHERE enhet = $1 AND dag >= $2 AND dag <= $3",
            params![enhet, fra.to_string(), til.to_string()],
        )
        .await?;
    tall.anonyme = anonymous.map_or(0, |(sum,)| count(sum));
    tall.ventet = tiltak::ventet(tx, enhet, from, to).await?;
    tall.venter = count(tiltak::ventet_da(tx, enhet, to).await?);
    tall.timer = tiltak::timer_i(tx, enhet, fra, til).await?;
    Ok(tall)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentStatistikkRequest,
) -> Result<HentStatistikkResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let fra = felt::pakrevd_dag(&request.fra, "fra", &mut faults);
    let til = felt::pakrevd_dag(&request.til, "til", &mut faults);
    if let (Some(fra), Some(til)) = (fra, til) {
        if til < fra {
            faults.contradicts("til", "fra", "siste dag er før første");
        } else if til > fra.pluss_dager(LENGST) {
            faults.form("til", format_args!("en dag høyst {LENGST} dager etter fra"));
        }
        if til >= Dag::av(tx.now()) {
            faults.form("til", "en dag som er over");
        }
    }
    faults.finish()?;
    let (Some(fra), Some(til)) = (fra, til) else {
        return Err(Error::internal("no period and no fault"));
    };
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
            ventet_median: tall.median(),
            ventet_lengst: tall.ventet.iter().copied().max().unwrap_or(0),
            venter: tall.venter,
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
            skjerming: None,
        }
    }
}

/// First and last day of a month `YYYY-MM`.
fn les_maned(maned: &str, faults: &mut FieldFaults) -> Option<(Dag, Dag)> {
    if maned.is_empty() {
        faults.missing("maned");
        return None;
    }
    let first: Option<Dag> = format!("{maned}-01").parse().ok();
    if first.is_none() {
        faults.form("maned", "YYYY-MM");
    }
    first.map(|first| (first, first.pluss_maneder(1).pluss_dager(-1)))
}

fn publisert_id(enhet: &str, maned: &str) -> String {
    format!("{enhet}_{maned}")
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserStatistikkRequest,
) -> Result<PubliserStatistikkResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &mut faults);
    let month = les_maned(&request.maned, &mut faults);
    if month.is_some_and(|(_, last)| last >= Dag::av(tx.now())) {
        faults.form("maned", "en måned som er over");
    }
    faults.finish()?;
    let (fra, til) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let rounded = [
        tall.anonyme,
        hele(tall.timer.min),
        hele(tall.timer.maks),
        hele(tall.timer.levert),
        antall(tall.ventet.len()),
        tall.median(),
        tall.ventet.iter().copied().max().unwrap_or(0),
        tall.venter,
    ]
    .map(avrund);
    let publisert = Publisert {
        fra,
        til,
        forlop: tall.forlop.map(avrund).to_vec(),
        kontakter: tall.kontakter.iter().copied().map(avrund).collect(),
        resten: rounded,
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
    les_maned(&request.maned, &mut faults);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_are_those_that_5_divides() {
        for (exact, published) in [(0, 0), (2, 0), (3, 5), (7, 5), (8, 10), (12, 10), (13, 15)] {
            assert_eq!(avrund(exact), published, "{exact}");
        }
    }

    #[test]
    fn a_month_has_its_own_last_day() {
        for (maned, last) in [
            ("2026-02", Some("2026-02-28")),
            ("2028-02", Some("2028-02-29")),
            ("2026-12", Some("2026-12-31")),
            ("2026-13", None),
            ("2026-1", None),
            ("2026", None),
            ("", None),
        ] {
            let mut faults = FieldFaults::new();
            let read = les_maned(maned, &mut faults).map(|(_, last)| last.to_string());
            assert_eq!(read.as_deref(), last, "{maned}");
            assert_eq!(faults.is_empty(), last.is_some());
        }
    }
}

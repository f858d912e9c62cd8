//! Figures of a unit: how long people wait, and what is granted against what is
//! delivered, for every unit that applications or orders go to. Exact for the
//! unit's own; published with every number rounded to 5 by itself, once a
//! month, so that neither two months nor two reports can be subtracted, and no
//! wait and no hours of fewer than five (P22).
//!
//! What is said of a period that has passed does not depend on when it is
//! asked, but for hours that an amendment changed for the order as a whole.

use std::collections::BTreeMap;

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
use samspor_proto::{
    bestillerkontor::{
        Bestillingstall, Enhetstall, HentBestillingstallRequest, HentBestillingstallResponse,
        HentPubliserteBestillingstallRequest, HentPubliserteBestillingstallResponse,
        PubliserBestillingstallRequest, PubliserBestillingstallResponse, PubliserteBestillingstall,
        PubliserteEnhetstall, Ventetid, Ventetidstype,
    },
    felles::Feilgrunn,
};
use serde::{Deserialize, Serialize};

use crate::oppdrag;

/// Rows that are held at a time.
const PORSJON: i64 = 500;

const FORELOPIG: &str = "SELECT mottatt, forelopig FROM soknad \
    WHERE ansvarlig_enhet = $1 AND forelopig >= $2 AND forelopig < $3";
const VEDTATT: &str = "SELECT mottatt, vedtatt FROM soknad \
    WHERE ansvarlig_enhet = $1 AND vedtatt >= $2 AND vedtatt < $3";
const STARTET_HER: &str = "SELECT tilbudt, startet FROM oppdrag \
    WHERE enhet = $1 AND startet >= $2 AND startet < $3";
const STARTET_BESTILT: &str = "SELECT tilbudt, startet FROM oppdrag \
    WHERE bestiller = $1 AND startet >= $2 AND startet < $3 AND enhet <> $1";
const HER: &str = "SELECT id, slutt, enhet, innhold FROM oppdrag \
    WHERE enhet = $1 AND (slutt, id) > ($2, $3) ORDER BY slutt, id LIMIT $4";
const BESTILT: &str = "SELECT id, slutt, enhet, innhold FROM oppdrag \
    WHERE bestiller = $1 AND (slutt, id) > ($2, $3) AND enhet <> $1 \
    ORDER BY slutt, id LIMIT $4";

/// Orders to one unit that touch a period.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tall {
    oppdrag: i32,
    min: f64,
    maks: f64,
    levert: f64,
    venter_svar: i32,
    venter_start: i32,
    uten_levering: i32,
}

/// The figures of a period.
#[derive(Debug, Default)]
struct Periodetall {
    /// Days of each wait that ended, sorted, in the order of [`VENTETIDER`].
    ventet: [Vec<i32>; 3],
    enheter: BTreeMap<String, Tall>,
}

const VENTETIDER: [Ventetidstype; 3] = [
    Ventetidstype::ForelopigSvar,
    Ventetidstype::Vedtak,
    Ventetidstype::Start,
];

impl Periodetall {
    /// `of` gives what is said of so many who waited.
    fn ventetider(&self, of: fn(usize, i32) -> i32, cell: fn(i32) -> i32) -> Vec<Ventetid> {
        let waits = VENTETIDER.iter().zip(&self.ventet);
        let row = |(type_, days): (&Ventetidstype, &Vec<i32>)| Ventetid {
            r#type: (*type_).into(),
            antall: cell(i32::try_from(days.len()).unwrap_or(i32::MAX)),
            median: cell(of(days.len(), kvantil(days, 50))),
            ni_av_ti: cell(of(days.len(), kvantil(days, 90))),
        };
        waits.map(row).collect()
    }
}

/// Days of a period that an order covers: from its first day to its last, or
/// the day on which it ended.
fn dager(fra: Dag, til: Dag, first: Dag, last: Option<Dag>) -> i32 {
    let (from, to) = (fra.max(first), last.map_or(til, |last| last.min(til)));
    from.dager_til(to).saturating_add(1).max(0)
}

impl Tall {
    /// Counts one order. `ended` is when it ended, far ahead while it goes on.
    fn tell(&mut self, order: &oppdrag::Innhold, ended: Tid, fra: Dag, til: Dag) {
        let end = til.slutt();
        if order.tilbudt >= end {
            return;
        }
        let answered = order.besvart.as_ref().map(|(at, _)| *at);
        let open = ended >= end;
        self.oppdrag += 1;
        self.venter_svar += i32::from(open && answered.is_none_or(|at| at >= end));
        let started = order.startet.filter(|at| *at < end);
        let accepted = answered.is_some_and(|at| at < end) && order.avvist.is_none();
        self.venter_start += i32::from(open && accepted && started.is_none());
        if order.avvist.is_some() {
            return;
        }
        let ordered = &order.bestilling;
        let day_of_end = (ended < end).then(|| Dag::av(ended));
        let last = match (ordered.til, day_of_end) {
            (Some(til), Some(end)) => Some(til.min(end)),
            (til, end) => til.or(end),
        };
        let weeks = f64::from(dager(fra, til, ordered.fra, last)) / 7.0;
        self.min += ordered.min_timer * weeks;
        self.maks += ordered.maks_timer * weeks;
        let mut reported = 0.0;
        for report in &order.rapporter {
            let whole = dager(report.fra, report.til, report.fra, None);
            let within = dager(fra, til, report.fra, Some(report.til));
            reported += report.timer * f64::from(within) / f64::from(whole.max(1));
        }
        self.levert += reported;
        self.uten_levering += i32::from(started.is_some() && reported <= 0.0);
    }
}

/// Counts a period of whole days, both of them in it.
async fn tell(tx: &mut Tx, enhet: &str, fra: Dag, til: Dag) -> Result<Periodetall, Error> {
    let (from, to) = (fra.start(), til.slutt());
    let mut tall = Periodetall::default();
    let statements: [&[&'static str]; 3] =
        [&[FORELOPIG], &[VEDTATT], &[STARTET_HER, STARTET_BESTILT]];
    for (waits, statements) in tall.ventet.iter_mut().zip(statements) {
        for sql in statements {
            let rows: Vec<(Tid, Tid)> = tx.all(sql, params![enhet, from, to]).await?;
            // 0: it began before that was kept.
            let known = rows.iter().filter(|(began, _)| began.0 > 0);
            waits.extend(known.map(|(began, ended)| Dag::av(*began).dager_til(Dag::av(*ended))));
        }
        waits.sort_unstable();
    }
    for sql in [HER, BESTILT] {
        // What ended at the first instant has no part in the period.
        let mut after = (from, "z".to_owned());
        loop {
            let page = params![enhet, after.0, after.1.as_str(), PORSJON];
            let rows: Vec<(String, Tid, String, String)> = tx.all(sql, page).await?;
            let Some((id, ended, ..)) = rows.last() else {
                break;
            };
            after = (*ended, id.clone());
            for (_, ended, unit, innhold) in rows {
                let order: oppdrag::Innhold = dokument::les(&innhold)?;
                let of_unit = tall.enheter.entry(unit).or_default();
                of_unit.tell(&order, ended, fra, til);
            }
        }
    }
    tall.enheter.retain(|_, of_unit| of_unit.oppdrag > 0);
    Ok(tall)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBestillingstallRequest,
) -> Result<HentBestillingstallResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let period = periode::les(&request.fra, &request.til, tx.now(), &mut faults);
    faults.finish()?;
    let (fra, til) = period.ok_or_else(|| Error::internal("no period and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let hours = |number: f64| (number * 100.0).round() / 100.0;
    let unit = |(unit, tall): (&String, &Tall)| Enhetstall {
        enhet: navn::enhet(unit),
        oppdrag: tall.oppdrag,
        innvilget_min: hours(tall.min),
        innvilget_maks: hours(tall.maks),
        levert: hours(tall.levert),
        venter_svar: tall.venter_svar,
        venter_start: tall.venter_start,
        uten_levering: tall.uten_levering,
    };
    Ok(HentBestillingstallResponse {
        bestillingstall: Some(Bestillingstall {
            name: format!("enheter/{enhet}/bestillingstall/{fra}_{til}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            fra: fra.to_string(),
            til: til.to_string(),
            ventetider: tall.ventetider(|_, number| number, |number| number),
            enheter: tall.enheter.iter().map(unit).collect(),
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
    /// Number, median and nine of ten, in the order of [`VENTETIDER`].
    ventetider: Vec<[i32; 3]>,
    /// Orders, granted least and most, delivered, the three that wait.
    enheter: BTreeMap<String, [i32; 7]>,
    publisert: Tid,
}

impl Publisert {
    fn to_proto(&self, enhet: &str, id: &str) -> PubliserteBestillingstall {
        let waits = VENTETIDER.iter().zip(&self.ventetider);
        let wait = |(type_, row): (&Ventetidstype, &[i32; 3])| {
            let [antall, median, ni_av_ti] = *row;
            Ventetid {
                r#type: (*type_).into(),
                antall,
                median,
                ni_av_ti,
            }
        };
        let unit = |(unit, row): (&String, &[i32; 7])| {
            let [oppdrag, min, maks, levert, svar, start, uten] = *row;
            PubliserteEnhetstall {
                enhet: navn::enhet(unit),
                oppdrag,
                innvilget_min: min,
                innvilget_maks: maks,
                levert,
                venter_svar: svar,
                venter_start: start,
                uten_levering: uten,
            }
        };
        PubliserteBestillingstall {
            name: format!("bestillingstall/{id}"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(enhet),
            fra: self.fra.to_string(),
            til: self.til.to_string(),
            ventetider: waits.map(wait).collect(),
            enheter: self.enheter.iter().map(unit).collect(),
            publisert: Some(self.publisert.into()),
            skjerming: None,
        }
    }
}

pub(crate) async fn publiser(
    tx: &mut Tx,
    request: PubliserBestillingstallRequest,
) -> Result<PubliserBestillingstallResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let month = periode::les_maned(&request.maned, &mut faults);
    if month.is_some_and(|(_, last)| last >= Dag::av(tx.now())) {
        faults.form("maned", "en måned som er over");
    }
    faults.finish()?;
    if tx.call().actor.enhet != enhet {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W3")
            .with("rad", "En enhet publiserer bare sine egne tall.")
            .into());
    }
    let (fra, til) = month.ok_or_else(|| Error::internal("no month and no fault"))?;
    let tall = tell(tx, &enhet, fra, til).await?;
    let waits = tall.ventetider(av_flere, avrund);
    let unit = |(unit, tall): (&String, &Tall)| {
        let orders = usize::try_from(tall.oppdrag).unwrap_or(0);
        let hours = |hours| av_flere(orders, avrund_timer(hours));
        let row = [
            avrund(tall.oppdrag),
            hours(tall.min),
            hours(tall.maks),
            hours(tall.levert),
            avrund(tall.venter_svar),
            avrund(tall.venter_start),
            avrund(tall.uten_levering),
        ];
        (unit.clone(), row)
    };
    let publisert = Publisert {
        fra,
        til,
        ventetider: waits
            .iter()
            .map(|w| [w.antall, w.median, w.ni_av_ti])
            .collect(),
        enheter: tall.enheter.iter().map(unit).collect(),
        publisert: tx.now(),
    };
    let id = format!("{enhet}_{}", request.maned);
    let inserted = tx
        .execute(
            "INSERT INTO publiserte_tall (id, innhold) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            params![id.as_str(), dokument::skriv(&publisert)?],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("tall for måneden").into());
    }
    Ok(PubliserBestillingstallResponse {
        publiserte_bestillingstall: Some(publisert.to_proto(&enhet, &id)),
    })
}

pub(crate) async fn hent_publiserte(
    tx: &mut Tx,
    request: HentPubliserteBestillingstallRequest,
) -> Result<HentPubliserteBestillingstallResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    periode::les_maned(&request.maned, &mut faults);
    faults.finish()?;
    let id = format!("{enhet}_{}", request.maned);
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM publiserte_tall WHERE id = $1",
            params![id.as_str()],
        )
        .await?;
    let (innhold,) = row.ok_or_else(Refusal::not_found)?;
    let publisert: Publisert = dokument::les(&innhold)?;
    Ok(HentPubliserteBestillingstallResponse {
        publiserte_bestillingstall: Some(publisert.to_proto(&enhet, &id)),
    })
}

//! Plandekning: who of the persons to whom the unit delivers has a plan of
//! treatment, a crisis plan, a primary contact and a main pathway (S7: it could
//! not be counted per unit).
//!
//! Kept beside the records, in the transaction that changes them: a row for
//! each person with an open tiltak and each plan, from when to when it was so.
//! So a count reads an index, a list of who lacks one begins where the page
//! does, and a month that has passed is counted as it was.

use samspor_chassis::{
    domene::{felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    felles::Feilgrunn,
    rop::{
        HentPlandekningRequest, HentPlandekningResponse, ListPlanmanglerRequest,
        ListPlanmanglerResponse, Plandekning, Planmangel, Plantall, Plantype,
    },
};

use crate::{ENHET, lager::APENT};

/// The plans, as they are counted and listed.
pub(crate) const PLANER: [Plantype; 4] = [
    Plantype::Behandlingsplan,
    Plantype::Kriseplan,
    Plantype::Primaerkontakt,
    Plantype::Hovedforlop,
];

/// Persons who have each of [`PLANER`], and who lack it.
pub(crate) type Tall = [[i32; 2]; 4];

/// As the contract carries them.
pub(crate) fn to_proto(tall: &[[i32; 2]], cell: fn(i32) -> i32) -> Vec<Plantall> {
    let rows = PLANER.into_iter().zip(tall);
    rows.map(|(plan, [har, mangler])| Plantall {
        plan: plan.into(),
        har: cell(*har),
        mangler: cell(*mangler),
    })
    .collect()
}

/// Something that is counted here changed for the person.
pub(crate) async fn oppdater(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let now = tx.now();
    let found: Option<(i64, i64, i64, i64, i64)> = tx
        .one(
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM tiltak \
               WHERE person = $1 AND tilstand = 'APEN') THEN 1 ELSE 0 END AS BIGINT), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM behandlingsplan \
               WHERE person = $1 AND tilstand = 'APEN') THEN 1 ELSE 0 END AS BIGINT), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM kriseplan \
               WHERE person = $1 AND nyeste = 1) THEN 1 ELSE 0 END AS BIGINT), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM primaerkontakt \
               WHERE person = $1 AND tilstand = 'APEN') THEN 1 ELSE 0 END AS BIGINT), \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM hovedforlop \
               WHERE person = $1 AND tilstand = 'APEN') THEN 1 ELSE 0 END AS BIGINT)",
            params![person],
        )
        .await?;
    let (served, treatment, crisis, contact, pathway) = found.unwrap_or_default();
    let known: Vec<(i64, i64, Tid)> = tx
        .all(
            "SELECT plan, har, fra FROM plandekning \
             WHERE person = $1 AND til = 9223372036854775807",
            params![person],
        )
        .await?;
    for (plan, has) in PLANER
        .into_iter()
        .zip([treatment, crisis, contact, pathway])
    {
        let plan = i64::from(i32::from(plan));
        let before = known.iter().find(|(known, ..)| *known == plan);
        if before.map(|(_, had, _)| *had) == (served == 1).then_some(has) {
            continue;
        }
        if let Some((_, _, since)) = before {
            // What held for no time leaves no row.
            let sql = if *since == now {
                "DELETE FROM plandekning WHERE person = $1 AND plan = $2 AND fra = $3 \
                 AND til = 9223372036854775807"
            } else {
                "UPDATE plandekning SET til = $3 WHERE person = $1 AND plan = $2 \
                 AND til = 9223372036854775807"
            };
            tx.execute(sql, params![person, plan, now]).await?;
        }
        if served == 1 {
            tx.execute(
                "INSERT INTO plandekning (person, plan, enhet, har, fra, til) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                params![person, plan, ENHET, has, now, APENT],
            )
            .await?;
        }
    }
    Ok(())
}

/// Counts what held just before an instant.
pub(crate) async fn tell(tx: &mut Tx, enhet: &str, da: Tid) -> Result<Tall, Error> {
    let mut tall = Tall::default();
    for (plan, cells) in PLANER.into_iter().zip(&mut tall) {
        for (has, cell) in [1_i64, 0].into_iter().zip(cells) {
            let persons: Option<(i64,)> = tx
                .one(
                    "SELECT CAST(COUNT(*) AS BIGINT) FROM plandekning WHERE enhet = $1 \
                     AND plan = $2 AND har = $3 AND til >= $4 AND fra < $4",
                    params![enhet, i64::from(i32::from(plan)), has, da],
                )
                .await?;
            *cell = persons.map_or(0, |(count,)| i32::try_from(count).unwrap_or(i32::MAX));
        }
    }
    Ok(tall)
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentPlandekningRequest,
) -> Result<HentPlandekningResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let now = tx.now();
    // What changed at this very instant is in it.
    let tall = tell(tx, &enhet, Tid(now.0.saturating_add(1))).await?;
    let [[has, lacks], ..] = tall;
    Ok(HentPlandekningResponse {
        plandekning: Some(Plandekning {
            name: format!("enheter/{enhet}/plandekning/na"),
            etag: String::new(),
            ansvarlig_enhet: navn::enhet(&enhet),
            personer: has.saturating_add(lacks),
            planer: to_proto(&tall, |number| number),
            tidspunkt: Some(now.into()),
            skjerming: None,
        }),
    })
}

/// Name of a plan in a resource name.
fn samling(plan: Plantype) -> &'static str {
    match plan {
        Plantype::Kriseplan => "kriseplan",
        Plantype::Primaerkontakt => "primaerkontakt",
        Plantype::Hovedforlop => "hovedforlop",
        Plantype::Behandlingsplan | Plantype::Unspecified => "behandlingsplan",
    }
}

/// A person who lacks a plan: plan, person, since when.
type Row = (i64, String, Tid);

fn mangel(enhet: &str, (plan, person, since): Row) -> Planmangel {
    let plan = i32::try_from(plan).ok().and_then(|n| n.try_into().ok());
    let plan = plan.unwrap_or(Plantype::Unspecified);
    Planmangel {
        name: navn::post(&person, "planmangler", samling(plan)),
        etag: String::new(),
        ansvarlig_enhet: navn::enhet(enhet),
        plan: plan.into(),
        // Without one it is from before this was kept.
        siden: (since.0 > 0).then(|| since.into()),
        skjerming: None,
    }
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListPlanmanglerRequest,
) -> Result<ListPlanmanglerResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let plan: Option<Plantype> =
        felt::filter(request.plan, "plan", "samspor.rop.v1.Plantype", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (after_plan, after): (i64, &str) = match page.after() {
        None => (0, ""),
        Some(key) => key
            .split_once('_')
            .and_then(|(plan, person)| Some((plan.parse().ok()?, person)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<Row> = match plan {
        Some(plan) => {
            tx.all(
                "SELECT plan, person, fra FROM plandekning WHERE enhet = $1 AND plan = $2 \
                 AND til = 9223372036854775807 AND har = 0 AND person > $3 \
                 ORDER BY person LIMIT $4",
                params![
                    enhet.as_str(),
                    i64::from(i32::from(plan)),
                    after,
                    page.limit()
                ],
            )
            .await?
        }
        None => {
            tx.all(
                "SELECT plan, person, fra FROM plandekning WHERE enhet = $1 \
                 AND til = 9223372036854775807 AND har = 0 AND (plan, person) > ($2, $3) \
                 ORDER BY plan, person LIMIT $4",
                params![enhet.as_str(), after_plan, after, page.limit()],
            )
            .await?
        }
    };
    let (rows, next_page_token) = page.cut(rows, |row| format!("{}_{}", row.0, row.1));
    Ok(ListPlanmanglerResponse {
        planmangler: rows.into_iter().map(|row| mangel(&enhet, row)).collect(),
        next_page_token,
    })
}

//! Rows of `nodtilgang`.

use samspor_chassis::{
    error::Error,
    params,
    store::{Tx, etag::ensure_affected},
    tid::Tid,
};
use samspor_proto::{felles::Rolle, gateway::NodtilgangTilstand, klassifisering::Klasser};
use sqlx::{FromRow, Row as _, any::AnyRow};

use super::{Review, Session};

/// A stored session, and its place in the unit's list.
pub(in crate::own) struct Stored(pub Session, pub String);

impl FromRow<'_, AnyRow> for Stored {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let state: i64 = row.try_get("tilstand")?;
        let classes: i64 = row.try_get("klasser")?;
        let ended: i64 = row.try_get("avsluttet")?;
        let reviewer: String = row.try_get("gjennomgatt_ansatt")?;
        let role: i64 = row.try_get("gjennomgatt_rolle")?;
        let review = if reviewer.is_empty() {
            None
        } else {
            Some(Review {
                enhet: row.try_get("gjennomgatt_enhet")?,
                ansatt: reviewer,
                rolle: role_from(role),
                vurdering: row.try_get("vurdering")?,
            })
        };
        let session = Session {
            rolle: role_from(row.try_get("rolle")?),
            id: row.try_get("id")?,
            person: row.try_get("person")?,
            enhet: row.try_get("enhet")?,
            ansatt: row.try_get("ansatt")?,
            tilstand: i32::try_from(state)
                .ok()
                .and_then(|n| NodtilgangTilstand::try_from(n).ok())
                .unwrap_or_default(),
            begrunnelse: row.try_get("begrunnelse")?,
            klasser: Klasser::fra_bits(u32::try_from(classes).unwrap_or_default()),
            startet: Tid(row.try_get("startet")?),
            utloper: Tid(row.try_get("utloper")?),
            avsluttet: (ended != 0).then_some(Tid(ended)),
            frist: Tid(row.try_get("frist")?),
            gjennomgang: review,
            versjon: row.try_get("versjon")?,
        };
        Ok(Self(session, row.try_get("ko")?))
    }
}

fn role_from(number: i64) -> Rolle {
    let number = i32::try_from(number).ok();
    number
        .and_then(|n| Rolle::try_from(n).ok())
        .unwrap_or_default()
}

/// Waiting ones first, then by start: ids grow with time.
fn place(session: &Session) -> String {
    let reviewed = session.gjennomgang.is_some();
    format!("{}-{}", u8::from(reviewed), session.id)
}

pub(super) async fn insert(tx: &mut Tx, session: &Session) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO nodtilgang (id, person, enhet, ansatt, tilstand, begrunnelse, klasser, startet, utloper, \
         avsluttet, frist, gjennomgatt_enhet, gjennomgatt_ansatt, gjennomgatt_rolle, vurdering, versjon, ko, rolle) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, '', '', 0, '', $11, $12, $13)",
        params![
            session.id.clone(),
            session.person.clone(),
            session.enhet.clone(),
            session.ansatt.clone(),
            i64::from(session.tilstand as i32),
            session.begrunnelse.clone(),
            i64::from(session.klasser.bits()),
            session.startet,
            session.utloper,
            session.frist,
            session.versjon,
            place(session),
            i64::from(session.rolle as i32),
        ],
    )
    .await?;
    Ok(())
}

/// Stores the next version of a session.
pub(super) async fn update(tx: &mut Tx, session: &Session) -> Result<(), Error> {
    let (unit, employee, role, finding) = session.gjennomgang.as_ref().map_or_else(
        || (String::new(), String::new(), 0, String::new()),
        |review| {
            let role = i64::from(review.rolle as i32);
            (
                review.enhet.clone(),
                review.ansatt.clone(),
                role,
                review.vurdering.clone(),
            )
        },
    );
    let changed = tx
        .execute(
            "UPDATE nodtilgang SET tilstand = $1, avsluttet = $2, gjennomgatt_enhet = $3, gjennomgatt_ansatt = $4, \
             gjennomgatt_rolle = $5, vurdering = $6, versjon = $7, ko = $8 WHERE id = $9 AND versjon < $7",
            params![
                i64::from(session.tilstand as i32),
                session.avsluttet.map_or(0, |ended| ended.0),
                unit,
                employee,
                role,
                finding,
                session.versjon,
                place(session),
                session.id.clone(),
            ],
        )
        .await?;
    ensure_affected(changed)
}

pub(super) async fn get(tx: &mut Tx, person: &str, id: &str) -> Result<Option<Session>, Error> {
    let row: Option<Stored> = tx
        .one(
            "SELECT * FROM nodtilgang WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    Ok(row.map(|Stored(session, _)| session))
}

/// Sessions that an employee has started since an instant.
pub(super) async fn started_since(tx: &mut Tx, employee: &str, since: Tid) -> Result<i64, Error> {
    let count: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM nodtilgang WHERE ansatt = $1 AND startet > $2",
            params![employee, since],
        )
        .await?;
    Ok(count.map_or(0, |(n,)| n))
}

/// A unit's sessions after a place; `only_waiting` stops before the reviewed.
pub(super) async fn of_unit(
    tx: &mut Tx,
    unit: &str,
    after: &str,
    only_waiting: bool,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let end = if only_waiting { "1" } else { "2" };
    tx.all(
        "SELECT * FROM nodtilgang WHERE enhet = $1 AND ko > $2 AND ko < $3 ORDER BY ko LIMIT $4",
        params![unit, after, end, limit],
    )
    .await
}

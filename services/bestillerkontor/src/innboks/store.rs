//! SQL of the work lists.

use samspor_chassis::{
    error::{Error, Refusal},
    page::Page,
    params,
    store::{self, NewDeadline, Tx},
    tid::Tid,
};
use samspor_proto::felles::Feilgrunn;

use super::Ventepost;

type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    Tid,
    Tid,
    i64,
);

/// The row of a deadline in the list of a unit.
pub(super) fn rad(tx: &Tx, deadline: &NewDeadline, enhet: &str, venter_pa: &str) -> store::Row {
    vec![
        tx.new_id().into(),
        enhet.into(),
        deadline.post.as_str().into(),
        deadline.kind.into(),
        deadline.person.as_str().into(),
        venter_pa.into(),
        tx.now().into(),
        deadline.due.into(),
        0.into(),
    ]
}

/// Puts deadlines in the lists of units, or moves them there: what was broken has
/// waited since it was first set, the rest since now.
pub(super) async fn sett(tx: &mut Tx, rows: Vec<store::Row>) -> Result<(), Error> {
    tx.insert(
        "INSERT INTO ventepost (id, enhet, post, type, person, venter_pa, siden, frist, brutt) VALUES ",
        " ON CONFLICT (post, type, enhet) \
         DO UPDATE SET venter_pa = excluded.venter_pa, frist = excluded.frist, brutt = 0, \
         siden = CASE ventepost.brutt WHEN 1 THEN ventepost.siden ELSE excluded.siden END",
        rows,
    )
    .await?;
    Ok(())
}

/// It waits no longer.
pub(crate) async fn slett(tx: &mut Tx, post: &str, kind: &str) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM ventepost WHERE post = $1 AND type = $2",
        params![post, kind],
    )
    .await?;
    Ok(())
}

/// Whether somebody waits for it.
pub(crate) async fn venter(tx: &mut Tx, post: &str, kind: &str) -> Result<bool, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT id FROM ventepost WHERE post = $1 AND type = $2 LIMIT 1",
            params![post, kind],
        )
        .await?;
    Ok(row.is_some())
}

/// Records of a person that something of a kind waits about.
pub(super) async fn personens(tx: &mut Tx, person: &str, kind: &str) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT post FROM ventepost WHERE person = $1 AND type = $2",
            params![person, kind],
        )
        .await?;
    Ok(rows.into_iter().map(|(post,)| post).collect())
}

/// Its time has passed, and it still waits.
pub(crate) async fn brutt(tx: &mut Tx, post: &str, kind: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE ventepost SET brutt = 1 WHERE post = $1 AND type = $2",
        params![post, kind],
    )
    .await?;
    Ok(())
}

/// One page of what a unit sees, that with the earliest deadline first.
pub(crate) async fn enhetens(
    tx: &mut Tx,
    enhet: &str,
    page: &Page,
) -> Result<(Vec<Ventepost>, String), Error> {
    let (frist, after) = match page.after() {
        None => (i64::MIN, ""),
        Some(key) => key
            .split_once('|')
            .and_then(|(due, id)| Some((due.parse().ok()?, id)))
            .ok_or_else(|| Refusal::new(Feilgrunn::UgyldigSidetoken))?,
    };
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, enhet, post, type, person, venter_pa, siden, frist, brutt FROM ventepost \
             WHERE enhet = $1 AND (frist, id) > ($2, $3) ORDER BY frist, id LIMIT $4",
            params![enhet, frist, after, page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| format!("{}|{}", row.7.0, row.0));
    let waiting = rows
        .into_iter()
        .map(
            |(id, enhet, post, type_, person, venter_pa, siden, frist, brutt)| Ventepost {
                id,
                enhet,
                post,
                type_,
                person,
                venter_pa,
                siden,
                frist,
                brutt: brutt != 0,
            },
        )
        .collect();
    Ok((waiting, next))
}

//! SQL of the versions of an application, and of who stood on the list when.

use std::collections::{BTreeMap, BTreeSet};

use samspor_chassis::{
    domene::dokument,
    error::{Error, Refusal},
    lager::{self, APENT, Post},
    params,
    store::{Row, Tx},
    tid::Tid,
};
use samspor_proto::boligkontor::Tildelingstype;

use super::{Behov, Boligsak, Tilstand, ko::Ventende};
use crate::{behov, bolig::typenokkel, reservasjon::Reservasjon};

/// Columns of a version.
pub(crate) const VERSJON_INN: &str = "INSERT INTO boligsak_versjon (sak, versjon, innhold) VALUES ";
/// Columns of a place on the list.
pub(crate) const KO_INN: &str = "INSERT INTO ko (sak, versjon, person, enhet, tildelingstype, \
     fra, til, siden, grunner, behov, tildelt) VALUES ";

/// The values of a version.
pub(crate) fn versjonsrad(post: &Post<Boligsak>) -> Result<Row, Error> {
    let innhold = dokument::skriv(&post.innhold)?;
    Ok(vec![
        post.id.as_str().into(),
        post.versjon.into(),
        innhold.into(),
    ])
}

/// The values of a place on the list.
pub(crate) fn korad(
    post: &Post<Boligsak>,
    (fra, til): (Tid, Tid),
    tildelt: bool,
) -> Result<Row, Error> {
    let waits = Ventende::av(post);
    Ok(vec![
        post.id.as_str().into(),
        post.versjon.into(),
        post.person.as_str().into(),
        post.enhet.as_str().into(),
        typenokkel(post.innhold.tildelingstype).into(),
        fra.into(),
        til.into(),
        waits.siden.into(),
        dokument::skriv(&waits.grunner)?.into(),
        dokument::skriv(&post.innhold.soknad.behov)?.into(),
        i64::from(tildelt).into(),
    ])
}

async fn behold(tx: &mut Tx, post: &Post<Boligsak>) -> Result<(), Error> {
    tx.insert(VERSJON_INN, "", vec![versjonsrad(post)?]).await?;
    behov::store::noter_sak(tx, post).await
}

/// Whether there is one with that id.
pub(crate) async fn finnes(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let sql = "SELECT CAST(1 AS BIGINT) FROM boligsak WHERE id = $1";
    let row: Option<(i64,)> = tx.one(sql, params![id]).await?;
    Ok(row.is_some())
}

/// Stores a new application.
pub(crate) async fn sett_inn(tx: &mut Tx, post: &Post<Boligsak>) -> Result<(), Error> {
    lager::legg_til(tx, post).await?;
    behold(tx, post).await
}

/// Stores a change, keeps the version, and says from when it stands on the list
/// so, or no more.
pub(crate) async fn lagre(tx: &mut Tx, post: &mut Post<Boligsak>) -> Result<(), Error> {
    lager::lagre(tx, post).await?;
    behold(tx, post).await?;
    let sak = &post.innhold;
    let now = tx.now();
    let allocated = sak.tilstand == Tilstand::Tildelt;
    tx.execute(
        // A clock that went back makes no period that ends before it began.
        "UPDATE ko SET til = CASE WHEN fra > $1 THEN fra ELSE $1 END, tildelt = $2 \
         WHERE sak = $3 AND til = $4",
        params![now, i64::from(allocated), post.id.as_str(), APENT],
    )
    .await?;
    if sak.tilstand != Tilstand::Godkjent {
        return Ok(());
    }
    let row = korad(post, (now, APENT), false)?;
    tx.insert(KO_INN, "", vec![row]).await?;
    Ok(())
}

/// The application as it was in a version.
pub(crate) async fn versjon(
    tx: &mut Tx,
    mut post: Post<Boligsak>,
    versjon: i64,
) -> Result<Post<Boligsak>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM boligsak_versjon WHERE sak = $1 AND versjon = $2",
            params![post.id.as_str(), versjon],
        )
        .await?;
    let (innhold,) = row.ok_or_else(Refusal::not_found)?;
    post.innhold = dokument::les(&innhold)?;
    post.versjon = versjon;
    Ok(post)
}

/// Who stands on the list.
#[derive(Debug, Clone)]
pub(crate) struct Koende {
    pub(crate) person: String,
    pub(crate) enhet: String,
    /// Since when the case says what it says now.
    pub(crate) fra: Tid,
    pub(crate) ventende: Ventende,
    /// As it is stored; read where a dwelling is asked about.
    behov: String,
}

impl Koende {
    pub(crate) fn behov(&self) -> Result<Behov, Error> {
        dokument::les(&self.behov)
    }
}

type Rad = (String, String, String, i64, i64, String, String);

/// The list of a type at an instant: one range of an index, of those who stood
/// on it then or came off it later.
pub(crate) async fn pa_listen(
    tx: &mut Tx,
    type_: Tildelingstype,
    at: Tid,
) -> Result<Vec<Koende>, Error> {
    let rows: Vec<Rad> = tx
        .all(
            "SELECT sak, person, enhet, fra, siden, grunner, behov FROM ko \
             WHERE tildelingstype = $1 AND til > $2 AND fra <= $2",
            params![typenokkel(type_), at],
        )
        .await?;
    rows.into_iter()
        .map(|(id, person, enhet, fra, siden, grunner, behov)| {
            Ok(Koende {
                person,
                enhet,
                fra: Tid(fra),
                ventende: Ventende {
                    id,
                    siden: Tid(siden),
                    grunner: dokument::les(&grunner)?,
                },
                behov,
            })
        })
        .collect()
}

/// Names of the cases of a type for which a dwelling is held.
pub(crate) async fn holdt_for(
    tx: &mut Tx,
    type_: Tildelingstype,
) -> Result<BTreeSet<String>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT r.innhold FROM bolig b JOIN reservasjon r ON r.nokkel = b.id \
             AND r.tilstand = 'APEN' WHERE b.tildelingstype = $1 AND b.tilstand = 'RESERVERT'",
            params![typenokkel(type_)],
        )
        .await?;
    rows.into_iter()
        .map(|(innhold,)| Ok(dokument::les::<Reservasjon>(&innhold)?.grunnlag))
        .collect()
}

/// Names of the cases whose persons said no to a dwelling since it last became
/// free to have, and when they did. That it was held and let go between is not
/// that it was anything else.
pub(crate) async fn sa_nei(tx: &mut Tx, bolig: &str) -> Result<BTreeMap<String, Tid>, Error> {
    let rows: Vec<(String,)> = tx
        .all(
            "SELECT innhold FROM reservasjon WHERE nokkel = $1 AND tilstand = 'LUKKET' \
             AND fra >= COALESCE((SELECT MAX(til) FROM boligtilstand \
             WHERE bolig = $1 AND tilstand NOT IN ('LEDIG', 'RESERVERT')), 0)",
            params![bolig],
        )
        .await?;
    let mut cases = BTreeMap::new();
    for (innhold,) in rows {
        let held: Reservasjon = dokument::les(&innhold)?;
        let no = held.svar.filter(|answer| !answer.aksepterer);
        if let Some(answer) = no {
            let last = cases.entry(held.grunnlag).or_insert(answer.tid);
            *last = answer.tid.max(*last);
        }
    }
    Ok(cases)
}

/// Since when and until when those waited who got a dwelling of the type in a
/// period.
pub(crate) async fn tildelte(
    tx: &mut Tx,
    type_: Tildelingstype,
    (fra, til): (Tid, Tid),
) -> Result<Vec<(i64, i64)>, Error> {
    tx.all(
        "SELECT siden, til FROM ko \
         WHERE tildelingstype = $1 AND tildelt = 1 AND til > $2 AND til <= $3",
        params![typenokkel(type_), fra, til],
    )
    .await
}

/// Whether another of the person's stands on the list of the type.
pub(crate) async fn annen_pa_listen(tx: &mut Tx, post: &Post<Boligsak>) -> Result<bool, Error> {
    let open = lager::apne::<Boligsak>(tx, &post.person).await?;
    Ok(open.iter().any(|other| {
        other.id != post.id
            && other.innhold.tilstand == Tilstand::Godkjent
            && other.innhold.tildelingstype == post.innhold.tildelingstype
    }))
}

//! SQL of protections.

use samspor_chassis::{
    domene::Hjemmel,
    error::{Error, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::koordinering::Verntype;
use sqlx::{FromRow, Row as _, any::AnyRow};

use super::{Innhold, Mandat, Parter, Vern};
use crate::{
    kolonne,
    tosteg::{Kolonner, Steg},
};

/// A row as it stands; what it means is read afterwards.
struct Row {
    id: String,
    person: String,
    versjon: i64,
    type_: String,
    eier: String,
    mandat_enheter: String,
    mandat_ansatte: String,
    parter_enheter: String,
    parter_ansatte: String,
    parter_alle: i64,
    lov: String,
    paragraf: String,
    begrunnelse: String,
    foreslatt: Tid,
    foreslatt_av: String,
    tilstand: Kolonner,
}

impl FromRow<'_, AnyRow> for Row {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            person: row.try_get("person")?,
            versjon: row.try_get("versjon")?,
            type_: row.try_get("type")?,
            eier: row.try_get("eier")?,
            mandat_enheter: row.try_get("mandat_enheter")?,
            mandat_ansatte: row.try_get("mandat_ansatte")?,
            parter_enheter: row.try_get("parter_enheter")?,
            parter_ansatte: row.try_get("parter_ansatte")?,
            parter_alle: row.try_get("parter_alle")?,
            lov: row.try_get("lov")?,
            paragraf: row.try_get("paragraf")?,
            begrunnelse: row.try_get("begrunnelse")?,
            foreslatt: row.try_get("foreslatt")?,
            foreslatt_av: row.try_get("foreslatt_av")?,
            tilstand: Kolonner::les(row)?,
        })
    }
}

fn read(row: Row) -> Result<Vern, Error> {
    let innhold = content(&row)?;
    Ok(Vern {
        innhold,
        tilstand: row.tilstand.tilstand()?,
        foreslatt: Steg {
            hvem: kolonne::les(&row.foreslatt_av)?,
            tid: row.foreslatt,
        },
        id: row.id,
        person: row.person,
        versjon: row.versjon,
        eier: row.eier,
        hjemmel: Hjemmel {
            lov: row.lov,
            paragraf: row.paragraf,
        },
        begrunnelse: row.begrunnelse,
    })
}

fn content(row: &Row) -> Result<Innhold, Error> {
    let mandat = Mandat {
        enheter: kolonne::les(&row.mandat_enheter)?,
        ansatte: kolonne::les(&row.mandat_ansatte)?,
    };
    let ansatte = kolonne::les(&row.parter_ansatte)?;
    Ok(match type_from_column(&row.type_)? {
        Verntype::Sperring => Innhold::Sperring(if row.parter_alle != 0 {
            Parter::AlleEnheter
        } else {
            Parter::Navngitte {
                enheter: kolonne::les(&row.parter_enheter)?,
                ansatte,
            }
        }),
        Verntype::FortroligAdresse => Innhold::FortroligAdresse(mandat),
        Verntype::StrengtFortroligAdresse => Innhold::StrengtFortroligAdresse(mandat),
        Verntype::Inhabilitet => Innhold::Inhabilitet(ansatte),
        Verntype::Unspecified => return Err(unreadable()),
    })
}

fn unreadable() -> Error {
    Error::internal("a stored protection cannot be read")
}

fn type_to_column(kind: Verntype) -> &'static str {
    kind.as_str_name()
        .strip_prefix("VERNTYPE_")
        .unwrap_or_default()
}

fn type_from_column(text: &str) -> Result<Verntype, Error> {
    Verntype::from_str_name(&format!("VERNTYPE_{text}")).ok_or_else(unreadable)
}

/// Protections, objections and merges of persons happen one at a time, because
/// each states facts for ids that the others may just be joining.
pub(crate) async fn en_om_gangen(tx: &mut Tx) -> Result<(), Error> {
    tx.lock("koordinering/vern").await
}

/// A new proposal.
///
/// # Errors
/// KONFLIKT when an address protection of the kind is proposed or holds.
pub(super) async fn opprett(tx: &mut Tx, vern: &Vern) -> Result<(), Error> {
    let empty = Vec::new();
    let (enheter, ansatte, alle) = match &vern.innhold {
        Innhold::Sperring(Parter::AlleEnheter) => (&empty, &empty, true),
        Innhold::Sperring(Parter::Navngitte { enheter, ansatte }) => (enheter, ansatte, false),
        Innhold::Inhabilitet(ansatte) => (&empty, ansatte, false),
        Innhold::FortroligAdresse(_) | Innhold::StrengtFortroligAdresse(_) => {
            (&empty, &empty, false)
        }
    };
    let (mandat_enheter, mandat_ansatte) = match vern.innhold.mandat() {
        Some(mandat) => (&mandat.enheter, &mandat.ansatte),
        None => (&empty, &empty),
    };
    let inserted = tx
        .execute(
            "INSERT INTO vern (id, person, versjon, type, eier, mandat_enheter, mandat_ansatte, \
             parter_enheter, parter_ansatte, parter_alle, lov, paragraf, begrunnelse, tilstand, \
             foreslatt, foreslatt_av) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             ON CONFLICT DO NOTHING",
            params![
                vern.id.as_str(),
                vern.person.as_str(),
                vern.versjon,
                type_to_column(vern.innhold.verntype()),
                vern.eier.as_str(),
                kolonne::skriv(mandat_enheter)?,
                kolonne::skriv(mandat_ansatte)?,
                kolonne::skriv(enheter)?,
                kolonne::skriv(ansatte)?,
                i64::from(alle),
                vern.hjemmel.lov.as_str(),
                vern.hjemmel.paragraf.as_str(),
                vern.begrunnelse.as_str(),
                vern.tilstand.navn(),
                vern.foreslatt.tid,
                kolonne::skriv(&vern.foreslatt.hvem)?
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("et foreslått eller gjeldende vern av samme type").into());
    }
    Ok(())
}

/// Stores the step that was taken.
pub(super) async fn lagre(tx: &mut Tx, vern: &mut Vern) -> Result<(), Error> {
    let state = Kolonner::av(&vern.tilstand)?;
    let affected = tx
        .execute(
            "UPDATE vern SET versjon = versjon + 1, tilstand = $3, avgjort = $4, avgjort_av = $5, \
             forslag = $6, forslag_av = $7, forslag_begrunnelse = $8, opphevet = $9, \
             opphevet_av = $10 WHERE id = $1 AND versjon = $2",
            params![
                vern.id.as_str(),
                vern.versjon,
                state.tilstand,
                state.avgjort,
                state.avgjort_av,
                state.forslag,
                state.forslag_av,
                state.forslag_begrunnelse,
                state.opphevet,
                state.opphevet_av
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    vern.versjon += 1;
    Ok(())
}

/// One protection of the person.
///
/// # Errors
/// `IKKE_FUNNET` when the person has no such protection.
pub(super) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Vern, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT * FROM vern WHERE person = $1 AND id = $2",
            params![person, id],
        )
        .await?;
    read(row.ok_or_else(Refusal::not_found)?)
}

/// Protections of one id that hold.
pub(crate) async fn som_virker(tx: &mut Tx, person: &str) -> Result<Vec<Vern>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT * FROM vern WHERE person = $1 \
             AND tilstand IN ('GJELDENDE', 'OPPHEVING_FORESLATT') ORDER BY id",
            params![person],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

/// Protections under all ids that `person` stands for, newest first.
pub(super) async fn list(
    tx: &mut Tx,
    person: &str,
    bare_gjeldende: bool,
    page: &Page,
) -> Result<Vec<Vern>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT * FROM vern \
             WHERE person IN (SELECT id FROM person WHERE id = $1 OR sammenslatt_med = $1) \
             AND ($2 = '' OR id < $2) \
             AND ($3 = 0 OR tilstand IN ('GJELDENDE', 'OPPHEVING_FORESLATT')) \
             ORDER BY id DESC LIMIT $4",
            params![
                person,
                page.after().unwrap_or_default(),
                i64::from(bare_gjeldende),
                page.limit()
            ],
        )
        .await?;
    rows.into_iter().map(read).collect()
}

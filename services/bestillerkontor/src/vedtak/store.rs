//! SQL of decisions.

use std::collections::BTreeMap;

use samspor_chassis::{
    domene::{dokument, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{self, Tx, etag},
};
use serde::{Deserialize, Serialize};

use super::{Forlop, Tilstand, Utgave, Vedtak, innhold::Innhold};

type Row = (String, String, i64, String, String, String, String);

/// What nothing queries.
#[derive(Serialize, Deserialize)]
struct Dokument {
    innhold: Innhold,
    forlop: Forlop,
}

fn les(row: Row) -> Result<Vedtak, Error> {
    let (id, person, versjon, tilstand, ansvarlig_enhet, soknad, innhold) = row;
    let Dokument { innhold, forlop } = dokument::les(&innhold)?;
    Ok(Vedtak {
        person,
        id,
        versjon,
        tilstand: Tilstand::fra_kode(&tilstand).ok_or_else(dokument::ukjent_tilstand)?,
        ansvarlig_enhet,
        soknad,
        innhold,
        forlop,
    })
}

fn skriv(vedtak: &Vedtak) -> Result<String, Error> {
    dokument::skriv(&Dokument {
        innhold: vedtak.innhold.clone(),
        forlop: vedtak.forlop.clone(),
    })
}

/// For many rows at once, each made by [`rad`].
pub(crate) const INN: &str = "INSERT INTO vedtak (id, person, versjon, tilstand, ansvarlig_enhet, soknad, hovedansvarlig, innhold) VALUES ";

/// The row of a record.
pub(crate) fn rad(vedtak: &Vedtak) -> Result<store::Row, Error> {
    Ok(vec![
        vedtak.id.as_str().into(),
        vedtak.person.as_str().into(),
        vedtak.versjon.into(),
        vedtak.tilstand.kode().into(),
        vedtak.ansvarlig_enhet.as_str().into(),
        vedtak.soknad.as_str().into(),
        vedtak.innhold.hovedansvarlig.as_str().into(),
        skriv(vedtak)?.into(),
    ])
}

/// The vedtak of that person with that id.
pub(crate) async fn hent(tx: &mut Tx, person: &str, id: &str) -> Result<Vedtak, Error> {
    let row: Option<Row> = tx
        .one(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, soknad, innhold FROM vedtak \
             WHERE id = $1 AND person = $2",
            params![id, person],
        )
        .await?;
    les(row.ok_or_else(Refusal::not_found)?)
}

/// Stores a new vedtak.
///
/// # Errors
/// `KONFLIKT` when the unit has one on the application already.
pub(crate) async fn sett_inn(tx: &mut Tx, vedtak: &Vedtak) -> Result<(), Error> {
    let inserted = tx
        .execute(
            "INSERT INTO vedtak \
             (id, person, versjon, tilstand, ansvarlig_enhet, soknad, hovedansvarlig, innhold, \
             innvilger) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            params![
                vedtak.id.as_str(),
                vedtak.person.as_str(),
                vedtak.versjon,
                vedtak.tilstand.kode(),
                vedtak.ansvarlig_enhet.as_str(),
                vedtak.soknad.as_str(),
                vedtak.innhold.hovedansvarlig.as_str(),
                skriv(vedtak)?,
                i64::from(vedtak.innhold.innvilger())
            ],
        )
        .await?;
    if inserted == 0 {
        return Err(Refusal::conflict("et vedtak fra enheten for søknaden").into());
    }
    Ok(())
}

/// Stores a change of the version that was read; the record has the next.
pub(crate) async fn lagre(tx: &mut Tx, vedtak: &mut Vedtak) -> Result<(), Error> {
    let affected = tx
        .execute(
            "UPDATE vedtak SET versjon = versjon + 1, tilstand = $1, hovedansvarlig = $2, \
             innhold = $3, innvilger = $4 WHERE id = $5 AND versjon = $6",
            params![
                vedtak.tilstand.kode(),
                vedtak.innhold.hovedansvarlig.as_str(),
                skriv(vedtak)?,
                i64::from(vedtak.innhold.innvilger()),
                vedtak.id.as_str(),
                vedtak.versjon
            ],
        )
        .await?;
    etag::ensure_affected(affected)?;
    vedtak.versjon += 1;
    Ok(())
}

/// Whether there is a vedtak with that id.
pub(crate) async fn finnes(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let row: Option<(String,)> = tx
        .one("SELECT id FROM vedtak WHERE id = $1", params![id])
        .await?;
    Ok(row.is_some())
}

/// One page of a person's vedtak, newest first.
pub(crate) async fn personens(
    tx: &mut Tx,
    person: &str,
    page: &Page,
) -> Result<(Vec<Vedtak>, String), Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, soknad, innhold FROM vedtak \
             WHERE person = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
            params![person, dokument::nyeste(page), page.limit()],
        )
        .await?;
    let (rows, next) = page.cut(rows, |row| row.0.clone());
    let records = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    Ok((records, next))
}

/// A person's vedtak that are in force, oldest first.
pub(crate) async fn i_kraft(tx: &mut Tx, person: &str) -> Result<Vec<Vedtak>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, soknad, innhold FROM vedtak \
             WHERE person = $1 AND tilstand IN ('FATTET', 'UNDERRETTET', 'IVERKSATT')",
            params![person],
        )
        .await?;
    let mut records: Vec<Vedtak> = rows.into_iter().map(les).collect::<Result<_, _>>()?;
    records.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(records)
}

/// Vedtak on an application.
pub(crate) async fn pa_soknad(tx: &mut Tx, soknad: &str) -> Result<Vec<Vedtak>, Error> {
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, person, versjon, tilstand, ansvarlig_enhet, soknad, innhold FROM vedtak \
             WHERE soknad = $1 ORDER BY id",
            params![soknad],
        )
        .await?;
    rows.into_iter().map(les).collect()
}

/// Keeps what a vedtak said before an amendment.
pub(crate) async fn ta_vare_pa(
    tx: &mut Tx,
    vedtak: &str,
    nr: i32,
    utgave: &Utgave,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO vedtak_versjon (vedtak, nr, innhold) VALUES ($1, $2, $3)",
        params![vedtak, i64::from(nr), dokument::skriv(utgave)?],
    )
    .await?;
    Ok(())
}

/// What a vedtak said in an earlier version.
pub(crate) async fn utgave(tx: &mut Tx, vedtak: &str, nr: i32) -> Result<Utgave, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT innhold FROM vedtak_versjon WHERE vedtak = $1 AND nr = $2",
            params![vedtak, i64::from(nr)],
        )
        .await?;
    let (text,) = row.ok_or_else(Refusal::not_found)?;
    dokument::les(&text)
}

/// The unit that has the main responsibility for a person now.
pub(crate) async fn hovedansvarlig(tx: &mut Tx, person: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = tx
        .one(
            "SELECT enhet FROM hovedansvar WHERE person = $1",
            params![person],
        )
        .await?;
    Ok(row.map(|(unit,)| unit))
}

const TA_ANSVAR: &str = "INSERT INTO hovedansvar (person, enhet, antall) VALUES ";
const SAMME_ENHET: &str = " ON CONFLICT (person) DO UPDATE SET \
    antall = hovedansvar.antall + excluded.antall WHERE hovedansvar.enhet = excluded.enhet";

/// Units that have the main responsibility for persons, by so many more vedtak.
/// Nobody else has it: that was asked before.
pub(crate) async fn ta_hovedansvar(
    tx: &mut Tx,
    ansvar: BTreeMap<String, (String, i64)>,
) -> Result<(), Error> {
    let wanted = ansvar.len() as u64;
    let row = |(person, (unit, count)): (String, (String, i64))| {
        vec![person.into(), unit.into(), count.into()]
    };
    let rows = ansvar.into_iter().map(row).collect();
    if tx.insert(TA_ANSVAR, SAMME_ENHET, rows).await? == wanted {
        return Ok(());
    }
    Err(Refusal::conflict("hovedansvar").into())
}

/// The main responsibility follows a vedtak that came into force or was amended:
/// from the unit `before` (none: empty) to the one that it names.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` when another unit has it by another vedtak.
pub(crate) async fn flytt_hovedansvar(
    tx: &mut Tx,
    before: &str,
    vedtak: &Vedtak,
) -> Result<(), Error> {
    let after = vedtak.innhold.hovedansvarlig.as_str();
    if before == after {
        return Ok(());
    }
    if !before.is_empty() {
        slipp_hovedansvar(tx, &vedtak.person).await?;
    }
    if after.is_empty() {
        return Ok(());
    }
    let row = vec![vedtak.person.as_str().into(), after.into(), 1.into()];
    let taken = tx.insert(TA_ANSVAR, SAMME_ENHET, vec![row]).await?;
    if taken == 1 {
        return Ok(());
    }
    let other = hovedansvarlig(tx, &vedtak.person).await?;
    let other = other.map(|unit| navn::enhet(&unit)).unwrap_or_default();
    let mut faults = FieldFaults::new();
    faults.contradicts(
        "vedtak.hovedansvarlig",
        "hovedansvarlig",
        format_args!(
            "{other} har hovedansvaret for personen ved et annet vedtak; velg den, eller bytt for \
             alle vedtakene (BytteHovedansvarlig)"
        ),
    );
    faults.finish()?;
    Ok(())
}

/// Another unit has it, by all the vedtak that gave it.
pub(crate) async fn bytt_hovedansvar(tx: &mut Tx, person: &str, enhet: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE hovedansvar SET enhet = $1 WHERE person = $2",
        params![enhet, person],
    )
    .await?;
    Ok(())
}

/// Gives it back for one vedtak; the last one frees it.
pub(crate) async fn slipp_hovedansvar(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let freed = tx
        .execute(
            "DELETE FROM hovedansvar WHERE person = $1 AND antall = 1",
            params![person],
        )
        .await?;
    if freed == 0 {
        tx.execute(
            "UPDATE hovedansvar SET antall = antall - 1 WHERE person = $1",
            params![person],
        )
        .await?;
    }
    Ok(())
}

//! Lavterskel: contacts where nobody says who they are, as counts per day and
//! kind. No person stands behind a row. One that was wrong stands, and another
//! is counted for it.

use samspor_chassis::{
    domene::{Aktor, Dag, dokument, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params,
    store::{Tx, etag},
    tid::Tid,
};
use samspor_proto::rop::{
    self as proto, Kontakttype, ListLavterskelRequest, ListLavterskelResponse,
    RegistrerLavterskelRequest, RegistrerLavterskelResponse,
};
use serde::{Deserialize, Serialize};

use crate::kontakt::rules::les_rettelse;

/// Most contacts of a kind that one day can have.
const FLEST: i32 = 1_000;
/// How far back a count can be registered, in months.
const ELDST_MANEDER: i32 = 12;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Innhold {
    registrert_av: Aktor,
    registrert: Tid,
    /// Id of the count that it stands for; empty: none.
    #[serde(default)]
    retter: String,
    /// Why that one was wrong.
    #[serde(default)]
    rettelse: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Lavterskel {
    id: String,
    enhet: String,
    dag: String,
    type_: i32,
    antall: i32,
    rettet: bool,
    innhold: Innhold,
}

impl Lavterskel {
    fn to_proto(&self) -> proto::Lavterskel {
        let Innhold {
            registrert_av,
            registrert,
            retter,
            rettelse,
        } = &self.innhold;
        let retter = match retter.is_empty() {
            true => String::new(),
            false => navngi(&self.enhet, retter),
        };
        proto::Lavterskel {
            name: navngi(&self.enhet, &self.id),
            etag: etag::etag(if self.rettet { 2 } else { 1 }),
            ansvarlig_enhet: navn::enhet(&self.enhet),
            dag: self.dag.clone(),
            r#type: self.type_,
            antall: self.antall,
            registrert_av: Some(registrert_av.to_proto()),
            registrert: Some((*registrert).into()),
            retter,
            rettelse: rettelse.clone(),
            rettet: self.rettet,
            skjerming: None,
        }
    }
}

fn navngi(enhet: &str, id: &str) -> String {
    format!("enheter/{enhet}/lavterskel/{id}")
}

/// Reads a count: day, kind, how many.
fn les(
    request: &RegistrerLavterskelRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> (Option<Dag>, Kontakttype, i32) {
    let day = felt::pakrevd_dag(&request.dag, "dag", faults);
    let today = Dag::av(now);
    if day.is_some_and(|day| day > today || day < today.pluss_maneder(-ELDST_MANEDER)) {
        faults.form("dag", "en dag som ikke er i framtiden, høyst et år tilbake");
    }
    let type_ = felt::valg(request.r#type, "type", "samspor.rop.v1.Kontakttype", faults);
    // Only a correction has reason to say that there was none.
    let fewest = i32::from(request.retter.is_empty());
    if !(fewest..=FLEST).contains(&request.antall) {
        faults.range("antall", fewest, FLEST);
    }
    (day, type_, request.antall)
}

pub(crate) async fn registrer(
    tx: &mut Tx,
    request: RegistrerLavterskelRequest,
) -> Result<RegistrerLavterskelResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let enhet = crate::egen_enhet(&request.parent, &av.enhet, &mut faults);
    let (day, type_, antall) = les(&request, tx.now(), &mut faults);
    let rettelse = les_rettelse(&request.retter, &request.rettelse, &mut faults);
    let retter = match request.retter.strip_prefix(&navngi(&enhet, "")) {
        Some(id) if !id.is_empty() => id.to_owned(),
        _ => String::new(),
    };
    if retter.is_empty() && !request.retter.is_empty() {
        faults.form("retter", navngi(&enhet, "{uuid}"));
    }
    faults.finish()?;
    let day = day.ok_or_else(|| Error::internal("no day and no fault"))?;
    if !retter.is_empty() {
        rett(tx, &enhet, &retter).await?;
    }
    let row = Lavterskel {
        id: tx.new_id(),
        enhet,
        dag: day.to_string(),
        type_: type_.into(),
        antall,
        rettet: false,
        innhold: Innhold {
            registrert_av: av,
            registrert: tx.now(),
            retter,
            rettelse,
        },
    };
    tx.execute(
        "INSERT INTO lavterskel (id, enhet, dag, type, antall, innhold, rettet) \
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
        params![
            row.id.as_str(),
            row.enhet.as_str(),
            row.dag.as_str(),
            i64::from(row.type_),
            i64::from(row.antall),
            dokument::skriv(&row.innhold)?
        ],
    )
    .await?;
    Ok(RegistrerLavterskelResponse {
        lavterskel: Some(row.to_proto()),
    })
}

/// Another count stands for this one.
///
/// # Errors
/// `IKKE_FUNNET`; a fault where one stands for it already.
async fn rett(tx: &mut Tx, enhet: &str, id: &str) -> Result<(), Error> {
    let known: Option<(i64,)> = tx
        .one(
            "SELECT rettet FROM lavterskel WHERE id = $1 AND enhet = $2",
            params![id, enhet],
        )
        .await?;
    let (corrected,) = known.ok_or_else(Refusal::not_found)?;
    let mut faults = FieldFaults::new();
    if corrected == 1 {
        let rule = "tellingen er rettet før; rett den som står for den";
        faults.contradicts("retter", "rettet", rule);
    }
    faults.finish()?;
    let affected = tx
        .execute(
            "UPDATE lavterskel SET rettet = 1 WHERE id = $1 AND rettet = 0",
            params![id],
        )
        .await?;
    etag::ensure_affected(affected)
}

type Row = (String, String, String, i64, i64, String, i64);

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListLavterskelRequest,
) -> Result<ListLavterskelResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let from = felt::dag(&request.fra, "fra", &mut faults);
    let to = felt::dag(&request.til, "til", &mut faults);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        faults.contradicts("til", "fra", "siste dag er før første");
    }
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    // Days sort as text; the key of a page is day and id.
    let from = from.map(|day| day.to_string()).unwrap_or_default();
    let to = to.map_or_else(|| "9999".to_owned(), |day| day.to_string());
    let (day, id) = page
        .after()
        .and_then(|token| token.split_once('_'))
        .unwrap_or(("9999", "z"));
    let rows: Vec<Row> = tx
        .all(
            "SELECT id, enhet, dag, type, antall, innhold, rettet FROM lavterskel \
             WHERE enhet = $1 AND dag >= $2 AND dag <= $3 AND (dag, id) < ($4, $5) \
             ORDER BY dag DESC, id DESC LIMIT $6",
            params![enhet, from, to, day, id, page.limit()],
        )
        .await?;
    let (rows, next_page_token) = page.cut(rows, |row| format!("{}_{}", row.2, row.0));
    let mut lavterskel = Vec::new();
    for (id, enhet, dag, type_, antall, innhold, rettet) in rows {
        let row = Lavterskel {
            id,
            enhet,
            dag,
            type_: i32::try_from(type_).unwrap_or_default(),
            antall: i32::try_from(antall).unwrap_or_default(),
            rettet: rettet == 1,
            innhold: dokument::les(&innhold)?,
        };
        lavterskel.push(row.to_proto());
    }
    Ok(ListLavterskelResponse {
        lavterskel,
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    use samspor_proto::felles::Feilgrunn;

    use super::*;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);

    /// Day, kind, count, which field is wrong and why.
    #[test]
    fn a_count_is_of_a_day_that_was() {
        let drop_in = i32::from(Kontakttype::DropIn);
        for (dag, type_, antall, fault) in [
            ("2027-01-15", drop_in, 1, None),
            ("2026-01-15", drop_in, 1_000, None),
            ("2027-01-16", drop_in, 1, Some(("dag", Feilgrunn::FeltForm))),
            ("2026-01-14", drop_in, 1, Some(("dag", Feilgrunn::FeltForm))),
            ("", drop_in, 1, Some(("dag", Feilgrunn::FeltMangler))),
            (
                "2027-01-15",
                0,
                1,
                Some(("type", Feilgrunn::FeltUkjentVerdi)),
            ),
            (
                "2027-01-15",
                drop_in,
                0,
                Some(("antall", Feilgrunn::FeltOmrade)),
            ),
            (
                "2027-01-15",
                drop_in,
                1_001,
                Some(("antall", Feilgrunn::FeltOmrade)),
            ),
        ] {
            let request = RegistrerLavterskelRequest {
                dag: dag.into(),
                r#type: type_,
                antall,
                ..Default::default()
            };
            let mut faults = FieldFaults::new();
            les(&request, NOW, &mut faults);
            let found = faults.finish().err().and_then(|mut r| r.felt.pop());
            let found = found.map(|fault| (fault.felt, fault.grunn));
            let expected = fault.map(|(field, reason)| (field.to_owned(), reason));
            assert_eq!(found, expected, "{dag} {type_} {antall}");
        }
    }
}

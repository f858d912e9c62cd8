//! What an incident review reads of one person in a period: every event, with
//! whom it was told to, and every run of a deadline. The gateway has decided who
//! may, and decides on each row.

use samspor_proto::{
    felles::Feilgrunn,
    hendelse::{
        Frist, ListFristerRequest, ListFristerResponse, ListHendelserRequest, ListHendelserResponse,
    },
};
use tonic::{Request, Response, Status};

use super::serve::{EventRow, hendelse};
use crate::{
    error::{FieldFaults, Refusal},
    page::Page,
    params,
    rpc::verified,
    store::Store,
    tid::Tid,
};

/// A person and a period.
struct Forlop {
    person: String,
    fra: Tid,
    til: Tid,
}

impl Forlop {
    fn les(
        parent: &str,
        fra: Option<prost_types::Timestamp>,
        til: Option<prost_types::Timestamp>,
    ) -> Result<Self, Refusal> {
        let person = parent
            .strip_prefix("personer/")
            .filter(|person| !person.is_empty() && !person.contains('/'))
            .ok_or_else(Refusal::not_found)?;
        let mut faults = FieldFaults::new();
        let mut instant = |value: Option<_>, field| {
            let Some(value) = value else {
                faults.missing(field);
                return Tid::default();
            };
            Tid::try_from(value).unwrap_or_else(|_| {
                faults.form(field, "RFC 3339");
                Tid::default()
            })
        };
        let (fra, til) = (instant(fra, "fra"), instant(til, "til"));
        if faults.is_empty() && til <= fra {
            faults.contradicts("til", "fra", "perioden må slutte etter at den begynner");
        }
        faults.finish()?;
        Ok(Self {
            person: person.to_owned(),
            fra,
            til,
        })
    }
}

fn bad_token() -> Refusal {
    Refusal::new(Feilgrunn::UgyldigSidetoken)
}

pub(super) async fn hendelser(
    store: &Store,
    request: Request<ListHendelserRequest>,
) -> Result<Response<ListHendelserResponse>, Status> {
    let call = verified(&request)?;
    let request = request.into_inner();
    let Forlop { person, fra, til } = Forlop::les(&request.parent, request.fra, request.til)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after: i64 = match page.after() {
        Some(after) => after.parse().map_err(|_| bad_token())?,
        None => 0,
    };
    let mut tx = store.begin_read(call).await?;
    let rows: Vec<EventRow> = tx
        .all(
            "SELECT nr, CAST(0 AS BIGINT), id, type, person, post, eier, tid, traceparent \
             FROM chassis_hendelse WHERE person = $1 AND nr > $2 AND tid >= $3 AND tid < $4 \
             ORDER BY nr LIMIT $5",
            params![person.as_str(), after, fra, til, page.limit()],
        )
        .await?;
    let (rows, next_page_token) = page.cut(rows, |row| row.0.to_string());
    let (first, last) = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => (first.0, last.0),
        _ => (0, 0),
    };
    let told: Vec<(i64, String)> = tx
        .all(
            "SELECT h.nr, m.mottaker FROM chassis_hendelse h \
             JOIN chassis_hendelse_mottaker m ON m.hendelse = h.nr \
             WHERE h.person = $1 AND h.nr >= $2 AND h.nr <= $3 ORDER BY h.nr, m.mottaker",
            params![person, first, last],
        )
        .await?;
    tx.save().await?;
    let hendelser = rows
        .into_iter()
        .map(|row| {
            let (nr, mut event) = hendelse(row);
            let told = told.iter().filter(|(of, _)| *of == nr);
            event.mottakere = told.map(|(_, to)| mottaker(to)).collect();
            event
        })
        .collect();
    Ok(Response::new(ListHendelserResponse {
        hendelser,
        next_page_token,
    }))
}

/// The name of a recipient: a unit, or the person.
fn mottaker(stored: &str) -> String {
    match stored.contains('/') {
        true => stored.to_owned(),
        false => format!("enheter/{stored}"),
    }
}

/// A row of `chassis_fristlop`: id, type, post, eier, mottakere, satt, forfall,
/// varslet, brutt, avsluttet, traceparent.
type RunRow = (
    String,
    String,
    String,
    String,
    String,
    Tid,
    Tid,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    String,
);

pub(super) async fn frister(
    store: &Store,
    request: Request<ListFristerRequest>,
) -> Result<Response<ListFristerResponse>, Status> {
    let call = verified(&request)?;
    let request = request.into_inner();
    let Forlop { person, fra, til } = Forlop::les(&request.parent, request.fra, request.til)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (since, after) = match page.after().map(|after| after.split_once(' ')) {
        Some(Some((since, id))) => (since.parse().map_err(|_| bad_token())?, id.to_owned()),
        Some(None) => return Err(bad_token().into()),
        None => (i64::MIN, String::new()),
    };
    let mut tx = store.begin_read(call).await?;
    let rows: Vec<RunRow> = tx
        .all(
            "SELECT id, type, post, eier, mottakere, satt, forfall, varslet, brutt, avsluttet, traceparent \
             FROM chassis_fristlop WHERE person = $1 AND person <> '' AND satt < $2 \
             AND (avsluttet IS NULL OR avsluttet >= $3) AND (satt, id) > ($4, $5) \
             ORDER BY satt, id LIMIT $6",
            params![person.as_str(), til, fra, since, after, page.limit()],
        )
        .await?;
    tx.save().await?;
    let (rows, next_page_token) = page.cut(rows, |row| format!("{} {}", row.5.0, row.0));
    Ok(Response::new(ListFristerResponse {
        frister: rows.into_iter().map(|row| frist(&person, row)).collect(),
        next_page_token,
    }))
}

fn frist(person: &str, row: RunRow) -> Frist {
    let (id, type_, post, eier, mottakere, satt, forfall, varslet, brutt, avsluttet, traceparent) =
        row;
    let instant = |at: Option<i64>| at.map(|at| Tid(at).to_proto());
    Frist {
        name: format!("personer/{person}/frister/{id}"),
        r#type: type_,
        post,
        satt: Some(satt.to_proto()),
        forfall: Some(forfall.to_proto()),
        varslet: instant(varslet),
        brutt: instant(brutt),
        avsluttet: instant(avsluttet),
        eier: format!("enheter/{eier}"),
        mottakere: mottakere.split_whitespace().map(mottaker).collect(),
        traceparent,
        skjerming: None,
    }
}

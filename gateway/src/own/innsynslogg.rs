//! The view of the access log: a person's, the controllers' and a reviewer's
//! (P21, P25, P17).

use prost_types::Timestamp;
use samspor_chassis::{
    call::Call,
    domene::felt,
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::Store,
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    gateway::{
        Avviksinnsyn, Innsyn, InnsynPost, ListAvviksinnsynRequest, ListAvviksinnsynResponse,
        ListInnsynRequest, ListInnsynResponse,
    },
    internt::{Loggfort, Loggpost},
    klassifisering::Klasser,
};

use crate::{
    log::{LoggedRow, rows_of},
    redaction::parse_name,
};

/// Rows about one person, newest first.
pub(super) async fn list(
    store: &Store,
    call: &Call,
    request: ListInnsynRequest,
) -> Result<ListInnsynResponse, Error> {
    let person = parse_name("personer/{person}", &request.parent)
        .and_then(|name| name.person)
        .ok_or_else(Refusal::not_found)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (rows, next_page_token) = side(store, person, &page, (request.fra, request.til)).await?;
    let whole = call.actor.rolle != Rolle::Innbygger;
    let innsyn = rows.iter().map(|row| shown(person, row, whole)).collect();
    Ok(ListInnsynResponse {
        innsyn,
        next_page_token,
    })
}

/// Rows about one avvik, newest first. The log knows a case as it knows a
/// person: by a code of its id.
pub(super) async fn list_avvik(
    store: &Store,
    request: ListAvviksinnsynRequest,
) -> Result<ListAvviksinnsynResponse, Error> {
    let avvik = parse_name("avvik/{sak}", &request.parent)
        .and_then(|name| name.person)
        .ok_or_else(Refusal::not_found)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (rows, next_page_token) = side(store, avvik, &page, (request.fra, request.til)).await?;
    let innsyn = rows.iter().map(|row| of_avvik(avvik, row)).collect();
    Ok(ListAvviksinnsynResponse {
        innsyn,
        next_page_token,
    })
}

/// A page of the rows about a subject in a period, and the token of the next.
async fn side(
    store: &Store,
    subject: &str,
    page: &Page,
    (fra, til): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(Vec<LoggedRow>, String), Error> {
    let before = page
        .after()
        .map(|index| {
            index
                .parse()
                .map_err(|_| Refusal::new(Feilgrunn::UgyldigSidetoken))
        })
        .transpose()?;
    let mut faults = FieldFaults::new();
    let fra = felt::tidspunkt(fra, "fra", &mut faults);
    let til = felt::tidspunkt(til, "til", &mut faults);
    if let (Some(fra), Some(til)) = (fra, til)
        && til <= fra
    {
        faults.contradicts("til", "fra", "perioden må slutte etter at den begynner");
    }
    faults.finish()?;
    let period = fra.map_or(i64::MIN, |fra| fra.0)..til.map_or(i64::MAX, |til| til.0);
    let rows = rows_of(store.readers(), subject, period, before, page.limit()).await?;
    Ok(page.cut(rows, |row| row.content.indeks.to_string()))
}

/// A row as its reader sees it: the person is not told of a record that is
/// exempt from the person's own access, and so of none that nobody was shown.
fn shown(person: &str, row: &LoggedRow, whole: bool) -> Innsyn {
    let content = &row.content;
    let avslatt = avslatt(content);
    Innsyn {
        name: format!("personer/{person}/innsyn/{}", content.indeks),
        tid: Some(Tid(content.tid).to_proto()),
        aktor: content.aktor.clone(),
        formal: content.formal,
        metode: content.metode.clone(),
        poster: content
            .poster
            .iter()
            .filter(|post| whole || !(post.unntatt_innsyn || avslatt))
            .map(vist_post)
            .collect(),
        regler: content.regler.clone(),
        avslatt,
        egen_relasjon: content.egen_relasjon,
        sporings_id: content.sporings_id.clone(),
        representant: content.representant,
        regelversjon: content.regelversjon.clone(),
        sak: content.sak.clone(),
        skjerming: None,
    }
}

fn of_avvik(avvik: &str, row: &LoggedRow) -> Avviksinnsyn {
    let content = &row.content;
    Avviksinnsyn {
        name: format!("avvik/{avvik}/innsyn/{}", content.indeks),
        tid: Some(Tid(content.tid).to_proto()),
        aktor: content.aktor.clone(),
        formal: content.formal,
        metode: content.metode.clone(),
        poster: content.poster.iter().map(vist_post).collect(),
        regler: content.regler.clone(),
        avslatt: avslatt(content),
        sporings_id: content.sporings_id.clone(),
        regelversjon: content.regelversjon.clone(),
        sak: content.sak.clone(),
        skjerming: None,
    }
}

/// Whether the call was refused. What became of one that was not answered is not
/// known.
fn avslatt(content: &Loggpost) -> bool {
    !matches!(
        content.utfall(),
        Feilgrunn::Unspecified | Feilgrunn::Utilgjengelig | Feilgrunn::FristUte
    )
}

fn vist_post(post: &Loggfort) -> InnsynPost {
    let classes = |bits| {
        let classes = Klasser::fra_bits(bits);
        classes.iter().map(Into::into).collect()
    };
    InnsynPost {
        post: post.post.clone(),
        utlevert: classes(post.utlevert),
        skjermet: classes(post.skjermet),
    }
}

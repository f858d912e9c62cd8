//! Break-glass over gRPC.

use std::time::Duration;

use samspor_chassis::{
    deadlines::{AVVIK, DueDeadline},
    error::{Error, Refusal},
    page::Page,
    store::{NewDeadline, NewEvent, Tx},
};
use samspor_proto::gateway::{
    AvsluttNodtilgangRequest, AvsluttNodtilgangResponse, GjennomgaNodtilgangRequest,
    GjennomgaNodtilgangResponse, ListNodtilgangerRequest, ListNodtilgangerResponse,
    NodtilgangTilstand, StartNodtilgangRequest, StartNodtilgangResponse,
};

use super::{Session, rules, store};
use crate::redaction::parse_name;

/// The session has reached its end.
pub(in crate::own) const EXPIRES: &str = "nodtilgang_utloper";
/// Nobody has reviewed it in time.
pub(in crate::own) const REVIEW: &str = "nodtilgang_gjennomgang";

pub(in crate::own) async fn start(
    tx: &mut Tx,
    request: StartNodtilgangRequest,
) -> Result<StartNodtilgangResponse, Error> {
    let person = parse_name("personer/{person}", &request.parent)
        .and_then(|name| name.person)
        .ok_or_else(Refusal::not_found)?;
    let actor = tx.call().actor.clone();
    let since = tx.now().minus(Duration::from_hours(24));
    let today = store::started_since(tx, &actor.ansatt, since).await?;
    let session = rules::start(tx.new_id(), person, &request, &actor, today, tx.now())?;
    store::insert(tx, &session).await?;
    tx.fact(session.fact());
    for (kind, due) in [(EXPIRES, session.utloper), (REVIEW, session.frist)] {
        tx.set_deadline(NewDeadline {
            post: session.name(),
            person: session.person.clone(),
            kind,
            due,
            warn: None,
            eier: session.enhet.clone(),
            mottakere: vec![session.enhet.clone()],
        });
    }
    emit(tx, &session, "NodtilgangStartet");
    Ok(StartNodtilgangResponse {
        nodtilgang: Some(session.to_proto()),
    })
}

pub(in crate::own) async fn end(
    tx: &mut Tx,
    request: AvsluttNodtilgangRequest,
) -> Result<AvsluttNodtilgangResponse, Error> {
    let session = find(tx, &request.name).await?;
    let actor = tx.call().actor.clone();
    let session = rules::end(session, Some(&actor), tx.now())?;
    save_ended(tx, &session).await?;
    Ok(AvsluttNodtilgangResponse {
        nodtilgang: Some(session.to_proto()),
    })
}

pub(in crate::own) async fn review(
    tx: &mut Tx,
    request: GjennomgaNodtilgangRequest,
) -> Result<GjennomgaNodtilgangResponse, Error> {
    let session = find(tx, &request.name).await?;
    let actor = tx.call().actor.clone();
    // The gateway cannot know whose session it is before it is read.
    if actor.enhet != session.enhet && !tx.call().har_funksjon("kontroll") {
        return Err(Refusal::not_found().into());
    }
    let session = rules::review(
        session,
        &actor,
        request.berettiget,
        &request.vurdering,
        tx.now(),
    )?;
    store::update(tx, &session).await?;
    tx.clear_deadline(&session.name(), REVIEW);
    tx.clear_deadline(&session.name(), EXPIRES);
    emit(tx, &session, "NodtilgangGjennomgatt");
    Ok(GjennomgaNodtilgangResponse {
        nodtilgang: Some(session.to_proto()),
    })
}

pub(in crate::own) async fn list(
    tx: &mut Tx,
    request: ListNodtilgangerRequest,
) -> Result<ListNodtilgangerResponse, Error> {
    let unit = parse_name("enheter/{enhet}", &request.parent)
        .and_then(|name| name.enhet)
        .ok_or_else(Refusal::not_found)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let after = page.after().unwrap_or_default().to_owned();
    let rows = store::of_unit(tx, unit, &after, request.bare_ventende, page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |store::Stored(_, place)| place.clone());
    let nodtilganger = rows
        .iter()
        .map(|store::Stored(session, _)| session.to_proto())
        .collect();
    Ok(ListNodtilgangerResponse {
        nodtilganger,
        next_page_token,
    })
}

/// Time has come: a session ends; one that nobody reviewed is told of.
pub(in crate::own) async fn on_deadline(tx: &mut Tx, due: &DueDeadline) -> Result<(), Error> {
    let session = find(tx, &due.post).await?;
    match due.kind.as_str() {
        EXPIRES if session.tilstand == NodtilgangTilstand::Aktiv => {
            let session = rules::end(session, None, tx.now())?;
            save_ended(tx, &session).await
        }
        REVIEW if session.gjennomgang.is_none() => {
            emit_to(tx, &session, "NodtilgangIkkeGjennomgatt", Some(AVVIK));
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn save_ended(tx: &mut Tx, session: &Session) -> Result<(), Error> {
    store::update(tx, session).await?;
    tx.fact(session.fact());
    tx.clear_deadline(&session.name(), EXPIRES);
    emit(tx, session, "NodtilgangAvsluttet");
    Ok(())
}

async fn find(tx: &mut Tx, name: &str) -> Result<Session, Error> {
    let id = name.rsplit('/').next().unwrap_or_default().to_owned();
    let person = parse_name("personer/{person}/nodtilganger/{nodtilgang}", name)
        .and_then(|name| name.person)
        .ok_or_else(Refusal::not_found)?;
    store::get(tx, person, &id)
        .await?
        .ok_or_else(|| Refusal::not_found().into())
}

/// Tells the unit and the person. The leader has it in the list of what waits
/// for review too, also where a sperring or a strict protection hides events
/// about the person from the unit.
fn emit(tx: &mut Tx, session: &Session, type_: &'static str) {
    emit_to(tx, session, type_, None);
}

fn emit_to(tx: &mut Tx, session: &Session, type_: &'static str, unit: Option<&str>) {
    tx.emit(NewEvent {
        type_,
        person: &session.person,
        post: &session.name(),
        eier: &session.enhet,
        mottakere: [
            session.enhet.clone(),
            format!("personer/{}", session.person),
        ]
        .into_iter()
        .chain(unit.map(ToOwned::to_owned))
        .collect(),
    });
}

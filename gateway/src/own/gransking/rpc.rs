//! Mandates over gRPC.

use samspor_chassis::{
    deadlines::DueDeadline,
    domene::{felles::Aktor, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{NewDeadline, NewEvent, Tx, etag},
};
use samspor_proto::gateway::{
    ApneGranskingRequest, ApneGranskingResponse, AvsluttGranskingRequest, AvsluttGranskingResponse,
    GodkjennGranskingRequest, GodkjennGranskingResponse, Gransking as Wire, GranskingTilstand,
    HentGranskingRequest, HentGranskingResponse, ListGranskingerRequest, ListGranskingerResponse,
};

use super::{Gransking, Innhold, rules, store};
use crate::redaction::parse_name;

/// The mandate has reached its end.
pub(in crate::own) const ENDS: &str = "gransking_utloper";

pub(in crate::own) async fn apne(
    tx: &mut Tx,
    request: ApneGranskingRequest,
) -> Result<ApneGranskingResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let innhold = rules::apne(&request, av, tx.now())?;
    // What it was about is told once two have said yes.
    gjelder(tx, &innhold, "sporings_id").await?;
    let gransking = Gransking {
        id: tx.new_id(),
        versjon: 1,
        innhold,
    };
    store::insert(tx, &gransking).await?;
    tx.set_deadline(NewDeadline {
        post: gransking.name(),
        person: String::new(),
        kind: ENDS,
        due: gransking.innhold.utloper,
        warn: None,
        eier: gransking.innhold.apnet_av.enhet.clone(),
        mottakere: Vec::new(),
    });
    emit(tx, &gransking, "GranskingForeslatt");
    Ok(ApneGranskingResponse {
        gransking: Some(gransking.to_proto()),
    })
}

/// What a mandate names, with whom the calls of its trace were about until now,
/// and the avvik that they were about if it names none. The field that is wrong
/// is named when these are too many or none.
async fn gjelder(
    tx: &mut Tx,
    innhold: &Innhold,
    field: &'static str,
) -> Result<(Vec<String>, String), Error> {
    let (mut personer, mut avvik) = (innhold.personer.clone(), innhold.avvik.clone());
    if innhold.sporings_id.is_empty() {
        return Ok((personer, avvik));
    }
    let of = (innhold.sporings_id.as_str(), innhold.fra, innhold.til);
    let mut faults = FieldFaults::new();
    match store::sporet(tx, of).await? {
        None => faults.form(
            field,
            "sporet av et kall om en person eller et avvik, i perioden",
        ),
        Some(found) => {
            personer.extend(found.personer);
            match found.avvik.as_slice() {
                [one] if avvik.is_empty() => avvik.clone_from(one),
                [_, _, ..] if avvik.is_empty() && personer.is_empty() => {
                    faults.form(
                        field,
                        "et spor som gjelder ett avvik, ellers det ene i avvik",
                    );
                }
                _ => {}
            }
        }
    }
    personer.sort_unstable();
    personer.dedup();
    if personer.len() > rules::MOST {
        let form = format_args!("et spor som gjelder høyst {} personer", rules::MOST);
        faults.form(field, form);
    }
    faults.finish()?;
    Ok((personer, avvik))
}

pub(in crate::own) async fn godkjenn(
    tx: &mut Tx,
    request: GodkjennGranskingRequest,
) -> Result<GodkjennGranskingResponse, Error> {
    let gransking = find(tx, &request.name).await?;
    etag::krev(&request.etag, gransking.versjon)?;
    let av = Aktor::from(&tx.call().actor);
    let mut gransking = rules::godkjenn(gransking, av, tx.now())?;
    let (personer, avvik) = gjelder(tx, &gransking.innhold, "name").await?;
    gransking.innhold.personer = personer;
    gransking.innhold.avvik = avvik;
    save(tx, &gransking, "GranskingGodkjent").await?;
    Ok(GodkjennGranskingResponse {
        gransking: Some(told(tx, &gransking).await?),
    })
}

pub(in crate::own) async fn avslutt(
    tx: &mut Tx,
    request: AvsluttGranskingRequest,
) -> Result<AvsluttGranskingResponse, Error> {
    let gransking = find(tx, &request.name).await?;
    // To who is reviewed there is none.
    if gransking.innhold.enheter.contains(&tx.call().actor.enhet) {
        return Err(Refusal::not_found().into());
    }
    let gransking = rules::avslutt(gransking, tx.now())?;
    tx.clear_deadline(&gransking.name(), ENDS);
    save(tx, &gransking, "GranskingAvsluttet").await?;
    Ok(AvsluttGranskingResponse {
        gransking: Some(gransking.to_proto()),
    })
}

pub(in crate::own) async fn hent(
    tx: &mut Tx,
    request: HentGranskingRequest,
) -> Result<HentGranskingResponse, Error> {
    let gransking = find(tx, &request.name).await?;
    Ok(HentGranskingResponse {
        gransking: Some(told(tx, &gransking).await?),
    })
}

/// As the contract has it, with the ids that an open mandate reaches by a merge.
async fn told(tx: &mut Tx, gransking: &Gransking) -> Result<Wire, Error> {
    let mut wire = gransking.to_proto();
    if gransking.innhold.tilstand == GranskingTilstand::Aktiv {
        let merged = store::merged_with(tx, &gransking.innhold.personer).await?;
        wire.personer
            .extend(merged.iter().map(|id| navn::person(id)));
    }
    Ok(wire)
}

pub(in crate::own) async fn list(
    tx: &mut Tx,
    request: ListGranskingerRequest,
) -> Result<ListGranskingerResponse, Error> {
    let unit = parse_name("enheter/{enhet}", &request.parent)
        .and_then(|name| name.enhet)
        .ok_or_else(Refusal::not_found)?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let before = page.after().map(ToOwned::to_owned);
    let rows = store::newest(tx, unit, before.as_deref(), page.limit()).await?;
    let (rows, next_page_token) = page.cut(rows, |gransking| gransking.id.clone());
    Ok(ListGranskingerResponse {
        granskinger: rows.iter().map(Gransking::to_proto).collect(),
        next_page_token,
    })
}

/// The mandate's time is over.
pub(in crate::own) async fn on_deadline(tx: &mut Tx, due: &DueDeadline) -> Result<(), Error> {
    let gransking = find(tx, &due.post).await?;
    if gransking.innhold.tilstand == GranskingTilstand::Avsluttet {
        return Ok(());
    }
    let gransking = rules::avslutt(gransking, tx.now())?;
    save(tx, &gransking, "GranskingAvsluttet").await
}

async fn save(tx: &mut Tx, gransking: &Gransking, event: &'static str) -> Result<(), Error> {
    store::update(tx, gransking).await?;
    for fact in gransking.facts() {
        tx.fact(fact);
    }
    emit(tx, gransking, event);
    Ok(())
}

/// Tells who opened it and who reviews. It is about nobody: the persons find it
/// in their log, once somebody reads.
fn emit(tx: &mut Tx, gransking: &Gransking, type_: &'static str) {
    let content = &gransking.innhold;
    tx.emit(NewEvent {
        type_,
        person: "",
        post: &gransking.name(),
        eier: &content.apnet_av.enhet,
        mottakere: vec![
            content.apnet_av.enhet.clone(),
            content.gransker_enhet.clone(),
        ],
    });
}

async fn find(tx: &mut Tx, name: &str) -> Result<Gransking, Error> {
    let id = parse_name("granskinger/{sak}", name)
        .and_then(|_| name.rsplit('/').next())
        .ok_or_else(Refusal::not_found)?;
    store::get(tx, id)
        .await?
        .ok_or_else(|| Refusal::not_found().into())
}

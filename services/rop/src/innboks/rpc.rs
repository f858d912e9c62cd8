//! `InnboksService` and the events that fill the inbox.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    deadlines::DueDeadline,
    domene::{Virkninger, felt, kalender, navn},
    error::{Error, FieldFaults},
    page::Page,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    felles::Kvittering,
    hendelse::Hendelse,
    rop::{
        KvitterOppgaveRequest, KvitterOppgaveResponse, ListOppgaverRequest, ListOppgaverResponse,
        Oppgavetype,
    },
};

use super::{FRIST_OPPGAVE, Oppgave, SAMLING, Type, rules, store};
use crate::{ENHET, innstillinger::innstillinger, kontakt::Kontakt, tiltak};

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListOppgaverRequest,
) -> Result<ListOppgaverResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let filter: Option<Oppgavetype> = felt::filter(
        request.r#type,
        "type",
        "samspor.rop.v1.Oppgavetype",
        &mut faults,
    );
    faults.finish()?;
    let type_ = Type::ALLE
        .iter()
        .copied()
        .find(|type_| Some(Oppgavetype::from(*type_)) == filter);
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (tasks, next_page_token) = store::ventende(tx, &enhet, type_, &page).await?;
    Ok(ListOppgaverResponse {
        oppgaver: tasks.iter().map(Oppgave::to_proto).collect(),
        next_page_token,
    })
}

pub(crate) async fn kvitter(
    tx: &mut Tx,
    request: KvitterOppgaveRequest,
) -> Result<KvitterOppgaveResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let task = store::hent(tx, &person, &id).await?;
    let (mut task, virkninger) = rules::kvitter(task, av, tx.now())?;
    store::lagre(tx, &mut task).await?;
    virkninger.utfor(tx);
    Ok(KvitterOppgaveResponse {
        kvittering: Some(Kvittering {
            referanse: task.id,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// The effect of one event of bestillerkontor. An event that is not about an
/// oppdrag has none.
pub(crate) fn fra_bestillerkontor(
    tx: &mut Tx,
    hendelse: Hendelse,
) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        let mut faults = FieldFaults::new();
        let (person, _) = navn::les_post(&hendelse.post, "oppdrag", "post", &mut faults);
        if !faults.is_empty() {
            return Ok(());
        }
        crate::las_person(tx, &person).await?;
        match rules::betydning(&hendelse.r#type) {
            rules::Betydning::Ny => {
                let committed = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
                let since = committed.unwrap_or(tx.now());
                let (type_, id) = (Type::OppdragTilbudt, tx.new_id());
                let task = rules::ny(type_, person, id, ENHET, hendelse.post, since);
                legg_inn(tx, &task).await?;
                Ok(())
            }
            rules::Betydning::Bortfaller => {
                let task = store::om(tx, Type::OppdragTilbudt, &hendelse.post).await?;
                if let Some(mut task) = task.and_then(rules::bortfall) {
                    store::lagre(tx, &mut task).await?;
                }
                tiltak::oppdrag_avsluttet(tx, &person, &hendelse.post).await
            }
            rules::Betydning::Ingen => Ok(()),
        }
    }
    .boxed()
}

/// Three missed contacts in a row: somebody must look for the person. Nothing
/// new while somebody is asked already.
pub(crate) async fn oppsokende(tx: &mut Tx, kontakt: &Kontakt) -> Result<(), Error> {
    let mut task = rules::ny(
        Type::Oppsokende,
        kontakt.person.clone(),
        tx.new_id(),
        &kontakt.ansvarlig_enhet,
        kontakt.name(),
        tx.now(),
    );
    let days = innstillinger()?.oppsok_arbeidsdager;
    let due = kalender::arbeidsdager_etter(tx.now(), days);
    task.innhold.frist = Some(due);
    if legg_inn(tx, &task).await? {
        let mut out = Virkninger::new();
        let owner = [task.ansvarlig_enhet.clone()];
        out.frist(FRIST_OPPGAVE, &task.emne(), due, None, owner);
        out.utfor(tx);
    }
    Ok(())
}

/// Somebody looked for the person, or the person was met: whatever asked for
/// outreach is done.
pub(crate) async fn oppsokt(tx: &mut Tx, person: &str) -> Result<(), Error> {
    for task in store::ugjorte(tx, person, Type::Oppsokende).await? {
        gjor_ferdig(tx, task).await?;
    }
    Ok(())
}

/// What a task about a record asks for was done.
pub(crate) async fn ferdig(
    tx: &mut Tx,
    person: &str,
    type_: Type,
    post: &str,
) -> Result<(), Error> {
    let task = store::om(tx, type_, post).await?;
    match task.filter(|task| task.person == person) {
        Some(task) => gjor_ferdig(tx, task).await,
        None => Ok(()),
    }
}

async fn gjor_ferdig(tx: &mut Tx, task: Oppgave) -> Result<(), Error> {
    if let Some((mut task, out)) = rules::ferdig(task, tx.now()) {
        store::lagre(tx, &mut task).await?;
        out.utfor(tx);
    }
    Ok(())
}

/// A deadline of one of the unit's own records is near or has passed: it
/// becomes a task, once; one that was done before waits again.
pub(crate) async fn fra_frist(tx: &mut Tx, deadline: &DueDeadline) -> Result<(), Error> {
    let Some(type_) = rules::av_frist(&deadline.kind) else {
        return Ok(());
    };
    oppgave_om(
        tx,
        type_,
        &deadline.person,
        &deadline.eier,
        &deadline.post,
        deadline.due,
    )
    .await
}

/// A task about a record, with the record's own deadline.
pub(crate) async fn oppgave_om(
    tx: &mut Tx,
    type_: Type,
    person: &str,
    eier: &str,
    post: &str,
    due: Tid,
) -> Result<(), Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let mut task = rules::ny(type_, person.to_owned(), id, eier, post.to_owned(), now);
    task.innhold.frist = Some(due);
    if legg_inn(tx, &task).await? {
        return Ok(());
    }
    let before = store::om(tx, type_, post).await?;
    // Taken and not done: its deadline is what fires.
    let done = before.filter(|task| task.innhold.utfort.is_some());
    if let Some(mut task) = done.and_then(|task| rules::igjen(task, now, Some(due))) {
        store::lagre(tx, &mut task).await?;
        fortell(tx, &task);
    }
    Ok(())
}

async fn legg_inn(tx: &mut Tx, task: &Oppgave) -> Result<bool, Error> {
    let inserted = store::sett_inn(tx, task).await?;
    if inserted {
        fortell(tx, task);
    }
    Ok(inserted)
}

fn fortell(tx: &mut Tx, task: &Oppgave) {
    let mut out = Virkninger::new();
    let owner = [task.ansvarlig_enhet.clone()];
    out.hendelse("OppgaveOpprettet", &task.emne(), owner);
    out.utfor(tx);
}

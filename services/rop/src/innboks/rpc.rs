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
use crate::{ENHET, innstillinger::innstillinger, oppfolging, tiltak};

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
        let committed = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
        let since = committed.unwrap_or(tx.now());
        let offered = Type::OppdragTilbudt;
        match rules::betydning(&hendelse.r#type) {
            rules::Betydning::Ny => {
                oppfolging::rpc::oppdrag_pagar(tx, &person, &hendelse.post, false).await?;
                let task = ny(tx, offered, &person, &hendelse.post, since)?;
                legg_inn(tx, &task).await?;
                Ok(())
            }
            rules::Betydning::Besvart => {
                oppfolging::rpc::oppdrag_pagar(tx, &person, &hendelse.post, true).await?;
                ferdig(tx, &person, offered, &hendelse.post).await
            }
            rules::Betydning::Bortfaller => {
                for type_ in [offered, Type::OppdaterTiltak] {
                    ferdig(tx, &person, type_, &hendelse.post).await?;
                }
                tiltak::rpc::oppdrag_avsluttet(tx, &person, &hendelse.post).await?;
                oppfolging::rpc::oppdrag_slutt(tx, &person, &hendelse.post).await
            }
            rules::Betydning::Endret => {
                oppfolging::rpc::oppdrag_pagar(tx, &person, &hendelse.post, true).await?;
                if !tiltak::rpc::oppdrag_endret(tx, &person, &hendelse.post, since).await? {
                    return Ok(());
                }
                let due = ny(tx, Type::OppdaterTiltak, &person, &hendelse.post, since)?;
                let due = due.innhold.frist;
                let type_ = Type::OppdaterTiltak;
                oppgave_om(tx, type_, &person, ENHET, &hendelse.post, due).await?;
                Ok(())
            }
            rules::Betydning::Ingen => Ok(()),
        }
    }
    .boxed()
}

/// Three missed contacts in a row: somebody must look for the person. Nothing
/// new while somebody is asked already.
pub(crate) async fn oppsokende(tx: &mut Tx, person: &str, post: &str) -> Result<(), Error> {
    let asked = store::ugjorte(tx, person, Type::Oppsokende).await?;
    if !asked.is_empty() {
        return Ok(());
    }
    let days = innstillinger()?.oppsok_arbeidsdager;
    let due = kalender::arbeidsdager_etter(tx.now(), days);
    if let Some(task) = oppgave_om(tx, Type::Oppsokende, person, ENHET, post, due).await? {
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

/// Nothing is asked for about the person any more, but what boligkontor asks
/// for: its own events end that.
pub(crate) async fn avslutt_alle(tx: &mut Tx, person: &str) -> Result<(), Error> {
    for type_ in Type::ALLE.iter().filter(|type_| !type_.er_bolig()) {
        for task in store::ugjorte(tx, person, *type_).await? {
            gjor_ferdig(tx, task).await?;
        }
    }
    Ok(())
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
    .await?;
    Ok(())
}

/// A task about a record, with the record's own deadline. None where it waits
/// already.
pub(crate) async fn oppgave_om(
    tx: &mut Tx,
    type_: Type,
    person: &str,
    eier: &str,
    post: &str,
    due: Tid,
) -> Result<Option<Oppgave>, Error> {
    let (id, now) = (tx.new_id(), tx.now());
    let task = rules::ny(
        type_,
        person.to_owned(),
        id,
        eier,
        post.to_owned(),
        now,
        due,
    );
    if legg_inn(tx, &task).await? {
        return Ok(Some(task));
    }
    let before = store::om(tx, type_, post).await?;
    // Taken and not done: its deadline is what fires.
    let done = before.filter(|task| task.innhold.utfort.is_some());
    if let Some(mut task) = done.and_then(|task| rules::igjen(task, now, due)) {
        store::lagre(tx, &mut task).await?;
        fortell(tx, &task);
        return Ok(Some(task));
    }
    Ok(None)
}

/// A task of the unit that no other record has a deadline for.
pub(super) fn ny(
    tx: &Tx,
    type_: Type,
    person: &str,
    post: &str,
    siden: Tid,
) -> Result<Oppgave, Error> {
    let days = innstillinger()?.oppgave_arbeidsdager;
    let due = kalender::arbeidsdager_etter(siden, days);
    let (person, id, post) = (person.to_owned(), tx.new_id(), post.to_owned());
    Ok(rules::ny(type_, person, id, ENHET, post, siden, due))
}

pub(super) async fn legg_inn(tx: &mut Tx, task: &Oppgave) -> Result<bool, Error> {
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

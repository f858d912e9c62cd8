//! What boligkontor's events ask of the unit, as one that allocates dwellings,
//! follows tenants up, or takes part in a joint case about arrears.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::boligoppgaver::{Boligoppgave, ber_om, gjort, personen},
    error::Error,
    feeds::Consumer,
    store::Tx,
    tid::Tid,
};
use samspor_proto::hendelse::Hendelse;

use super::{Type, rpc};
use crate::ENHET;

/// What boligkontor tells the unit becomes tasks.
pub(crate) const FRA_BOLIGKONTOR: Consumer = Consumer {
    from: "boligkontor",
    enhet: ENHET,
    apply: bruk,
};

const fn type_av(oppgave: Boligoppgave) -> Type {
    match oppgave {
        Boligoppgave::Boligsak => Type::Boligsak,
        Boligoppgave::FinnBolig => Type::FinnBolig,
        Boligoppgave::Restanse => Type::Restanse,
        Boligoppgave::Bekymring => Type::Bekymring,
        Boligoppgave::OppfolgingAvslatt => Type::OppfolgingAvslatt,
        Boligoppgave::LeieforholdOppsagt => Type::LeieforholdOppsagt,
    }
}

/// The effect of one event.
pub(crate) fn bruk(tx: &mut Tx, hendelse: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
    async move {
        let Some(person) = personen(&hendelse.post) else {
            return Ok(());
        };
        crate::las_person(tx, person).await?;
        if let Some(type_) = ber_om(&hendelse.r#type).map(type_av) {
            let committed = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
            let since = committed.unwrap_or(tx.now());
            let task = rpc::ny(tx, type_, person, &hendelse.post, since)?;
            rpc::legg_inn(tx, &task).await?;
        }
        for type_ in gjort(&hendelse.r#type) {
            rpc::ferdig(tx, person, type_av(*type_), &hendelse.post).await?;
        }
        Ok(())
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_chassis::{
        store::Store,
        testing::{
            Database, TestCall,
            boligoppgaver::{RUNDER, UTEN_VIRKNING},
            request_id,
        },
    };
    use samspor_proto::rop::{KvitterOppgaveRequest, ListOppgaverRequest, Oppgave, Oppgavetype};

    use super::*;

    samspor_chassis::on_both_databases! {
        each_event_asks_once_and_another_ends_it,
    }

    const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

    async fn hendt(store: &Store, type_: &str, post: &str) {
        let event = Hendelse {
            r#type: type_.into(),
            post: format!("{P}/{post}"),
            ..Default::default()
        };
        let call = TestCall::new(ENHET).ansatt("a1").build();
        let id = request_id();
        let done = store.write(call, &id, move |tx| {
            async move {
                bruk(tx, event).await?;
                Ok::<_, Error>(samspor_proto::rop::KvitterOppgaveResponse::default())
            }
            .boxed()
        });
        done.await.unwrap();
    }

    async fn oppgaver(store: &Store) -> Vec<Oppgave> {
        let call = TestCall::new(ENHET).ansatt("a1").build();
        let mut tx = store.begin_read(call).await.unwrap();
        let request = ListOppgaverRequest {
            parent: format!("enheter/{ENHET}"),
            ..Default::default()
        };
        rpc::list(&mut tx, request).await.unwrap().oppgaver
    }

    async fn venter(store: &Store) -> Vec<Oppgavetype> {
        let tasks = oppgaver(store).await;
        tasks.iter().map(Oppgave::r#type).collect()
    }

    /// Once however often it comes, and about the record alone; gone when a later
    /// event says so. Where nothing is recorded of what is done, who takes the task
    /// does it.
    ///
    /// Seen red: with `gjort` that forgets a concern, with one that ends the search
    /// when any dwelling is held, and with a task that waits after it was taken.
    async fn each_event_asks_once_and_another_ends_it(database: Database) {
        let store = database
            .open(<crate::Rop as samspor_chassis::server::Agency>::migrations())
            .await;
        for (asks, post, ends, task) in RUNDER {
            let kind = Oppgavetype::from(type_av(task));
            for _ in 0..2 {
                hendt(&store, asks, post).await;
                assert_eq!(venter(&store).await, [kind], "{asks}");
            }
            for (other, about) in UTEN_VIRKNING {
                hendt(&store, other, about).await;
            }
            assert_eq!(venter(&store).await, [kind], "{asks}");
            for _ in 0..2 {
                hendt(&store, ends, post).await;
                assert_eq!(venter(&store).await, [], "{ends}");
            }
        }
        hendt(&store, "OppfolgingAvslatt", "leieforhold/2").await;
        let task = oppgaver(&store).await.remove(0);
        assert_eq!(task.r#type(), Oppgavetype::OppfolgingAvslatt);
        let request = KvitterOppgaveRequest {
            name: task.name,
            request_id: request_id(),
        };
        let call = TestCall::new(ENHET).ansatt("a1").build();
        let id = request_id();
        let taken = store.write(call, &id, move |tx| rpc::kvitter(tx, request).boxed());
        taken.await.unwrap();
        assert_eq!(venter(&store).await, []);
    }
}

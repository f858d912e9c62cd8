//! N1: how notes are shared is the municipality's file. The same program, three
//! files, three outcomes.

use samspor_gateway::policy::PolicySource;
use samspor_proto::{felles::Rolle, rop::*, tilgang::Formal};

use super::Kommune;

/// A unit that delivers beside ROP reads ROP's notes: never where a folder must
/// be moved, in daily work where there is one journal, and in the meeting where
/// they are shared there. Never what is health, since it is no health unit.
///
/// Seen red: with Ålesund's file saying what Kristiansund's does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_municipalities_share_the_journal_in_three_ways() {
    for (kommune, in_daily_work, in_the_meeting) in [
        ("levanger", false, false),
        ("kristiansund", true, false),
        ("alesund", false, true),
    ] {
        let kommune = Kommune::from(PolicySource::embedded(kommune)).await;
        let case = Box::pin(kommune.case()).await;
        let notes = Box::pin(kommune.scene.journal(&case.person)).await;
        for (formal, expected) in [
            (Formal::Ytelse, in_daily_work),
            (Formal::Samordning, in_the_meeting),
        ] {
            let bom = kommune
                .scene
                .desk("bom", Rolle::Saksbehandler, formal)
                .await;
            let request = ListAapneNotaterRequest {
                parent: case.person.clone(),
                ..Default::default()
            };
            let method = "rop.v1.JournalService/ListAapneNotater";
            let answer = bom.call::<_, ListAapneNotaterResponse>(method, request);
            let found = answer.await.result.map(|page| page.notater);
            let found = found.unwrap_or_default();
            assert_eq!(!found.is_empty(), expected, "{formal:?}");
            for note in found {
                assert!(!note.tema.is_empty() && !note.funksjon.is_empty());
                assert!(note.tekst.is_empty());
            }
            let request = HentBegrensetNotatRequest {
                name: notes.restricted.clone(),
            };
            let method = "rop.v1.JournalService/HentBegrensetNotat";
            let answer = bom.call::<_, HentBegrensetNotatResponse>(method, request);
            assert!(
                answer.await.result.is_err(),
                "what is restricted is shared nowhere"
            );
        }
    }
}

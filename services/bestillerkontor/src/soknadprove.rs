//! An application that several units decide on, through the handlers and the
//! store: who may, and what becomes of it when the person says otherwise.

use samspor_chassis::testing::{Database, request_id};
use samspor_proto::{bestillerkontor::*, felles::Feilgrunn};

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{P, hjemmel, hos, kall},
    forlopsprove::*,
    rettsprove::{facts, refuse},
    soknad, vedtak,
};

samspor_chassis::on_both_databases! {
    a_unit_that_the_person_refuses_decides_nothing,
    what_one_unit_decided_stands_when_the_rest_is_taken_back,
}

/// A unit that the person refuses decides on nothing: it gets
/// no draft, and what it was drafting is discarded with what that opened.
///
/// Seen red: without the check in `opprett`; without `forkast_hos_nektede`.
async fn a_unit_that_the_person_refuses_decides_nothing(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let content = || {
        let lines = vec![line(Tjenestetype::Boveiledning, "bom")];
        let mut content = with_lines(&application, lines, "bom");
        content.ansvarlig_enhet = "enheter/rop".into();
        content
    };
    let drafted = draft(&store, content()).await;
    let draft_id = drafted.name.rsplit('/').next().unwrap();
    let opened_by_it = async || {
        let open = facts(&store).await;
        open.keys().filter(|id| id.contains(draft_id)).count()
    };
    assert_eq!(
        opened_by_it().await,
        4,
        "the case, the application, the mapping"
    );
    refuse(&store, &application, &["rop"]).await;
    assert_eq!(opened_by_it().await, 0);
    assert_eq!(kinds(&waiting(&store, "rop").await), Vec::<String>::new());
    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let name = drafted.name.clone();
    let request = HentVedtakRequest { name, versjon: 0 };
    let found = vedtak::rpc::hent(&mut tx, request).await.unwrap();
    assert_eq!(found.vedtak.unwrap().tilstand(), VedtakTilstand::Forkastet);
    drop(tx);

    let again = async || {
        let request = OpprettVedtakRequest {
            parent: P.into(),
            request_id: request_id(),
            vedtak: Some(content()),
        };
        kall!(store, hos(ENHET, "a1"), vedtak::rpc::opprett, request)
    };
    assert_eq!(fields(again().await), "vedtak.ansvarlig_enhet");
    refuse(&store, &application, &[]).await;
    again().await.unwrap();
}

/// What a unit has decided is not dismissed, and stands when the person takes the
/// rest back.
///
/// Seen red: without `vedtatte` in `henlegg`; with `trekk` always to TRUKKET.
async fn what_one_unit_decided_stands_when_the_rest_is_taken_back(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let application = ready(&store).await;
    let mut drafts = Vec::new();
    for (unit, type_) in [
        ("rop", Tjenestetype::RopOppfolging),
        (ENHET, Tjenestetype::Avlastning),
    ] {
        let mut content = with_lines(&application, vec![line(type_, "bom")], "bom");
        content.ansvarlig_enhet = format!("enheter/{unit}");
        drafts.push(draft(&store, content).await);
    }
    let sent = send(&store, hos("rop", "r1"), &drafts[0]).await;
    let by = med("rop", "r2", &["rop_oppfolging"]);
    let decided = decide(&store, by, &sent).await.unwrap();

    let request = ForeslaHenleggelseRequest {
        name: application.clone(),
        request_id: request_id(),
        arsak: Henleggelsesarsak::Flyttet.into(),
        begrunnelse: "Flyttet".into(),
        hjemmel: Some(hjemmel()),
    };
    let by = hos(ENHET, "a3");
    let proposed = kall!(store, by, soknad::rpc::foresla_henleggelse, request);
    let request = HenleggSoknadRequest {
        name: application.clone(),
        request_id: request_id(),
        etag: proposed.unwrap().soknad.unwrap().etag,
    };
    let dismissed = kall!(store, hos(ENHET, "b1"), soknad::rpc::henlegg, request);
    let refused = refusal(dismissed);
    assert_eq!(refused.grunn, Feilgrunn::UgyldigForesporsel);
    assert_eq!(refused.felt[0].felt, "name");

    let request = TrekkSoknadRequest {
        name: application.clone(),
        request_id: request_id(),
        personens_onske: "Vil ikke ha avlastning".into(),
    };
    kall!(store, hos(ENHET, "a1"), soknad::rpc::trekk, request).unwrap();
    let state = soknad_state(&store, &application).await;
    assert_eq!(state, SoknadTilstand::Vedtatt);
    let stands = read(&store, &decided, 0).await.unwrap();
    assert_eq!(stands.tilstand(), VedtakTilstand::Fattet);
    assert_eq!(states(&orders(&store).await), ["1 bom TILBUDT"]);
}

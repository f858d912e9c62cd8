//! Who treats the person and who is the primary contact, as the leader decides.

use samspor_proto::{felles::Rolle, rop::*, tilgang::Formal};
use tonic::Code;

use super::KANARI;
use crate::scene::*;

const TREATS: &str = "rop.v1.BehandlingService/ListBehandlere";
const END_TREATING: &str = "rop.v1.BehandlingService/AvsluttBehandler";
const NOTE: &str = "rop.v1.JournalService/HentBegrensetNotat";
const ASSIGN: &str = "rop.v1.PrimaerkontaktService/TildelPrimaerkontakt";
const CONTACTS: &str = "rop.v1.PrimaerkontaktService/ListPrimaerkontakter";
const CASELOAD: &str = "rop.v1.PrimaerkontaktService/ListBelastning";

/// The clinician reads the restricted note as long as the treatment lasts; the
/// primary contact is another's from the moment the leader says so.
///
/// Seen red: with a treatment that ends without telling the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_says_who_treats_and_who_is_the_contact() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let herself = scene.person_desk(&case.person).await;
    let treating = || ListBehandlereRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let note = || HentBegrensetNotatRequest {
        name: journal.restricted.clone(),
    };

    let before: ListBehandlereResponse = ok(&clinician, TREATS, treating()).await;
    let [relation] = &before.behandlere[..] else {
        panic!("{before:?}");
    };
    assert_eq!(relation.ansatt, "rop-behandler");
    assert!(relation.til.is_none() && relation.avsluttet_av.is_none());
    ok::<_, HentBegrensetNotatResponse>(&clinician, NOTE, note()).await;
    let end = || AvsluttBehandlerRequest {
        name: relation.name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Personen ønsker en annen. {KANARI}"),
    };
    let ended: AvsluttBehandlerResponse = ok(&leader, END_TREATING, end()).await;
    let ended = ended.behandlerforhold.unwrap();
    assert!(ended.til.is_some());
    assert_eq!(ended.avsluttet_av.as_ref().unwrap().ansatt, "rop-leder");
    // The right ends with the treatment, on the next call.
    let status = refused::<_, HentBegrensetNotatResponse>(&clinician, NOTE, note()).await;
    assert_eq!(status.code(), Code::NotFound);
    refused::<_, AvsluttBehandlerResponse>(&leader, END_TREATING, end()).await;
    let seen: ListBehandlereResponse = ok(&herself, TREATS, treating()).await;
    assert_eq!(seen.behandlere.len(), 1);
    assert_eq!(seen.behandlere[0].begrunnelse, ended.begrunnelse);
    assert_eq!(seen.behandlere[0].til, ended.til);

    // Two in a row: the second ends the first.
    let assign = |ansatt: &str| TildelPrimaerkontaktRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        ansatt: ansatt.to_owned(),
        hjemmel: Some(basis("§ 3-2")),
    };
    let first: TildelPrimaerkontaktResponse = ok(&leader, ASSIGN, assign("rop-miljo")).await;
    assert_eq!((first.antall, first.over_grensen), (1, false));
    ok::<_, TildelPrimaerkontaktResponse>(&leader, ASSIGN, assign("rop-behandler")).await;
    let listed = || ListPrimaerkontakterRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let contacts: ListPrimaerkontakterResponse = ok(&herself, CONTACTS, listed()).await;
    let who = contacts.primaerkontakter.iter();
    let who: Vec<(&str, bool)> = who
        .map(|one| (one.ansatt.as_str(), one.til.is_some()))
        .collect();
    assert_eq!(who, [("rop-behandler", false), ("rop-miljo", true)]);
    let bom = scene.desk("bom", Rolle::Miljo, Formal::Ytelse).await;
    let theirs: ListPrimaerkontakterResponse = ok(&bom, CONTACTS, listed()).await;
    assert_eq!(theirs.primaerkontakter, []);

    let follows_up = scene.desk("rop", Rolle::Leder, Formal::Oppfolging).await;
    let load = || ListBelastningRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let loads: ListBelastningResponse = ok(&follows_up, CASELOAD, load()).await;
    let rows = loads.belastninger.iter();
    let rows: Vec<(&str, i32, i32)> = rows
        .map(|one| (one.ansatt.as_str(), one.antall, one.grense))
        .collect();
    assert_eq!(rows, [("rop-behandler", 1, first.grense)]);
    let bom = scene.desk("bom", Rolle::Leder, Formal::Oppfolging).await;
    refused::<_, ListBelastningResponse>(&bom, CASELOAD, load()).await;
}

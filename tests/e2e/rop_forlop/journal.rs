//! Open and restricted notes, corrected by a later one, and who reads which.

use samspor_proto::{felles::Rolle, rop::*, tilgang::Formal};
use tonic::Code;

use super::KANARI;
use crate::scene::*;

const WRITE: &str = "rop.v1.JournalService/SkrivAapentNotat";
const READ: &str = "rop.v1.JournalService/HentAapentNotat";
const OPEN: &str = "rop.v1.JournalService/ListAapneNotater";
const RESTRICTED: &str = "rop.v1.JournalService/ListBegrensedeNotater";

/// Who decides on the services reads of function and not of health; who does not
/// treat the person does not learn that there are restricted notes.
///
/// Seen red: with a correction that does not mark what it corrects.
#[tokio::test(flavor = "multi_thread")]
async fn notes_are_corrected_and_read_by_class() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let herself = scene.person_desk(&case.person).await;
    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let open = || ListAapneNotaterRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    let before: ListAapneNotaterResponse = ok(&clinician, OPEN, open()).await;
    let wrong = before.notater[0].name.clone();
    let right = SkrivAapentNotatRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        tema: "Oppstart".to_owned(),
        funksjon: format!("Handler sammen med en venn. {KANARI}"),
        tekst: format!("Uendret bruk. {KANARI}"),
        retter: wrong.clone(),
        rettelse_begrunnelse: format!("Gjaldt uken før. {KANARI}"),
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    };
    let right: SkrivAapentNotatResponse = ok(&clinician, WRITE, right).await;
    let right = right.notat.unwrap();
    for desk in [&clinician, &staff, &herself] {
        let list: ListAapneNotaterResponse = ok(desk, OPEN, open()).await;
        let names: Vec<&str> = list.notater.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, [&right.name, &wrong]);
        assert_eq!(list.notater[1].rettet_av, right.name);
        assert_eq!(list.notater[0].tekst, right.tekst);
    }
    let named = HentAapentNotatRequest {
        name: right.name.clone(),
    };
    let read: HentAapentNotatResponse = ok(&author, READ, named).await;
    let read = read.notat.unwrap();
    assert_eq!((&read.funksjon, &read.retter), (&right.funksjon, &wrong));
    assert!(read.tekst.is_empty() && read.rettelse_begrunnelse.is_empty());

    let restricted = || ListBegrensedeNotaterRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    for desk in [&clinician, &herself] {
        let list: ListBegrensedeNotaterResponse = ok(desk, RESTRICTED, restricted()).await;
        assert_eq!(list.notater.len(), 1);
        assert_eq!(list.notater[0].name, journal.restricted);
        assert_eq!(list.notater[0].tekst, "Fortrolig.");
    }
    let colleague = scene.desk_of("rop", "rop-annen", Rolle::Behandler, Formal::Ytelse);
    for desk in [&colleague.await, &staff] {
        let status = refused::<_, ListBegrensedeNotaterResponse>(desk, RESTRICTED, restricted());
        assert_eq!(status.await.code(), Code::NotFound);
    }
}

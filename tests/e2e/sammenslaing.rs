//! Two ids of one person, through the gateway.

use samspor::desk::Desk;
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    gateway::*,
    koordinering::*,
    tilgang::Formal,
};
use tonic::Code;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, request_id, seen, strict};

const FORESLA: &str = "koordinering.v1.SammenslaingService/ForeslaSammenslaing";
const BEKREFT: &str = "koordinering.v1.SammenslaingService/BekreftSammenslaing";

fn confirm(merge: &Sammenslaing) -> BekreftSammenslaingRequest {
    BekreftSammenslaingRequest {
        name: merge.name.clone(),
        request_id: request_id(),
        etag: merge.etag.clone(),
    }
}

/// A merge that two employees made.
pub async fn merge(scene: &Scene, remains: &str, duplikat: &str) -> Sammenslaing {
    let index = async |rolle| scene.desk("koordinering", rolle, Formal::Samordning).await;
    let request = ForeslaSammenslaingRequest {
        parent: remains.to_owned(),
        request_id: request_id(),
        duplikat: duplikat.to_owned(),
        begrunnelse: "D-nummer ble til fødselsnummer.".to_owned(),
    };
    let first = index(Rolle::Saksbehandler).await;
    let proposed = ok::<_, ForeslaSammenslaingResponse>(&first, FORESLA, request).await;
    let second = index(Rolle::Beslutter).await;
    let request = confirm(&proposed.sammenslaing.unwrap());
    let held = ok::<_, BekreftSammenslaingResponse>(&second, BEKREFT, request).await;
    held.sammenslaing.unwrap()
}

/// Somebody says that a merge was wrong.
pub async fn doubt(scene: &Scene, held: Sammenslaing) {
    let index = scene
        .desk("koordinering", Rolle::Beslutter, Formal::Samordning)
        .await;
    ok::<_, ForeslaOpphevingAvSammenslaingResponse>(
        &index,
        "koordinering.v1.SammenslaingService/ForeslaOpphevingAvSammenslaing",
        ForeslaOpphevingAvSammenslaingRequest {
            name: held.name,
            request_id: request_id(),
            etag: held.etag,
            begrunnelse: "To søstre, ikke én person.".to_owned(),
        },
    )
    .await;
}

/// The D-nummer became a fødselsnummer: the person reads, with either id, what
/// stands under each, who looked, and that they were merged; until somebody
/// says that it was wrong.
///
/// Seen red: with `selv` by the id alone; with the row of the other id marked as
/// a representative's.
#[tokio::test(flavor = "multi_thread")]
async fn the_person_reads_what_stands_under_each_id() {
    let scene = Scene::start().await;
    let (remains, before) = (
        scene.person(NUMBERS[0]).await,
        scene.person(NUMBERS[1]).await,
    );
    scene.ready(&before).await;
    let (new, old) = (
        scene.person_desk(&remains).await,
        scene.person_desk(&before).await,
    );
    let applications = async |desk: &Desk, person: &str| {
        let request = ListSoknaderRequest {
            parent: person.to_owned(),
            ..Default::default()
        };
        let method = "bestillerkontor.v1.SoknadService/ListSoknader";
        let answer = desk.call::<_, ListSoknaderResponse>(method, request).await;
        let listed = answer.result.map(|answer| answer.soknader.len());
        listed.map_err(|status| status.code())
    };
    assert_eq!(applications(&new, &before).await, Err(Code::NotFound));
    assert_eq!(applications(&old, &remains).await, Err(Code::NotFound));

    let held = merge(&scene, &remains, &before).await;
    assert_eq!(applications(&new, &before).await, Ok(1));
    assert_eq!(applications(&old, &before).await, Ok(1));
    assert_eq!(applications(&old, &remains).await, Ok(0));
    let merges = ok::<_, ListSammenslaingerResponse>(
        &new,
        "koordinering.v1.SammenslaingService/ListSammenslainger",
        ListSammenslaingerRequest {
            parent: remains.clone(),
            ..Default::default()
        },
    )
    .await
    .sammenslainger;
    assert_eq!(merges.len(), 1);
    assert_eq!(merges[0].duplikat, before);
    assert_eq!(merges[0].begrunnelse, "", "an assessment");
    let looked = ok::<_, ListInnsynResponse>(
        &new,
        "gateway.v1.InnsynsloggService/ListInnsyn",
        ListInnsynRequest {
            parent: before.clone(),
            page_size: 50,
            ..Default::default()
        },
    )
    .await
    .innsyn;
    let own = looked
        .iter()
        .filter(|row| row.metode.ends_with("/ListSoknader") && !row.avslatt);
    let own: Vec<&Innsyn> = own
        .filter(|row| row.aktor.as_ref().unwrap().rolle() == Rolle::Innbygger)
        .collect();
    assert_eq!(own.len(), 2);
    assert!(own.iter().all(|row| !row.representant));

    doubt(&scene, held).await;
    assert_eq!(applications(&new, &before).await, Err(Code::NotFound));
    assert_eq!(applications(&old, &before).await, Ok(1));
}

/// A merge by one employee discloses nothing; by two, what one unit delivers
/// under one id opens the other, until somebody says that it was wrong. What
/// restricts crosses from the start.
///
/// Seen red: without W3.les, which the second person reads by.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_opens_by_two_persons_and_restricts_by_one() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let other = scene.person(NUMBERS[1]).await;
    let index = async |rolle| scene.desk("koordinering", rolle, Formal::Samordning).await;
    let (first, second) = (
        index(Rolle::Saksbehandler).await,
        index(Rolle::Beslutter).await,
    );
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let read = async |desk: &Desk, person: &str| {
        let request = HentPersonRequest {
            name: person.to_owned(),
        };
        let method = "koordinering.v1.PersonService/HentPerson";
        desk.call::<_, HentPersonResponse>(method, request)
            .await
            .result
    };
    let propose = |duplikat: &str| ForeslaSammenslaingRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        duplikat: duplikat.to_owned(),
        begrunnelse: "D-nummer ble til fødselsnummer.".to_owned(),
    };
    assert_eq!(read(&rop, &other).await.unwrap_err().code(), Code::NotFound);

    let elsewhere = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    refused::<_, ForeslaSammenslaingResponse>(&elsewhere, FORESLA, propose(&other)).await;
    let proposed = ok::<_, ForeslaSammenslaingResponse>(&first, FORESLA, propose(&other)).await;
    let proposed = proposed.sammenslaing.unwrap();
    assert_eq!(read(&rop, &other).await.unwrap_err().code(), Code::NotFound);
    let alone =
        refused::<_, BekreftSammenslaingResponse>(&first, BEKREFT, confirm(&proposed)).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));

    // The second person reads what is proposed, and confirms that version.
    let shown = ok::<_, HentSammenslaingResponse>(
        &second,
        "koordinering.v1.SammenslaingService/HentSammenslaing",
        HentSammenslaingRequest {
            name: proposed.name.clone(),
        },
    )
    .await
    .sammenslaing
    .unwrap();
    assert_eq!(shown.duplikat, other);
    assert_eq!(shown.begrunnelse, "D-nummer ble til fødselsnummer.");
    let held = ok::<_, BekreftSammenslaingResponse>(&second, BEKREFT, confirm(&shown)).await;
    let held = held.sammenslaing.unwrap();
    let opened = read(&rop, &other).await.unwrap().person.unwrap();
    assert_eq!(opened.sammenslatt_med, case.person);

    ok::<_, ForeslaOpphevingAvSammenslaingResponse>(
        &second,
        "koordinering.v1.SammenslaingService/ForeslaOpphevingAvSammenslaing",
        ForeslaOpphevingAvSammenslaingRequest {
            name: held.name.clone(),
            request_id: request_id(),
            etag: held.etag.clone(),
            begrunnelse: "To søstre, ikke én person.".to_owned(),
        },
    )
    .await;
    assert_eq!(read(&rop, &other).await.unwrap_err().code(), Code::NotFound);

    // Whoever may not know of one of them cannot draw the person out.
    let hidden = scene.case(NUMBERS[2]).await.person;
    let units = ["bestillerkontor", "rop", "bom"];
    scene
        .protect("bestillerkontor", strict(&hidden, &units))
        .await;
    let nobody = "personer/00000000-0000-4000-8000-00000000dead";
    let mut told = Vec::new();
    for duplikat in [&*hidden, nobody] {
        let status = refused::<_, ForeslaSammenslaingResponse>(&first, FORESLA, propose(duplikat));
        told.push(seen(&status.await));
    }
    assert_eq!(told[0], told[1]);
}

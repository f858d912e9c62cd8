//! Lists: records without right are dropped, pages are full all the same, and
//! nothing about paging tells that something was dropped.

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    koordinering::*,
    tilgang::Formal,
};
use tonic::Code;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, request_id};

const LIST: &str = "bestillerkontor.v1.SoknadService/ListEnhetensSoknader";

async fn apply(scene: &Scene, person: &str) {
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    ok::<_, MottaSoknadResponse>(
        &inntak,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        MottaSoknadRequest {
            parent: person.to_owned(),
            request_id: request_id(),
            eget_onske: "Faste folk.".to_owned(),
            kanal: Kanal::Oppmote.into(),
            gjelder: vec![Tjenestetype::RopOppfolging.into()],
            ..Default::default()
        },
    )
    .await;
}

fn page(size: i32, token: &str) -> ListEnhetensSoknaderRequest {
    ListEnhetensSoknaderRequest {
        parent: "enheter/bestillerkontor".to_owned(),
        page_size: size,
        page_token: token.to_owned(),
        ..Default::default()
    }
}

async fn shut(scene: &Scene, person: &str) {
    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Samordning)
        .await;
    let second = scene
        .desk("koordinering", Rolle::Beslutter, Formal::Samordning)
        .await;
    let vern = ok::<_, ForeslaVernResponse>(
        &leader,
        "koordinering.v1.VernService/ForeslaVern",
        ForeslaVernRequest {
            parent: person.to_owned(),
            request_id: request_id(),
            r#type: Verntype::Sperring.into(),
            gjelder_enheter: vec!["enheter/bestillerkontor".to_owned()],
            hjemmel: Some(samspor_proto::felles::Hjemmel {
                lov: "pasientjournalloven".to_owned(),
                paragraf: "§ 17".to_owned(),
            }),
            begrunnelse: "Personens eget ønske om sperring.".to_owned(),
            ..Default::default()
        },
    )
    .await;
    let vern = vern.vern.unwrap();
    ok::<_, BekreftVernResponse>(
        &second,
        "koordinering.v1.VernService/BekreftVern",
        BekreftVernRequest {
            name: vern.name,
            request_id: request_id(),
            etag: vern.etag,
        },
    )
    .await;
}

/// However many records are hidden in a row, no page is empty and none is
/// asked for again.
///
/// Seen red: with a page that ended after fifty calls to the owner, and with
/// records behind the first answer read from the middle of a smaller one.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_of_hidden_records_leaves_no_empty_page() {
    let scene = Scene::start().await;
    let mut people = Vec::new();
    for number in NUMBERS {
        people.push(scene.person(number).await);
    }
    // The newest come first.
    for (visible, hidden) in [(0, 120), (2, 40), (0, 10)] {
        apply(&scene, &people[visible]).await;
        for _ in 0..hidden {
            apply(&scene, &people[1]).await;
        }
    }
    shut(&scene, &people[1]).await;
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let mut token = String::new();
    let mut seen = Vec::new();
    for size in [1, 1, 1] {
        let answer = ok::<_, ListEnhetensSoknaderResponse>(&desk, LIST, page(size, &token)).await;
        seen.extend(answer.soknader.into_iter().map(|soknad| soknad.name));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(token.is_empty());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

/// One person is hidden between two others by a sperring against the unit:
/// the pages hold the rest, full, and the last has no token.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_filled_past_what_is_dropped_and_its_token_tells_nothing() {
    let scene = Scene::start().await;
    let mut people = Vec::new();
    for number in NUMBERS {
        people.push(scene.person(number).await);
    }
    // Visible, hidden, visible, hidden, in the order of the list.
    for n in [0, 1, 2, 1] {
        apply(&scene, &people[n]).await;
    }
    shut(&scene, &people[1]).await;

    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let all = ok::<_, ListEnhetensSoknaderResponse>(&desk, LIST, page(0, "")).await;
    assert_eq!(all.soknader.len(), 2);
    assert!(all.next_page_token.is_empty());
    let first = ok::<_, ListEnhetensSoknaderResponse>(&desk, LIST, page(1, "")).await;
    assert_eq!(first.soknader.len(), 1);
    assert!(!first.next_page_token.is_empty());
    let second =
        ok::<_, ListEnhetensSoknaderResponse>(&desk, LIST, page(1, &first.next_page_token)).await;
    assert_eq!(second.soknader.len(), 1);
    assert_ne!(first.soknader[0].name, second.soknader[0].name);
    // Only the hidden ones are left: no token leads to an empty page.
    assert!(
        second.next_page_token.is_empty(),
        "a token would tell that something is hidden"
    );

    // A token belongs to its caller and its arguments.
    let other = scene
        .desk_of(
            "bestillerkontor",
            "another",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let status =
        refused::<_, ListEnhetensSoknaderResponse>(&other, LIST, page(1, &first.next_page_token))
            .await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigSidetoken));
    let mut changed = page(1, &first.next_page_token);
    changed.tilstand = SoknadTilstand::Mottatt.into();
    let status = refused::<_, ListEnhetensSoknaderResponse>(&desk, LIST, changed).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigSidetoken));
    let status = refused::<_, ListEnhetensSoknaderResponse>(&desk, LIST, page(5000, "")).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let foreign = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Saksbehandling)
        .await;
    let status = refused::<_, ListEnhetensSoknaderResponse>(&foreign, LIST, page(0, "")).await;
    assert_eq!(status.code(), Code::NotFound, "another unit's work list");
}

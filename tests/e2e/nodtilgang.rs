//! Break-glass, from the session to its review.

use std::time::Duration;

use samspor_proto::{
    bestillerkontor::{ListVedtakRequest, ListVedtakResponse},
    felles::Rolle,
    gateway::*,
    hendelse::{AbonnerRequest, AbonnerResponse, FolgRequest, FolgResponse, Hendelse},
    koordinering::{ForeslaVernRequest, Verntype},
    rop::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::{Code, Streaming};

use crate::scene::{NUMBERS, Scene, ok, refused, request_id, seen, strict, vern};

pub fn start_nodtilgang(person: &str) -> StartNodtilgangRequest {
    StartNodtilgangRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        begrunnelse: "Funnet bevisstløs hjemme.".to_owned(),
        klasser: vec![
            Dataklasse::Tjeneste.into(),
            Dataklasse::Helse.into(),
            Dataklasse::Funksjon.into(),
        ],
        varighet_minutter: 30,
    }
}

/// The next event of a stream that is of a type.
async fn told<A>(
    stream: &mut Streaming<A>,
    event: impl Fn(A) -> Option<Hendelse>,
    type_: &str,
) -> Hendelse {
    let wait = async {
        loop {
            let message = stream.message().await.unwrap();
            let event = message.and_then(&event).expect("the stream has ended");
            if event.r#type == type_ {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("nobody is told")
}

/// Break-glass: a system may not, a clinician may, also against a sperring, and
/// no other role against that; the person and the leader are told at once, and
/// the person sees it in the log; it is listed until another has reviewed it.
///
/// Seen red: with a review by the leader of any unit; with sperring lifted for
/// every role; with events that are addressed to the unit alone.
#[tokio::test(flavor = "multi_thread")]
async fn break_glass_opens_is_seen_and_is_reviewed_by_another() {
    Box::pin(glass(&Scene::start().await)).await;
}

pub async fn glass(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let start = "gateway.v1.NodtilgangService/StartNodtilgang";
    let read = "rop.v1.KriseplanService/HentKriseplan";
    let request = || HentKriseplanRequest {
        name: journal.plan.clone(),
    };

    let system = scene
        .desk_of("hjemmetjeneste", "", Rolle::System, Formal::Nodhjelp)
        .await;
    let status =
        refused::<_, StartNodtilgangResponse>(&system, start, start_nodtilgang(&case.person)).await;
    assert_eq!(status.code(), Code::PermissionDenied);

    let clinician = scene
        .desk("hjemmetjeneste", Rolle::Behandler, Formal::Nodhjelp)
        .await;
    let before = refused::<_, HentKriseplanResponse>(&clinician, read, request()).await;
    assert_eq!(before.code(), Code::NotFound);
    let herself = scene.person_desk(&case.person).await;
    let leader = scene
        .desk("hjemmetjeneste", Rolle::Leder, Formal::Kontroll)
        .await;
    let mut her_feed = herself
        .stream::<_, FolgResponse>(
            "hendelse.v1.HendelseService/Folg",
            FolgRequest {
                parent: case.person.clone(),
                tjeneste: "gateway".to_owned(),
                fra: None,
            },
        )
        .await
        .unwrap();
    let mut units_feed = scene
        .desk("hjemmetjeneste", Rolle::Leder, Formal::Oppfolging)
        .await
        .stream::<_, AbonnerResponse>(
            "hendelse.v1.HendelseService/Abonner",
            AbonnerRequest {
                parent: "enheter/hjemmetjeneste".to_owned(),
                tjeneste: "gateway".to_owned(),
                etter: 0,
            },
        )
        .await
        .unwrap();
    let worker = scene
        .desk("hjemmetjeneste", Rolle::Miljo, Formal::Nodhjelp)
        .await;
    let others = ok::<_, StartNodtilgangResponse>(&worker, start, start_nodtilgang(&case.person));
    let others = others.await.nodtilgang.unwrap();
    let of_person = |answer: FolgResponse| answer.hendelse;
    let of_unit = |answer: AbonnerResponse| answer.hendelse;
    for event in [
        told(&mut her_feed, of_person, "NodtilgangStartet").await,
        told(&mut units_feed, of_unit, "NodtilgangStartet").await,
    ] {
        assert_eq!(event.post, others.name);
    }
    ok::<_, HentKriseplanResponse>(&worker, read, request()).await;

    // Only a clinician reads on when the person has blocked the unit. Of that
    // session the leader hears by the list alone: the unit's feed is blocked.
    let mut sperring = vern(&case.person, Verntype::Sperring);
    sperring.gjelder_enheter = vec!["enheter/hjemmetjeneste".to_owned()];
    scene.protect("rop", sperring).await;
    let blocked = refused::<_, HentKriseplanResponse>(&worker, read, request()).await;
    assert_eq!(seen(&blocked), seen(&before));
    let session =
        ok::<_, StartNodtilgangResponse>(&clinician, start, start_nodtilgang(&case.person))
            .await
            .nodtilgang
            .unwrap();
    let event = told(&mut her_feed, of_person, "NodtilgangStartet").await;
    assert_eq!(event.post, session.name);
    let plan = ok::<_, HentKriseplanResponse>(&clinician, read, request())
        .await
        .kriseplan
        .unwrap();
    assert!(!plan.behandling.is_empty() && plan.kontakter.is_empty());

    let log = ok::<_, ListInnsynResponse>(
        &herself,
        "gateway.v1.InnsynsloggService/ListInnsyn",
        ListInnsynRequest {
            parent: case.person.clone(),
            page_size: 20,
            ..Default::default()
        },
    )
    .await
    .innsyn;
    assert!(
        log.iter()
            .any(|row| row.formal() == Formal::Nodhjelp && row.metode.ends_with("HentKriseplan"))
    );

    let waiting = || ListNodtilgangerRequest {
        parent: "enheter/hjemmetjeneste".to_owned(),
        bare_ventende: true,
        ..Default::default()
    };
    let list = "gateway.v1.NodtilgangService/ListNodtilganger";
    let listed = ok::<_, ListNodtilgangerResponse>(&leader, list, waiting())
        .await
        .nodtilganger;
    assert_eq!(listed.len(), 2);
    ok::<_, AvsluttNodtilgangResponse>(
        &clinician,
        "gateway.v1.NodtilgangService/AvsluttNodtilgang",
        AvsluttNodtilgangRequest {
            name: session.name.clone(),
            request_id: request_id(),
        },
    )
    .await;
    let after = refused::<_, HentKriseplanResponse>(&clinician, read, request()).await;
    assert_eq!(seen(&after), seen(&before));
    let review = "gateway.v1.NodtilgangService/GjennomgaNodtilgang";
    let finding = || GjennomgaNodtilgangRequest {
        name: session.name.clone(),
        request_id: request_id(),
        berettiget: true,
        vurdering: "Nødvendig.".to_owned(),
    };
    for unit in ["rop", "nav", "bestillerkontor"] {
        let other = scene.desk(unit, Rolle::Leder, Formal::Kontroll).await;
        let status = refused::<_, GjennomgaNodtilgangResponse>(&other, review, finding()).await;
        assert_eq!(status.code(), Code::NotFound, "{unit}");
    }
    ok::<_, GjennomgaNodtilgangResponse>(&leader, review, finding()).await;
    let left = ok::<_, ListNodtilgangerResponse>(&leader, list, waiting()).await;
    let left: Vec<String> = left.nodtilganger.into_iter().map(|s| s.name).collect();
    assert_eq!(left, [others.name]);
}

/// A session can be opened on any id, so what it does not open must not tell:
/// who is strictly protected or has closed the records for the unit is answered
/// as a person whom nobody knows.
///
/// Seen red: with sessions forgotten for a hidden person, and with a sperring
/// that refuses the whole list.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_tells_of_nobody_what_it_does_not_open() {
    let scene = Scene::start().await;
    let [hidden, closed] = [scene.case(NUMBERS[0]).await, scene.case(NUMBERS[1]).await];
    let plan = scene.journal(&hidden.person).await.plan;
    let mandated = ["bestillerkontor", "rop", "bom"];
    scene
        .protect("bestillerkontor", strict(&hidden.person, &mandated))
        .await;
    let sperring = ForeslaVernRequest {
        gjelder_enheter: vec!["enheter/hjemmetjeneste".to_owned()],
        ..vern(&closed.person, Verntype::Sperring)
    };
    scene.protect("bestillerkontor", sperring).await;
    let known = scene.person(NUMBERS[2]).await;
    let nobody = "personer/00000000-0000-4000-8000-00000000dead".to_owned();
    let worker = scene
        .desk("hjemmetjeneste", Rolle::Miljo, Formal::Nodhjelp)
        .await;
    let mut read = Vec::new();
    for person in [&hidden.person, &closed.person, &known, &nobody] {
        ok::<_, StartNodtilgangResponse>(
            &worker,
            "gateway.v1.NodtilgangService/StartNodtilgang",
            start_nodtilgang(person),
        )
        .await;
        let parent = person.clone();
        let vedtak = ListVedtakRequest {
            parent,
            ..ListVedtakRequest::default()
        };
        let kontakter = ListKontakterRequest {
            parent: person.clone(),
            ..ListKontakterRequest::default()
        };
        let name = plan.replace(&hidden.person, person);
        let one = HentKriseplanRequest { name };
        let one = worker
            .call::<_, HentKriseplanResponse>("rop.v1.KriseplanService/HentKriseplan", one)
            .await;
        read.push((
            ok::<_, ListVedtakResponse>(
                &worker,
                "bestillerkontor.v1.VedtakService/ListVedtak",
                vedtak,
            )
            .await,
            ok::<_, ListKontakterResponse>(
                &worker,
                "rop.v1.KontaktService/ListKontakter",
                kontakter,
            )
            .await,
            seen(&one.result.unwrap_err()),
        ));
    }
    assert_eq!(read[0].0, ListVedtakResponse::default());
    for other in &read[1..] {
        assert_eq!(*other, read[0]);
    }
}

//! A stay, and what the person says of it.

use samspor_proto::{felles::Rolle, nav::*, tilgang::Formal};

use super::{INNVILG, KANARI, idag, innvilg, meldt, plassen};
use crate::scene::{NUMBERS, Scene, basis, ok, refused, request_id};

/// A stay that is moved, prolonged, excepted from three months and ended, and
/// what ROP sees of it (P10).
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_through_the_gateway() {
    let scene = Scene::start().await;
    let person = scene.case(NUMBERS[0]).await.person;
    opphold(&scene, &person).await;
}

pub async fn opphold(scene: &Scene, person: &str) {
    let (a, b) = (plassen(scene, "A").await, plassen(scene, "B").await);
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let rop = scene.desk("rop", Rolle::Miljo, Formal::Oppfolging).await;
    let name = meldt(scene, person).await;
    let granted = ok::<_, InnvilgBotilbudResponse>(&decider, INNVILG, innvilg(scene, &name, &a));
    let stay = granted.await.botilbud.unwrap().opphold;

    let request = HentOppholdRequest { name: stay.clone() };
    let hent = "nav.v1.OppholdService/HentOpphold";
    let seen = ok::<_, HentOppholdResponse>(&rop, hent, request.clone()).await;
    let seen = seen.opphold.unwrap();
    assert_eq!(seen.tilstand(), OppholdTilstand::Lopende);
    assert!(seen.startet.is_some() && seen.tre_maneder.is_some());
    let [place] = &seen.plasser[..] else {
        panic!("{seen:?}")
    };
    let hidden = [&place.plass, &place.leverandor, &place.grunn];
    assert!(hidden.iter().all(|text| text.is_empty()), "{seen:?}");
    assert_eq!(place.fra, idag(scene, 0));
    let stranger = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Oppfolging)
        .await;
    refused::<_, HentOppholdResponse>(&stranger, hent, request).await;

    let method = "nav.v1.OppholdService/FlyttOpphold";
    let request = FlyttOppholdRequest {
        name: stay.clone(),
        request_id: request_id(),
        plass: b,
        grunn: format!("Bråk om natten. {KANARI}"),
        ..Default::default()
    };
    ok::<_, FlyttOppholdResponse>(&nav, method, request).await;
    let method = "nav.v1.OppholdService/ForlengOpphold";
    let request = ForlengOppholdRequest {
        name: stay.clone(),
        request_id: request_id(),
        til: idag(scene, 100),
        begrunnelse: format!("Venter på bolig. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
        unntak_begrunnelse: format!("Boligen er klar om tre måneder. {KANARI}"),
    };
    ok::<_, ForlengOppholdResponse>(&decider, method, request).await;
    let method = "nav.v1.OppholdService/InnvilgUnntak";
    let request = InnvilgUnntakRequest {
        name: stay.clone(),
        request_id: request_id(),
        begrunnelse: format!("Boligen er klar om fire måneder. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
        til: idag(scene, 120),
    };
    ok::<_, InnvilgUnntakResponse>(&decider, method, request).await;
    let request = ListLopendeOppholdRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.OppholdService/ListLopendeOpphold";
    let running = ok::<_, ListLopendeOppholdResponse>(&nav, method, request).await;
    assert_eq!(running.opphold.len(), 1);
    let request = ListOppholdRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.OppholdService/ListOpphold";
    let all = ok::<_, ListOppholdResponse>(&rop, method, request).await;
    assert_eq!(all.opphold.len(), 1);
    erfaring(scene, person, &stay).await;
    let method = "nav.v1.OppholdService/AvsluttOpphold";
    let request = AvsluttOppholdRequest {
        name: stay,
        request_id: request_id(),
        grunn: format!("Flyttet til søsteren. {KANARI}"),
        videre: Videre::Familie.into(),
        videre_merknad: format!("Storgata 3. {KANARI}"),
    };
    ok::<_, AvsluttOppholdResponse>(&nav, method, request).await;
}

/// The person says how it is, and is answered.
async fn erfaring(scene: &Scene, person: &str, stay: &str) {
    let herself = scene.person_desk(person).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let request = GiBrukererfaringRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        tilfredshet: 2,
        tekst: format!("Ingen ringte. {KANARI}"),
        om: stay.to_owned(),
    };
    let method = "nav.v1.BrukererfaringService/GiBrukererfaring";
    ok::<_, GiBrukererfaringResponse>(&herself, method, request).await;
    let request = ListUbesvarteBrukererfaringerRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.BrukererfaringService/ListUbesvarteBrukererfaringer";
    let waiting = ok::<_, ListUbesvarteBrukererfaringerResponse>(&nav, method, request).await;
    let name = waiting.brukererfaringer[0].name.clone();
    let request = BesvarBrukererfaringRequest {
        name: name.clone(),
        request_id: request_id(),
        svar: format!("Det beklager vi. {KANARI}"),
        endring: format!("Vakten ringer samme kveld. {KANARI}"),
    };
    let method = "nav.v1.BrukererfaringService/BesvarBrukererfaring";
    ok::<_, BesvarBrukererfaringResponse>(&nav, method, request).await;
    let request = HentBrukererfaringRequest { name };
    let method = "nav.v1.BrukererfaringService/HentBrukererfaring";
    let read = ok::<_, HentBrukererfaringResponse>(&herself, method, request).await;
    assert!(read.brukererfaring.unwrap().svar.starts_with("Det"));
    let request = ListBrukererfaringerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.BrukererfaringService/ListBrukererfaringer";
    ok::<_, ListBrukererfaringerResponse>(&nav, method, request).await;
}

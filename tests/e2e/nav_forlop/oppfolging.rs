//! Who is barred, asks, is advised, and lives on little.

use samspor::desk::Desk;
use samspor_proto::{felles::Rolle, nav::*, tilgang::Formal};

use super::{KANARI, idag, meldt, plassen};
use crate::scene::{NUMBERS, Scene, basis, ok, refused, request_id};

/// A person who is barred, and complains of it; and what else nav follows up.
#[tokio::test(flavor = "multi_thread")]
async fn barred_and_followed_up_through_the_gateway() {
    utestengt(&Scene::start().await).await;
    fulgt(&Scene::start().await).await;
}

pub async fn utestengt(scene: &Scene) {
    let person = scene.person(NUMBERS[0]).await;
    plassen(scene, "Hospits AS").await;
    meldt(scene, &person).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let herself = scene.person_desk(&person).await;
    let request = RegistrerUtestengelseRequest {
        parent: person.clone(),
        request_id: request_id(),
        sted: Utestengelsessted::Leverandor.into(),
        leverandor: "Hospits AS".to_owned(),
        arsak: format!("Truet en vakt. {KANARI}"),
        fra: idag(scene, 0),
        til: idag(scene, 30),
        gjennomgang: idag(scene, 10),
        kontaktperson: format!("Kari. {KANARI}"),
        vakttelefon: "55 55 33 33".to_owned(),
    };
    let method = "nav.v1.UtestengelseService/RegistrerUtestengelse";
    let bar = ok::<_, RegistrerUtestengelseResponse>(&nav, method, request).await;
    let name = bar.utestengelse.unwrap().name;
    let request = ListOppgaverRequest {
        parent: "enheter/nav".to_owned(),
        r#type: Oppgavetype::StengtOveralt.into(),
        ..Default::default()
    };
    let method = "nav.v1.InnboksService/ListOppgaver";
    let tasks = ok::<_, ListOppgaverResponse>(&nav, method, request).await;
    assert_eq!(tasks.oppgaver.len(), 1, "the only provider bars the person");
    let request = GjennomgaUtestengelseRequest {
        name: name.clone(),
        request_id: request_id(),
        vurdering: format!("Uendret. {KANARI}"),
        opphev: false,
        gjennomgang: idag(scene, 20),
    };
    let method = "nav.v1.UtestengelseService/GjennomgaUtestengelse";
    ok::<_, GjennomgaUtestengelseResponse>(&nav, method, request).await;
    let request = KlagUtestengelseRequest {
        name: name.clone(),
        request_id: request_id(),
        klage: format!("Det var ikke meg. {KANARI}"),
    };
    let method = "nav.v1.UtestengelseService/KlagUtestengelse";
    ok::<_, KlagUtestengelseResponse>(&herself, method, request).await;
    let request = AvgjorUtestengelsesklageRequest {
        name: name.clone(),
        request_id: request_id(),
        utfall: Klageutfall::Opprettholdt.into(),
        svar: format!("To vitner. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
    };
    let method = "nav.v1.UtestengelseService/AvgjorUtestengelsesklage";
    ok::<_, AvgjorUtestengelsesklageResponse>(&decider, method, request).await;
    let request = HentUtestengelseRequest { name };
    let method = "nav.v1.UtestengelseService/HentUtestengelse";
    let own = ok::<_, HentUtestengelseResponse>(&herself, method, request).await;
    assert!(own.utestengelse.unwrap().kontaktperson.starts_with("Kari"));
    let request = ListUtestengelserRequest {
        parent: person,
        ..Default::default()
    };
    let method = "nav.v1.UtestengelseService/ListUtestengelser";
    ok::<_, ListUtestengelserResponse>(&nav, method, request).await;
}

pub async fn fulgt(scene: &Scene) {
    let person = scene.person(NUMBERS[0]).await;
    let person = &person;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    henvendelser(scene, &nav, person).await;
    rad(scene, &nav, person).await;
    penger(scene, &nav, person).await;
}

async fn henvendelser(scene: &Scene, nav: &Desk, person: &str) {
    let police = scene.desk("politi", Rolle::Inntak, Formal::Sikkerhet).await;
    let request = MeldHenvendelseRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        kanal: Meldekanal::AnnenEnhet.into(),
        innhold: format!("Vil snakke om gjeld. {KANARI}"),
    };
    let method = "nav.v1.HenvendelseService/MeldHenvendelse";
    ok::<_, MeldHenvendelseResponse>(&police, method, request).await;
    let request = ListHenvendelserRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.HenvendelseService/ListHenvendelser";
    let all = ok::<_, ListHenvendelserResponse>(nav, method, request).await;
    let name = all.henvendelser[0].name.clone();
    let request = BekreftHenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let method = "nav.v1.HenvendelseService/BekreftHenvendelse";
    ok::<_, BekreftHenvendelseResponse>(nav, method, request).await;
    let request = BesvarHenvendelseRequest {
        name: name.clone(),
        request_id: request_id(),
        svar: format!("Time på torsdag. {KANARI}"),
    };
    let method = "nav.v1.HenvendelseService/BesvarHenvendelse";
    ok::<_, BesvarHenvendelseResponse>(nav, method, request).await;
    let request = HentHenvendelseRequest { name };
    let method = "nav.v1.HenvendelseService/HentHenvendelse";
    let own = scene.person_desk(person).await;
    ok::<_, HentHenvendelseResponse>(&own, method, request).await;
}

/// Advice that ROP, which does not know the person, is to help with: it reads
/// what with until it has said that it does, and nothing after.
async fn rad(scene: &Scene, nav: &Desk, person: &str) {
    let request = GiRadRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        tema: "Gjeld".to_owned(),
        rad: format!("Be om nedbetaling. {KANARI}"),
        mottaker: "enheter/rop".to_owned(),
        oppdrag: "Følge til banken".to_owned(),
        hjemmel: Some(basis("§ 17")),
    };
    let given = ok::<_, GiRadResponse>(nav, "nav.v1.RadService/GiRad", request).await;
    let name = given.rad.unwrap().name;
    let rop = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let method = "nav.v1.RadService/HentRad";
    let request = HentRadRequest { name: name.clone() };
    let read = ok::<_, HentRadResponse>(&rop, method, request.clone()).await;
    assert_eq!(read.rad.unwrap().oppdrag, "Følge til banken");
    let confirm = BekreftRadRequest {
        name,
        request_id: request_id(),
        bekreftelse: format!("Vi følger på mandag. {KANARI}"),
    };
    let answer = "nav.v1.RadService/BekreftRad";
    ok::<_, BekreftRadResponse>(&rop, answer, confirm).await;
    refused::<_, HentRadResponse>(&rop, method, request).await;
    let request = ListRadRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let all = ok::<_, ListRadResponse>(nav, "nav.v1.RadService/ListRad", request).await;
    assert_eq!(all.rad[0].tilstand(), RadTilstand::Bekreftet);
}

/// Support for living, and management by consent.
async fn penger(scene: &Scene, nav: &Desk, person: &str) {
    let decider = scene
        .desk("nav", Rolle::Beslutter, Formal::Saksbehandling)
        .await;
    let herself = scene.person_desk(person).await;
    let request = InnvilgLivsoppholdRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        fra: idag(scene, 0),
        belop_ore: 750_000,
        begrunnelse: format!("Uten inntekt. {KANARI}"),
        hjemmel: Some(basis("§ 18")),
    };
    let method = "nav.v1.LivsoppholdService/InnvilgLivsopphold";
    let made = ok::<_, InnvilgLivsoppholdResponse>(&decider, method, request).await;
    let name = made.livsopphold.unwrap().name;
    let request = VurderLivsoppholdRequest {
        name: name.clone(),
        request_id: request_id(),
        belop_ore: 700_000,
        begrunnelse: format!("Fikk deltidsjobb. {KANARI}"),
        hjemmel: Some(basis("§ 18")),
    };
    let method = "nav.v1.LivsoppholdService/VurderLivsopphold";
    ok::<_, VurderLivsoppholdResponse>(&decider, method, request).await;
    let request = HentLivsoppholdRequest { name: name.clone() };
    let method = "nav.v1.LivsoppholdService/HentLivsopphold";
    ok::<_, HentLivsoppholdResponse>(&herself, method, request).await;
    let request = ListLivsoppholdRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.LivsoppholdService/ListLivsopphold";
    ok::<_, ListLivsoppholdResponse>(nav, method, request).await;
    let request = AvsluttLivsoppholdRequest {
        name,
        request_id: request_id(),
        grunn: format!("Full jobb. {KANARI}"),
        hjemmel: Some(basis("§ 18")),
    };
    let method = "nav.v1.LivsoppholdService/AvsluttLivsopphold";
    ok::<_, AvsluttLivsoppholdResponse>(&decider, method, request).await;

    let request = SamtykkForvaltningRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        r#type: Forvaltningstype::DirekteHusleie.into(),
        omfang: format!("Husleien. {KANARI}"),
        samtykke: format!("Nav betaler den. {KANARI}"),
    };
    let method = "nav.v1.ForvaltningService/SamtykkForvaltning";
    ok::<_, SamtykkForvaltningResponse>(&herself, method, request).await;
    let request = ListForvaltningerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.ForvaltningService/ListForvaltninger";
    let all = ok::<_, ListForvaltningerResponse>(nav, method, request).await;
    let name = all.forvaltninger[0].name.clone();
    let request = TrekkForvaltningRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    let method = "nav.v1.ForvaltningService/TrekkForvaltning";
    ok::<_, TrekkForvaltningResponse>(&herself, method, request).await;
    let request = AvsluttForvaltningRequest {
        name: name.clone(),
        request_id: request_id(),
        grunn: format!("Stanset. {KANARI}"),
    };
    let method = "nav.v1.ForvaltningService/AvsluttForvaltning";
    ok::<_, AvsluttForvaltningResponse>(nav, method, request).await;
    let request = HentForvaltningRequest { name };
    let method = "nav.v1.ForvaltningService/HentForvaltning";
    ok::<_, HentForvaltningResponse>(nav, method, request).await;
}

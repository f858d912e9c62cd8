//! Lives at nav through the gateway: a bed for tonight, asked for, given,
//! refused and not found, and what others see of it.

mod bekymring;
mod oppfolging;
mod opphold;

use std::sync::Arc;

use samspor::desk::Desk;
use samspor_chassis::{domene::Dag, testing::TestClock};
use samspor_proto::{felles::Rolle, nav::*, tilgang::Formal};

use crate::scene::{NUMBERS, Scene, basis, ok, refused, request_id, strict};

/// In texts that the rules hold back from telemetry; see `traces.rs`.
const KANARI: &str = "Sagt av Kanari Kvitterson 01819010435.";

const MELD: &str = "nav.v1.BotilbudService/MeldBehov";
pub const INNVILG: &str = "nav.v1.BotilbudService/InnvilgBotilbud";
const HENT: &str = "nav.v1.BotilbudService/HentBotilbud";
const LIST: &str = "nav.v1.BotilbudService/ListBotilbud";
const I_NATT: &str = "nav.v1.NattService/HentNattilbud";

/// Every life here, each in a mesh of its own.
pub async fn lives() {
    for life in 0..4 {
        let scene = Scene::start().await;
        let person = scene.case(NUMBERS[0]).await.person;
        lived(life, &scene, &person).await;
    }
}

/// One of the four, of a person who is followed up.
pub async fn lived(life: u8, scene: &Scene, person: &str) {
    match life {
        0 => Box::pin(seng(scene, person)).await,
        1 => Box::pin(opphold::opphold(scene, person)).await,
        2 => Box::pin(oppfolging::utestengt(scene)).await,
        _ => Box::pin(oppfolging::fulgt(scene)).await,
    }
}

fn behov(person: &str, kanal: Meldekanal) -> MeldBehovRequest {
    MeldBehovRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        kanal: kanal.into(),
        arsak: Behovsarsak::Brudd.into(),
        eget_onske: format!("Et rolig sted. {KANARI}"),
        kontaktes: format!("Venter på biblioteket. {KANARI}"),
        ..Default::default()
    }
}

fn sjekkliste() -> Vec<Kvalitet> {
    (1..)
        .map_while(|n| Kvalitetspunkt::try_from(n).ok())
        .map(|punkt| Kvalitet {
            punkt: punkt.into(),
            svar: Kvalitetssvar::Ja.into(),
            merknad: String::new(),
        })
        .collect()
}

fn idag(scene: &Scene, days: i32) -> String {
    Dag::av(scene.mesh.now()).pluss_dager(days).to_string()
}

pub async fn plassen(scene: &Scene, leverandor: &str) -> String {
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let request = RegistrerPlassRequest {
        parent: "enheter/nav".to_owned(),
        request_id: request_id(),
        r#type: Plasstype::Hospits.into(),
        navn: "Hospitset".to_owned(),
        adresse: format!("Storgata 1. {KANARI}"),
        leverandor: leverandor.to_owned(),
        senger: 4,
        pris_ore: 90_000,
        kvalitet: sjekkliste(),
        kontrollert: idag(scene, -1),
    };
    let method = "nav.v1.PlassService/RegistrerPlass";
    let made = ok::<_, RegistrerPlassResponse>(&desk, method, request).await;
    made.plass.unwrap().name
}

pub fn innvilg(scene: &Scene, name: &str, plass: &str) -> InnvilgBotilbudRequest {
    InnvilgBotilbudRequest {
        name: name.to_owned(),
        request_id: request_id(),
        plass: plass.to_owned(),
        til: idag(scene, 7),
        begrunnelse: format!("Har ingen steder å sove. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
        ..Default::default()
    }
}

/// Those of a person, newest first, as a desk sees them.
async fn botilbudene(desk: &Desk, person: &str) -> Vec<Botilbud> {
    let request = ListBotilbudRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    ok::<_, ListBotilbudResponse>(desk, LIST, request)
        .await
        .botilbud
}

async fn svar(desk: &Desk, person: &str) -> Nattsvar {
    let request = HentNattilbudRequest {
        parent: person.to_owned(),
    };
    let found = ok::<_, HentNattilbudResponse>(desk, I_NATT, request).await;
    found.nattilbud.unwrap().svar()
}

/// The police tell of somebody, and the name of the request as nav sees it.
pub async fn meldt(scene: &Scene, person: &str) -> String {
    let police = scene.desk("politi", Rolle::Inntak, Formal::Sikkerhet).await;
    let request = behov(person, Meldekanal::AnnenEnhet);
    ok::<_, MeldBehovResponse>(&police, MELD, request).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    botilbudene(&nav, person).await[0].name.clone()
}

/// A person whom ROP follows asks for a bed, gets one, is refused one, and says
/// to need none; what ROP, the person and a stranger see of it (P10).
#[tokio::test(flavor = "multi_thread")]
async fn a_bed_for_tonight_through_the_gateway() {
    let scene = Scene::start().await;
    let person = scene.case(NUMBERS[0]).await.person;
    seng(&scene, &person).await;
}

async fn seng(scene: &Scene, person: &str) {
    let plass = plassen(scene, "Hospits AS").await;
    let decider = scene.desk("nav", Rolle::Beslutter, Formal::Tildeling).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let herself = scene.person_desk(person).await;
    let rop = scene.desk("rop", Rolle::Miljo, Formal::Oppfolging).await;
    let stranger = scene
        .desk("boligkontor", Rolle::Boligforvalter, Formal::Oppfolging)
        .await;

    // The person asks; nobody has a bed; then there is one.
    ok::<_, MeldBehovResponse>(&herself, MELD, behov(person, Meldekanal::Digitalt)).await;
    let name = botilbudene(&nav, person).await[0].name.clone();
    assert_eq!(svar(&herself, person).await, Nattsvar::Venter);
    let none = MeldIkkeKlartRequest {
        name: name.clone(),
        request_id: request_id(),
        grunn: IkkeKlartGrunn::IngenLedig.into(),
        begrunnelse: format!("Ringte alle. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
    };
    let method = "nav.v1.BotilbudService/MeldIkkeKlart";
    ok::<_, MeldIkkeKlartResponse>(&decider, method, none).await;
    assert_eq!(svar(&rop, person).await, Nattsvar::IkkeKlart);
    let granted =
        ok::<_, InnvilgBotilbudResponse>(&decider, INNVILG, innvilg(scene, &name, &plass));
    let granted = granted.await.botilbud.unwrap();
    assert_eq!(granted.plass, plass);
    assert_eq!(svar(&nav, person).await, Nattsvar::Tilbud);

    // ROP sees that there is one and since when: not why, where or for how much.
    let request = HentBotilbudRequest { name: name.clone() };
    let seen = ok::<_, HentBotilbudResponse>(&rop, HENT, request.clone()).await;
    let seen = seen.botilbud.unwrap();
    assert_eq!(seen.tilstand(), BotilbudTilstand::Innvilget);
    assert!(seen.mottatt.is_some() && !seen.til.is_empty());
    let hidden = [
        &seen.plass,
        &seen.kontaktes,
        &seen.begrunnelse,
        &seen.eget_onske,
    ];
    assert!(hidden.iter().all(|text| text.is_empty()), "{seen:?}");
    assert_eq!(
        (seen.arsak(), seen.belop_ore),
        (Behovsarsak::Unspecified, 0)
    );
    assert_eq!(seen.meldt_av, None);
    assert!(seen.skjerming.is_some());
    refused::<_, HentBotilbudResponse>(&stranger, HENT, request.clone()).await;
    let own = ok::<_, HentBotilbudResponse>(&herself, HENT, request).await;
    assert_eq!(own.botilbud.unwrap().plass, plass);

    // Another time it is refused, and another the person needs none.
    let name = meldt(scene, person).await;
    let refuse = AvslaBotilbudRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Har plass til fredag. {KANARI}"),
        hjemmel: Some(basis("§ 27")),
    };
    let method = "nav.v1.BotilbudService/AvslaBotilbud";
    ok::<_, AvslaBotilbudResponse>(&decider, method, refuse).await;
    let name = meldt(scene, person).await;
    let waiting = ListVentendeBotilbudRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.BotilbudService/ListVentendeBotilbud";
    let waiting = ok::<_, ListVentendeBotilbudResponse>(&nav, method, waiting).await;
    assert_eq!(waiting.botilbud.len(), 1);
    let tasks = ListOppgaverRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let method = "nav.v1.InnboksService/ListOppgaver";
    let tasks = ok::<_, ListOppgaverResponse>(&nav, method, tasks).await;
    let task = tasks
        .oppgaver
        .iter()
        .find(|task| task.post == name)
        .unwrap();
    let take = KvitterOppgaveRequest {
        name: task.name.clone(),
        request_id: request_id(),
    };
    let method = "nav.v1.InnboksService/KvitterOppgave";
    ok::<_, KvitterOppgaveResponse>(&nav, method, take).await;
    let needs_none = BortfallBotilbudRequest {
        name,
        request_id: request_id(),
        begrunnelse: format!("Sover hos en venn. {KANARI}"),
    };
    let method = "nav.v1.BotilbudService/BortfallBotilbud";
    ok::<_, BortfallBotilbudResponse>(&herself, method, needs_none).await;
    plasser(scene, &plass).await;
    netter(scene).await;
}

/// What is known of places.
async fn plasser(scene: &Scene, plass: &str) {
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Tildeling)
        .await;
    let look = KontrollerPlassRequest {
        name: plass.to_owned(),
        request_id: request_id(),
        kvalitet: sjekkliste(),
        kontrollert: idag(scene, 0),
        pris_ore: 95_000,
    };
    ok::<_, KontrollerPlassResponse>(&desk, "nav.v1.PlassService/KontrollerPlass", look).await;
    let request = HentPlassRequest {
        name: plass.to_owned(),
    };
    let found = ok::<_, HentPlassResponse>(&desk, "nav.v1.PlassService/HentPlass", request).await;
    let found = found.plass.unwrap();
    assert_eq!((found.pris_ore, found.ledige), (95_000, 3));
    let list = ListPlasserRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let found = ok::<_, ListPlasserResponse>(&desk, "nav.v1.PlassService/ListPlasser", list).await;
    assert_eq!(found.plasser.len(), 1);
    // One without guests.
    let end = AvsluttPlassRequest {
        name: plassen(scene, "Pensjonatet").await,
        request_id: request_id(),
    };
    ok::<_, AvsluttPlassResponse>(&desk, "nav.v1.PlassService/AvsluttPlass", end).await;
}

/// Nights without a bed: exact for nav, rounded for others.
async fn netter(scene: &Scene) {
    let leader = scene.desk("nav", Rolle::Leder, Formal::Statistikk).await;
    let exact = HentNattallRequest {
        parent: "enheter/nav".to_owned(),
        fra: idag(scene, -30),
        til: idag(scene, -1),
    };
    let method = "nav.v1.NattService/HentNattall";
    ok::<_, HentNattallResponse>(&leader, method, exact.clone()).await;
    let rop = scene.desk("rop", Rolle::Leder, Formal::Statistikk).await;
    refused::<_, HentNattallResponse>(&rop, method, exact).await;
    let month = Dag::av(scene.mesh.now()).pluss_maneder(-1).to_string()[..7].to_owned();
    let publish = PubliserNattallRequest {
        parent: "enheter/nav".to_owned(),
        request_id: request_id(),
        maned: month.clone(),
    };
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let method = "nav.v1.NattService/PubliserNattall";
    ok::<_, PubliserNattallResponse>(&desk, method, publish).await;
    let told = HentPublisertNattallRequest {
        parent: "enheter/nav".to_owned(),
        maned: month,
    };
    let method = "nav.v1.NattService/HentPublisertNattall";
    ok::<_, HentPublisertNattallResponse>(&rop, method, told).await;
}

/// An acute night in every municipality, by the clock of the test: the one on
/// duty registers and decides alone at 21:30, as the settings let her; by day
/// she would not.
#[tokio::test(flavor = "multi_thread")]
async fn an_acute_night_under_every_municipality() {
    for kommune in ["karmoy", "sarpsborg", "levanger", "alesund", "kristiansund"] {
        let clock = Arc::new(TestClock::new("2026-11-23T20:30:00Z".parse().unwrap()));
        let scene = Scene::on(clock.clone(), |options| {
            options.kommune = kommune.to_owned();
        })
        .await;
        let person = scene.person(NUMBERS[0]).await;
        let plass = plassen(&scene, "Hospits AS").await;
        let duty = |rolle, formal| scene.desk_of("nav", "vakt", rolle, formal);
        let intake = duty(Rolle::Inntak, Formal::Oppfolging).await;
        let decides = duty(Rolle::Beslutter, Formal::Tildeling).await;
        for (at, alone) in [
            ("2026-11-23T20:30:00Z", true),
            ("2026-12-01T09:00:00Z", false),
        ] {
            clock.set(at.parse().unwrap());
            let request = behov(&person, Meldekanal::Vakttelefon);
            ok::<_, MeldBehovResponse>(&intake, MELD, request).await;
            let name = botilbudene(&decides, &person).await[0].name.clone();
            let request = innvilg(&scene, &name, &plass);
            if alone {
                let given = ok::<_, InnvilgBotilbudResponse>(&decides, INNVILG, request).await;
                assert!(given.botilbud.unwrap().alene, "{kommune}");
                assert_eq!(svar(&decides, &person).await, Nattsvar::Tilbud, "{kommune}");
            } else {
                refused::<_, InnvilgBotilbudResponse>(&decides, INNVILG, request).await;
            }
        }
    }
}

/// A strictly protected person's acute night is registered all the same, and is
/// the mandated unit's, which decides it; nav knows of nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_persons_night_is_the_mandated_units() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let plass = plassen(&scene, "Hospits AS").await;
    let units = ["bestillerkontor", "rop", "bom"];
    scene
        .protect("bestillerkontor", strict(&case.person, &units))
        .await;
    let police = scene.desk("politi", Rolle::Inntak, Formal::Sikkerhet).await;
    let request = behov(&case.person, Meldekanal::AnnenEnhet);
    ok::<_, MeldBehovResponse>(&police, MELD, request).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let request = ListBotilbudRequest {
        parent: case.person.clone(),
        ..Default::default()
    };
    refused::<_, ListBotilbudResponse>(&nav, LIST, request).await;
    // Karmøy lets bestillerkontor and ROP give dwellings; one of them owns it.
    let mut owner = None;
    for unit in ["bestillerkontor", "rop"] {
        let desk = scene.desk(unit, Rolle::Beslutter, Formal::Oppfolging).await;
        let found = botilbudene(&desk, &case.person).await.remove(0);
        if found.ansvarlig_enhet == format!("enheter/{unit}") {
            owner = Some((unit, found.name));
        }
    }
    let (unit, name) = owner.unwrap();
    let desk = scene.desk(unit, Rolle::Beslutter, Formal::Tildeling).await;
    let request = innvilg(&scene, &name, &plass);
    let given = ok::<_, InnvilgBotilbudResponse>(&desk, INNVILG, request).await;
    assert_eq!(given.botilbud.unwrap().plass, plass);
}

//! Whom ROP follows: until somebody ends it, with or without vedtak.

use samspor::desk::Desk;
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};
use tonic::Code;

use super::{KANARI, task_about, tasks, tiltak};
use crate::scene::*;

const OPEN: &str = "rop.v1.OppfolgingService/ApneOppfolging";
const CONFIRM: &str = "rop.v1.OppfolgingService/BekreftOppfolging";
const END: &str = "rop.v1.OppfolgingService/AvsluttOppfolging";
const READ: &str = "rop.v1.OppfolgingService/HentOppfolging";
const LIST: &str = "rop.v1.OppfolgingService/ListOppfolginger";
const NOTE: &str = "rop.v1.JournalService/HentBegrensetNotat";
const REGISTER: &str = "rop.v1.KontaktService/RegistrerKontakt";
const TREATS: &str = "rop.v1.BehandlingService/TildelBehandler";
const ANSWER: &str = "rop.v1.TilbakemeldingService/BesvarTilbakemelding";

async fn all(desk: &Desk, person: &str) -> Vec<Oppfolging> {
    let request = ListOppfolgingerRequest {
        parent: person.to_owned(),
        ..Default::default()
    };
    ok::<_, ListOppfolgingerResponse>(desk, LIST, request)
        .await
        .oppfolginger
}

fn contact(person: &str, utfall: Kontaktutfall, again: &str) -> RegistrerKontaktRequest {
    RegistrerKontaktRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        r#type: Kontakttype::DropIn.into(),
        utfall: utfall.into(),
        notat: format!("Kom innom. {KANARI}"),
        nytt_tilbud: again.to_owned(),
        hjemmel: Some(basis("§ 3-2")),
        ..Default::default()
    }
}

fn treats(person: &str) -> TildelBehandlerRequest {
    TildelBehandlerRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        ansatt: "rop-behandler".to_owned(),
        hjemmel: Some(basis("§ 3-2")),
    }
}

/// The vedtak ends; the unit still has what it began, and the means to end it.
/// What it ends opens and asks for nothing any more.
///
/// Seen red: with an end by whoever works there.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_unit_began_ends_with_an_alternative_and_shuts_the_journal() {
    Box::pin(ended(&Scene::start().await)).await;
}

pub async fn ended(scene: &Scene) {
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    tiltak::under_order(scene, &case).await;
    let leader = scene.desk("rop", Rolle::Leder, Formal::Ytelse).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let staff = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let herself = scene.person_desk(&case.person).await;
    let again = super::day(scene, 10).to_string();
    let declined = contact(&case.person, Kontaktutfall::TakketNei, &again);
    ok::<_, RegistrerKontaktResponse>(&staff, REGISTER, declined).await;
    let feedback = GiTilbakemeldingRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        r#type: Tilbakemeldingstype::Brukererfaring.into(),
        tekst: format!("Vil ikke slutte. {KANARI}"),
        ..Default::default()
    };
    let method = "rop.v1.TilbakemeldingService/GiTilbakemelding";
    let feedback: GiTilbakemeldingResponse = ok(&herself, method, feedback).await;
    let [followed] = &all(&leader, &case.person).await[..] else {
        panic!("one for a person");
    };
    assert!(followed.bekreftet.is_some());
    let end = |alternativ: &str| AvsluttOppfolgingRequest {
        name: followed.name.clone(),
        request_id: request_id(),
        begrunnelse: format!("Vedtaket er opphørt. {KANARI}"),
        alternativ: alternativ.to_owned(),
    };
    let instead = format!("Ring ROP-telefonen. {KANARI}");
    let status = refused::<_, AvsluttOppfolgingResponse>(&leader, END, end(&instead)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));

    crate::klage_forlop::ended(scene, &case).await;
    task_about(scene, Oppgavetype::AvsluttOppfolging, &followed.name).await;
    let note = || HentBegrensetNotatRequest {
        name: journal.restricted.clone(),
    };
    ok::<_, HentBegrensetNotatResponse>(&clinician, NOTE, note()).await;
    let answer = BesvarTilbakemeldingRequest {
        name: feedback.tilbakemelding.unwrap().name,
        request_id: request_id(),
        svar: format!("Vi forstår det. {KANARI}"),
        endring: format!("Vi sier fra før. {KANARI}"),
    };
    ok::<_, BesvarTilbakemeldingResponse>(&clinician, ANSWER, answer).await;
    refused::<_, AvsluttOppfolgingResponse>(&staff, END, end(&instead)).await;
    refused::<_, AvsluttOppfolgingResponse>(&leader, END, end("")).await;
    let receipt: AvsluttOppfolgingResponse = ok(&leader, END, end(&instead)).await;
    assert!(receipt.kvittering.is_some());

    let status = refused::<_, HentBegrensetNotatResponse>(&clinician, NOTE, note()).await;
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(tasks(scene, Oppgavetype::Unspecified).await, []);
    let read = || HentOppfolgingRequest {
        name: followed.name.clone(),
    };
    let status = refused::<_, HentOppfolgingResponse>(&leader, READ, read()).await;
    assert_eq!(status.code(), Code::NotFound);
    let seen: HentOppfolgingResponse = ok(&herself, READ, read()).await;
    let seen = seen.oppfolging.unwrap();
    assert_eq!(seen.tilstand(), OppfolgingTilstand::Avsluttet);
    assert_eq!(seen.alternativ, instead);
}

/// Who walks in is followed on one employee's word, which opens the unit's own
/// records; who treats is named when a second one has said the same.
///
/// Seen red: with an intake that is confirmed by itself.
#[tokio::test(flavor = "multi_thread")]
async fn who_walks_in_is_followed_without_a_vedtak() {
    walk_in(&Scene::start().await).await;
}

pub async fn walk_in(scene: &Scene) {
    let person = scene.person(NUMBERS[1]).await;
    let desk = |id, role| scene.desk_of("rop", id, role, Formal::Ytelse);
    let intake = desk("rop-ute", Rolle::Inntak).await;
    let outside = desk("rop-ute", Rolle::Miljo).await;
    let second = desk("rop-inne", Rolle::Miljo).await;
    let leader = desk("rop-leder", Rolle::Leder).await;
    let met = || contact(&person, Kontaktutfall::Mott, "");
    refused::<_, RegistrerKontaktResponse>(&outside, REGISTER, met()).await;
    let open = || ApneOppfolgingRequest {
        parent: person.clone(),
        request_id: request_id(),
        begrunnelse: format!("Traff henne på torget. {KANARI}"),
        hjemmel: Some(basis("§ 3-2")),
    };
    for _ in 0..2 {
        let receipt: ApneOppfolgingResponse = ok(&intake, OPEN, open()).await;
        assert!(receipt.kvittering.is_some());
    }
    ok::<_, RegistrerKontaktResponse>(&outside, REGISTER, met()).await;
    let begun = tiltak::begin(scene, &person, "").await;
    let [followed] = &all(&second, &person).await[..] else {
        panic!("one for a person");
    };
    assert!(followed.bekreftet.is_none());
    assert_eq!(followed.apnet_av.as_ref().unwrap().ansatt, "rop-ute");

    refused::<_, TildelBehandlerResponse>(&leader, TREATS, treats(&person)).await;
    let confirm = || BekreftOppfolgingRequest {
        name: followed.name.clone(),
        request_id: request_id(),
    };
    let alone = refused::<_, BekreftOppfolgingResponse>(&outside, CONFIRM, confirm()).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));
    let confirmed: BekreftOppfolgingResponse = ok(&second, CONFIRM, confirm()).await;
    let by = confirmed.oppfolging.unwrap().bekreftet_av.unwrap();
    assert_eq!(by.ansatt, "rop-inne");
    ok::<_, TildelBehandlerResponse>(&leader, TREATS, treats(&person)).await;

    // No other unit knows of it; the person does.
    let bom = scene.desk("bom", Rolle::Miljo, Formal::Samordning).await;
    let listed = ListOppfolgingerRequest {
        parent: person.clone(),
        ..Default::default()
    };
    refused::<_, ListOppfolgingerResponse>(&bom, LIST, listed).await;
    let herself = scene.person_desk(&person).await;
    assert_eq!(all(&herself, &person).await.len(), 1);
    let delivered = HentTiltakRequest { name: begun.name };
    let method = "rop.v1.TiltakService/HentTiltak";
    ok::<_, HentTiltakResponse>(&second, method, delivered).await;
}

//! A case from its application to its end, and the mapping under it.

use samspor_proto::{bestillerkontor::*, felles::Rolle, rop::*, tilgang::Formal};
use tonic::Code;

use super::{Kommune, LINJER, Sak, VEDTAK};
use crate::{bestiller_forlop::oppdrag, scene::*};

const OPPDRAG: &str = "bestillerkontor.v1.OppdragService";
const KLAGE: &str = "bestillerkontor.v1.KlageService";
const KARTLEGGING: &str = "bestillerkontor.v1.KartleggingService";

/// Case, decision, accept, start, deliver, evaluate, klage, end.
pub(super) async fn a_case_from_application_to_end(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    for (unit, name) in &case.vedtak {
        assert!(kommune.waits_for(unit, Ventetype::Underretning).await);
        Box::pin(told(&kommune, unit, name)).await;
        assert!(!kommune.waits_for(unit, Ventetype::Underretning).await);
    }
    // Another's list is nobody's to read.
    let desk = kommune
        .scene
        .desk("nav", Rolle::System, Formal::Ytelse)
        .await;
    let request = ListVenteposterRequest {
        parent: "enheter/rop".to_owned(),
        ..Default::default()
    };
    let answer = desk.call::<_, ListVenteposterResponse>(super::VENTER, request);
    let answer = answer.await.result;
    assert!(answer.map_or(true, |list| list.venteposter.is_empty()));

    kommune.clock.days_pass(14);
    Box::pin(delivered(&kommune, &case)).await;
    Box::pin(evaluated(&kommune, &case)).await;
    for (unit, name) in &case.vedtak {
        Box::pin(disputed(&kommune, &case.person, unit, name)).await;
    }
    Box::pin(all_ended(&kommune, &case)).await;
    // What ended is closed to who only delivered, and open to the person.
    for (place, (unit, _)) in LINJER.into_iter().enumerate() {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Behandler, Formal::Ytelse)
            .await;
        let (_, name) = case.of(place, &kommune.deciders()).clone();
        let request = HentVedtakRequest { name, versjon: 0 };
        let method = format!("{VEDTAK}/HentVedtak");
        let answer = desk.call::<_, HentVedtakResponse>(&method, request.clone());
        // Who decided it reads on while a klage may come.
        let decided = case.vedtak.iter().any(|(decider, _)| decider == unit);
        match answer.await.result {
            Ok(_) => assert!(decided, "{unit}"),
            Err(status) => assert_eq!((status.code(), decided), (Code::NotFound, false), "{unit}"),
        }
        let herself = kommune.scene.person_desk(&case.person).await;
        let found: HentVedtakResponse = ok(&herself, &method, request).await;
        let vedtak = found.vedtak.unwrap();
        assert_eq!(vedtak.tilstand(), VedtakTilstand::Opphort);
        assert_eq!(vedtak.klageutfall.len(), 1);
    }
}

/// One vedtak after the other: what it ordered ends with it, and nothing else
/// does.
///
/// Seen red: with orders that outlive their vedtak; with every order of the
/// person ended, in Sarpsborg.
async fn all_ended(kommune: &Kommune, case: &Sak) {
    let herself = kommune.scene.person_desk(&case.person).await;
    let deciders = kommune.deciders();
    for (nr, (unit, name)) in case.vedtak.iter().enumerate() {
        Box::pin(ended(kommune, unit, name)).await;
        Box::pin(carried_out(kommune, unit, name)).await;
        for (place, (unit, order)) in case.oppdrag.iter().enumerate() {
            let over = case.vedtak[..=nr].contains(case.of(place, &deciders));
            let order = oppdrag(&herself, order).await;
            let expected = match over {
                true => (OppdragTilstand::Avsluttet, Avslutningsarsak::VedtakOpphort),
                false => (OppdragTilstand::Startet, Avslutningsarsak::Unspecified),
            };
            let found = (order.tilstand(), order.avslutningsarsak());
            assert_eq!(found, expected, "{unit} after {name}");
        }
    }
}

/// The unit that decided tells the person.
pub(super) async fn told(kommune: &Kommune, unit: &str, name: &str) {
    let desk = kommune
        .scene
        .desk(unit, Rolle::Saksbehandler, Formal::Saksbehandling)
        .await;
    let request = UnderrettVedtakRequest {
        name: name.to_owned(),
        request_id: request_id(),
        mate: "Lest opp hjemme.".to_owned(),
        ..UnderrettVedtakRequest::default()
    };
    let method = format!("{VEDTAK}/UnderrettVedtak");
    let told: UnderrettVedtakResponse = ok(&desk, &method, request).await;
    let vedtak = told.vedtak.unwrap();
    // A service has started, so it is in force.
    assert_eq!(vedtak.tilstand(), VedtakTilstand::Iverksatt);
    assert_eq!(vedtak.klagefrist, kommune.day(21));
}

/// Both report their hours; ROP's are held against what is granted.
pub(super) async fn delivered(kommune: &Kommune, case: &Sak) {
    for (unit, oppdrag) in &case.oppdrag {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        let request = RapporterOppdragRequest {
            name: oppdrag.clone(),
            request_id: request_id(),
            rapport: Some(Leveringsrapport {
                fra: kommune.day(-14),
                til: kommune.day(-1),
                timer: 6.0,
                ..Leveringsrapport::default()
            }),
        };
        let method = format!("{OPPDRAG}/RapporterOppdrag");
        let reported: RapporterOppdragResponse = ok(&desk, &method, request).await;
        assert_eq!(reported.oppdrag.unwrap().rapporter.len(), 1);
    }
    let rop = kommune
        .scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let request = OpprettTiltakRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        oppdrag: case.oppdrag[0].1.clone(),
        beskrivelse: "Faste besøk.".to_owned(),
        hjemmel: Some(basis("§ 3-1")),
    };
    let method = "rop.v1.TiltakService/OpprettTiltak";
    let tiltak: OpprettTiltakResponse = ok(&rop, method, request).await;
    let request = RegistrerKontaktRequest {
        parent: case.person.clone(),
        request_id: request_id(),
        r#type: Kontakttype::Besok.into(),
        utfall: Kontaktutfall::Mott.into(),
        tidspunkt: Some(kommune.scene.mesh.now().to_proto()),
        minutter: 180,
        tiltak: tiltak.tiltak.unwrap().name,
        hjemmel: Some(basis("§ 3-1")),
        ..RegistrerKontaktRequest::default()
    };
    let method = "rop.v1.KontaktService/RegistrerKontakt";
    ok::<_, RegistrerKontaktResponse>(&rop, method, request).await;
    let request = ListLeveringerRequest {
        parent: case.person.clone(),
        uke: kommune.day(0),
        ..ListLeveringerRequest::default()
    };
    let method = "rop.v1.TiltakService/ListLeveringer";
    let week: ListLeveringerResponse = ok(&rop, method, request).await;
    let week = &week.leveringer[0];
    assert_eq!(
        (week.levert, week.innvilget_min, week.innvilget_maks),
        (3.0, 2.0, 4.0)
    );
    assert_eq!(week.grad(), Leveringsgrad::Innenfor);
}

/// Who delivers and who decided each say what came of it.
pub(super) async fn evaluated(kommune: &Kommune, case: &Sak) {
    let evaluering = Some(Evaluering {
        fra: kommune.day(-14),
        til: kommune.day(-1),
        oppsummering: "Avtaler holdes.".to_owned(),
        anbefaling: Evalueringsanbefaling::Viderefores.into(),
        personens_syn: PersonensSyn::Enig.into(),
        ..Evaluering::default()
    });
    for (unit, oppdrag) in &case.oppdrag {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        let request = EvaluerOppdragRequest {
            name: oppdrag.clone(),
            request_id: request_id(),
            evaluering: evaluering.clone(),
        };
        let method = format!("{OPPDRAG}/EvaluerOppdrag");
        ok::<_, EvaluerOppdragResponse>(&desk, &method, request).await;
    }
    for (unit, name) in &case.vedtak {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Saksbehandling)
            .await;
        let request = RegistrerEvalueringRequest {
            name: name.clone(),
            request_id: request_id(),
            evaluering: evaluering.clone(),
        };
        let method = format!("{VEDTAK}/RegistrerEvaluering");
        let said: RegistrerEvalueringResponse = ok(&desk, &method, request).await;
        assert_eq!(said.vedtak.unwrap().evalueringer.len(), 1);
    }
}

/// The person disputes it; the unit that decided holds to it, and the
/// statsforvalter quashes it.
async fn disputed(kommune: &Kommune, person: &str, unit: &str, vedtak: &str) {
    let herself = kommune.scene.person_desk(person).await;
    let request = RegistrerKlageRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        vedtak: vedtak.to_owned(),
        grunn: "For få timer.".to_owned(),
        ..RegistrerKlageRequest::default()
    };
    ok::<_, RegistrerKlageResponse>(&herself, &format!("{KLAGE}/RegistrerKlage"), request).await;
    assert!(kommune.waits_for(unit, Ventetype::Klage).await);
    let formal = Formal::Saksbehandling;
    let other = kommune
        .scene
        .desk_of(unit, &format!("{unit}-annen"), Rolle::Beslutter, formal)
        .await;
    let request = ListKlagerRequest {
        parent: person.to_owned(),
        ..ListKlagerRequest::default()
    };
    let all: ListKlagerResponse = ok(&other, &format!("{KLAGE}/ListKlager"), request).await;
    let own = all.klager.iter().find(|klage| klage.vedtak == vedtak);
    let name = own.unwrap().name.clone();
    let request = OpprettholdKlageRequest {
        name: name.clone(),
        request_id: request_id(),
        begrunnelse: "Behovet er vurdert.".to_owned(),
    };
    let method = format!("{KLAGE}/OpprettholdKlage");
    ok::<_, OpprettholdKlageResponse>(&other, &method, request).await;
    let caseworker = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let request = OversendKlageRequest {
        name: name.clone(),
        request_id: request_id(),
    };
    ok::<_, OversendKlageResponse>(&caseworker, &format!("{KLAGE}/OversendKlage"), request).await;
    assert!(kommune.waits_for(unit, Ventetype::Avgjorelse).await);
    let request = AvgjorKlageRequest {
        name,
        request_id: request_id(),
        avgjorelse: Statsforvalterutfall::Opphevet.into(),
        begrunnelse: "Behovet er falt bort.".to_owned(),
        avgjort: kommune.day(0),
    };
    let method = format!("{KLAGE}/AvgjorKlage");
    let decided: AvgjorKlageResponse = ok(&caseworker, &method, request).await;
    assert_eq!(decided.klage.unwrap().tilstand(), KlageTilstand::Avgjort);
}

/// Proposed by one, and ended by another.
async fn ended(kommune: &Kommune, unit: &str, name: &str) {
    let formal = Formal::Saksbehandling;
    let caseworker = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let read = HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let method = format!("{VEDTAK}/HentVedtak");
    let found: HentVedtakResponse = ok(&caseworker, &method, read).await;
    let request = ForeslaOpphorRequest {
        name: name.to_owned(),
        request_id: request_id(),
        etag: found.vedtak.unwrap().etag,
        begrunnelse: "Målet er nådd.".to_owned(),
        hjemmel: Some(basis("§ 3-1")),
        alternativ: "Lavterskeltilbudet på huset.".to_owned(),
    };
    let method = format!("{VEDTAK}/ForeslaOpphor");
    let proposed: ForeslaOpphorResponse = ok(&caseworker, &method, request).await;
    let decider = kommune.scene.desk(unit, Rolle::Beslutter, formal).await;
    let request = OpphorVedtakRequest {
        name: name.to_owned(),
        request_id: request_id(),
        varsel: "Sagt i møte, og på papir.".to_owned(),
        etag: proposed.vedtak.unwrap().etag,
    };
    let method = format!("{VEDTAK}/OpphorVedtak");
    let receipt: OpphorVedtakResponse = ok(&decider, &method, request).await;
    assert!(receipt.kvittering.is_some());
}

/// The end meets what the statsforvalter decided once another has said so.
async fn carried_out(kommune: &Kommune, unit: &str, name: &str) {
    let formal = Formal::Saksbehandling;
    let other = kommune
        .scene
        .desk_of(unit, &format!("{unit}-annen"), Rolle::Beslutter, formal)
        .await;
    assert!(kommune.waits_for(unit, Ventetype::Etterlevelse).await);
    let read = HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let found: HentVedtakResponse = ok(&other, &format!("{VEDTAK}/HentVedtak"), read).await;
    let request = MeldEtterlevelseRequest {
        name: name.to_owned(),
        request_id: request_id(),
        etag: found.vedtak.unwrap().etag,
        vedtak: name.to_owned(),
        begrunnelse: "Det er opphørt, som statsforvalteren sa.".to_owned(),
    };
    let method = format!("{VEDTAK}/MeldEtterlevelse");
    let said: MeldEtterlevelseResponse = ok(&other, &method, request).await;
    assert_eq!(said.vedtak.unwrap().klageutfall[0].etterlevd_ved, name);
    assert!(!kommune.waits_for(unit, Ventetype::Etterlevelse).await);
}

/// S1: whoever decides, and however many, one mapping is under it; those who
/// deliver read their part of it, and the next application begins with it.
pub(super) async fn the_person_is_mapped_once(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    let herself = kommune.scene.person_desk(&case.person).await;
    let list = ListKartleggingerRequest {
        parent: case.person.clone(),
        ..ListKartleggingerRequest::default()
    };
    let method = format!("{KARTLEGGING}/ListKartlegginger");
    let all: ListKartleggingerResponse = ok(&herself, &method, list).await;
    assert_eq!(all.kartlegginger.len(), 1);
    let mapping = all.kartlegginger[0].name.clone();
    for (_, name) in &case.vedtak {
        let request = HentVedtakRequest {
            name: name.clone(),
            versjon: 0,
        };
        let method = format!("{VEDTAK}/HentVedtak");
        let found: HentVedtakResponse = ok(&herself, &method, request).await;
        assert_eq!(found.vedtak.unwrap().kartlegging, mapping);
    }
    let read = HentKartleggingRequest {
        name: mapping.clone(),
        utgave: 0,
    };
    let method = format!("{KARTLEGGING}/HentKartlegging");
    for (unit, health) in [("rop", true), ("bom", false)] {
        let desk = kommune
            .scene
            .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
            .await;
        let found: HentKartleggingResponse = ok(&desk, &method, read.clone()).await;
        let view = found.kartlegging.unwrap();
        assert_eq!(view.funksjonsbeskrivelse, "Trenger struktur.");
        assert_eq!(!view.helsebeskrivelse.is_empty(), health, "{unit}");
    }
    let nav = kommune
        .scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let status = refused::<_, HentKartleggingResponse>(&nav, &method, read).await;
    assert_eq!(status.code(), Code::NotFound);

    let next = Box::pin(begun_again(&kommune, &case.person, &mapping)).await;
    assert_eq!(next.bygger_pa, mapping);
    assert_eq!(next.funksjonsbeskrivelse, "Trenger struktur.");
}

/// Another application, whose mapping begins with what is known.
async fn begun_again(kommune: &Kommune, person: &str, mapping: &str) -> Kartlegging {
    let scene = &kommune.scene;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let request = MottaSoknadRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        eget_onske: "Noe å gå til.".to_owned(),
        kanal: Kanal::Telefon.into(),
        ..MottaSoknadRequest::default()
    };
    let method = "bestillerkontor.v1.SoknadService/MottaSoknad";
    ok::<_, MottaSoknadResponse>(&inntak, method, request).await;
    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let request = ListSoknaderRequest {
        parent: person.to_owned(),
        ..ListSoknaderRequest::default()
    };
    let method = "bestillerkontor.v1.SoknadService/ListSoknader";
    let found: ListSoknaderResponse = ok(&author, method, request).await;
    let request = StartKartleggingRequest {
        name: found.soknader[0].name.clone(),
        request_id: request_id(),
        bygger_pa: mapping.to_owned(),
        ..StartKartleggingRequest::default()
    };
    let method = "bestillerkontor.v1.SoknadService/StartKartlegging";
    let begun: StartKartleggingResponse = ok(&author, method, request).await;
    let request = HentKartleggingRequest {
        name: begun.soknad.unwrap().kartlegging,
        utgave: 0,
    };
    let method = format!("{KARTLEGGING}/HentKartlegging");
    let found: HentKartleggingResponse = ok(&author, &method, request).await;
    found.kartlegging.unwrap()
}

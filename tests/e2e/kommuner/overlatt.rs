//! A case that is handed on: to the unit that decides, to the one that
//! allocates a dwelling, and out of the reach of whom the person objects to.

use samspor_gateway::policy::PolicySource;
use samspor_proto::{bestillerkontor::*, felles::Rolle, koordinering::*, tilgang::Formal};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Kommune, VEDTAK};
use crate::scene::*;

const SOKNAD: &str = "bestillerkontor.v1.SoknadService";
const KARTLEGGING: &str = "bestillerkontor.v1.KartleggingService/HentKartlegging";
const SAK: Formal = Formal::Saksbehandling;

/// What a unit reads of an application and its mapping, as a caseworker.
async fn basis_of(
    kommune: &Kommune,
    unit: &str,
    soknad: &str,
    kartlegging: &str,
) -> Result<(Soknad, Kartlegging), Code> {
    let desk = kommune.scene.desk(unit, Rolle::Saksbehandler, SAK).await;
    let request = HentSoknadRequest {
        name: soknad.to_owned(),
    };
    let method = format!("{SOKNAD}/HentSoknad");
    let found = desk.call::<_, HentSoknadResponse>(&method, request).await;
    let request = HentKartleggingRequest {
        name: kartlegging.to_owned(),
        utgave: 0,
    };
    let mapped = desk.call::<_, HentKartleggingResponse>(KARTLEGGING, request);
    let mapped = mapped.await.result;
    match (found.result, mapped) {
        (Ok(found), Ok(mapped)) => Ok((found.soknad.unwrap(), mapped.kartlegging.unwrap())),
        (Err(one), Err(other)) => {
            assert_eq!(one.code(), other.code());
            Err(one.code())
        }
        _ => panic!("{unit} reads one without the other"),
    }
}

/// Sarpsborg: who decides reads what the decision stands on once a draft gives
/// it the case, and not before; and Helseforvaltning, which decides nothing of
/// it, keeps its application.
///
/// Seen red: without P5.grunnlag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_decides_reads_what_the_decision_stands_on() {
    let kommune = Kommune::from(PolicySource::embedded("sarpsborg")).await;
    let person = kommune.scene.person(NUMBERS[0]).await;
    let soknad = kommune.scene.ready(&person).await;
    let author = kommune
        .scene
        .desk("bestillerkontor", Rolle::Saksbehandler, SAK)
        .await;
    let request = HentSoknadRequest {
        name: soknad.clone(),
    };
    let method = format!("{SOKNAD}/HentSoknad");
    let found: HentSoknadResponse = ok(&author, &method, request.clone()).await;
    let kartlegging = found.soknad.unwrap().kartlegging;
    let read = async |unit: &str| basis_of(&kommune, unit, &soknad, &kartlegging).await;

    let deciders = kommune.deciders();
    let units: Vec<&str> = deciders.iter().map(|(unit, _)| unit.as_str()).collect();
    assert_eq!(units, ["rop", "hjemmetjeneste"]);
    let mut drafts = Vec::new();
    for (nr, (unit, lines)) in deciders.iter().enumerate() {
        for later in &deciders[nr..] {
            assert_eq!(read(&later.0).await.err(), Some(Code::NotFound));
        }
        let mut content = kommune.whole(&soknad);
        let mut place = 0..;
        content
            .linjer
            .retain(|_| lines.contains(&place.next().unwrap()));
        drafts.push(Box::pin(kommune.drafted(&person, unit, content)).await);
        let (application, mapping) = read(unit).await.unwrap();
        assert!(!application.eget_onske.is_empty());
        assert!(!mapping.helsebeskrivelse.is_empty(), "a health unit");
        // Who sent it and what it costs is not what they decide on.
        assert!(application.okonomi.is_empty() && application.innsender.is_none());
    }
    // A unit that only delivers has nothing of it yet.
    assert_eq!(read("bom").await.err(), Some(Code::NotFound));

    for ((unit, lines), draft) in deciders.into_iter().zip(drafts) {
        let vedtak = Box::pin(kommune.decide(&unit, &lines, draft)).await;
        let found: HentSoknadResponse = ok(&author, &method, request.clone()).await;
        assert!(found.soknad.is_some());
        let decided = HentVedtakRequest {
            name: vedtak.name,
            versjon: 0,
        };
        let method = format!("{VEDTAK}/HentVedtak");
        ok::<_, HentVedtakResponse>(&author, &method, decided).await;
    }
    let found: HentSoknadResponse = ok(&author, &method, request).await;
    assert_eq!(found.soknad.unwrap().tilstand(), SoknadTilstand::Vedtatt);
}

/// Ålesund: the right is decided by one unit, and the dwelling is another's to
/// allocate. It reads the line that names it, and has it in its work list.
///
/// Seen red: without P4.bolig; with any allocator for any right; with a word
/// that stops no clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_allocates_reads_the_housing_line() {
    let kommune = Kommune::from(PolicySource::embedded("alesund")).await;
    let municipality = kommune.policy.municipality();
    let holders = municipality.holders_of("tildelingsmyndighet:kommunal_utleie");
    let [unit] = holders.as_slice() else {
        panic!("{holders:?}");
    };
    let person = kommune.scene.person(NUMBERS[0]).await;
    let soknad = kommune.scene.ready(&person).await;
    let mut content = kommune.whole(&soknad);
    content.bolig = Some(Boliglinje {
        rett: Boligrett::Treningsleilighet.into(),
        enhet: format!("enheter/{unit}"),
        fra: kommune.day(0),
        krav: Vec::new(),
    });
    let (decider, lines) = kommune.deciders().remove(0);
    // Who lets flats is no allocator of care dwellings.
    let mut other = content.clone();
    other.bolig.as_mut().unwrap().rett = Boligrett::Omsorgsbolig.into();
    let desk = kommune
        .scene
        .desk("bestillerkontor", Rolle::Saksbehandler, SAK)
        .await;
    let request = OpprettVedtakRequest {
        parent: person.clone(),
        request_id: request_id(),
        vedtak: Some(other),
    };
    let method = format!("{VEDTAK}/OpprettVedtak");
    let status = refused::<_, OpprettVedtakResponse>(&desk, &method, request).await;
    let details = status.get_details_bad_request().unwrap();
    let fault = &details.field_violations[0];
    assert_eq!(fault.field, "vedtak.bolig.enhet");
    assert!(
        fault.description.contains("enheter/bestillerkontor"),
        "{fault:?}"
    );
    let draft = Box::pin(kommune.drafted(&person, &decider, content)).await;
    let vedtak = Box::pin(kommune.decide(&decider, &lines, draft)).await;
    let read = async |unit: &str, rolle, formal| {
        let desk = kommune.scene.desk(unit, rolle, formal).await;
        let request = HentVedtakRequest {
            name: vedtak.name.clone(),
            versjon: 0,
        };
        let method = format!("{VEDTAK}/HentVedtak");
        let found: HentVedtakResponse = ok(&desk, &method, request).await;
        found.vedtak.unwrap()
    };
    let seen = read(unit, Rolle::Boligforvalter, Formal::Tildeling).await;
    assert_eq!(seen.bolig.unwrap().enhet, format!("enheter/{unit}"));
    assert!(seen.linjer.is_empty() && seen.medisinsk_grunnlag.is_empty());
    assert!(kommune.waits_for(unit, Ventetype::Bolig).await);
    // And says what becomes of it.
    let allocator = kommune
        .scene
        .desk(unit, Rolle::Boligforvalter, Formal::Tildeling)
        .await;
    let request = MeldBoligRequest {
        name: vedtak.name.clone(),
        request_id: request_id(),
        tildelt: kommune.day(0),
        ..Default::default()
    };
    let method = format!("{VEDTAK}/MeldBolig");
    ok::<_, MeldBoligResponse>(&allocator, &method, request).await;
    assert!(!kommune.waits_for(unit, Ventetype::Bolig).await);
    // A party that allocates nothing does not.
    let seen = read("nav", Rolle::Saksbehandler, Formal::Samordning).await;
    assert!(seen.bolig.is_none());
}

/// What the person holds against a unit with koordinering is asked before the
/// unit is given anything.
///
/// Seen red: with `reservert_mot` left empty by the gateway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_the_person_objects_to_is_ordered_nothing() {
    let kommune = Kommune::from(PolicySource::embedded("karmoy")).await;
    let person = kommune.scene.person(NUMBERS[0]).await;
    let soknad = kommune.scene.ready(&person).await;
    let (decider, lines) = kommune.deciders().remove(0);
    let content = kommune.whole(&soknad);
    let name = Box::pin(kommune.drafted(&person, &decider, content)).await;
    let herself = kommune.scene.person_desk(&person).await;
    let request = RegistrerReservasjonRequest {
        parent: person.clone(),
        request_id: request_id(),
        mot: Some(registrer_reservasjon_request::Mot::Enhet(
            "enheter/bom".to_owned(),
        )),
        ..Default::default()
    };
    let service = "koordinering.v1.ReservasjonMotDelingService";
    let method = format!("{service}/RegistrerReservasjon");
    let said: RegistrerReservasjonResponse = ok(&herself, &method, request).await;

    let caseworker = kommune
        .scene
        .desk(&decider, Rolle::Saksbehandler, SAK)
        .await;
    let request = HentVedtakRequest {
        name: name.clone(),
        versjon: 0,
    };
    let found: HentVedtakResponse = ok(&caseworker, &format!("{VEDTAK}/HentVedtak"), request).await;
    let request = SendTilGodkjenningRequest {
        name: name.clone(),
        request_id: request_id(),
        etag: found.vedtak.unwrap().etag,
    };
    let method = format!("{VEDTAK}/SendTilGodkjenning");
    let status = refused::<_, SendTilGodkjenningResponse>(&caseworker, &method, request).await;
    let details = status.get_details_bad_request();
    let fault = details.unwrap().field_violations.remove(0);
    assert_eq!(fault.field, "vedtak.linjer[1].enheter[0]");
    assert!(fault.description.contains("OpphevReservasjon"));

    let request = OpphevReservasjonRequest {
        name: said.reservasjon.unwrap().name,
        request_id: request_id(),
        ..Default::default()
    };
    let method = format!("{service}/OpphevReservasjon");
    ok::<_, OpphevReservasjonResponse>(&herself, &method, request).await;
    Box::pin(kommune.decide(&decider, &lines, name)).await;
}

/// A person hidden from all but a unit that decides nothing: it hands the draft
/// to bestillerkontor, where the employees with a mandate see it, and they
/// alone.
///
/// Seen red: with bestillerkontor alone drafting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hidden_case_is_decided_by_employees_with_a_mandate() {
    let kommune = Kommune::from(PolicySource::embedded("karmoy")).await;
    let scene = &kommune.scene;
    let person = scene.person(NUMBERS[0]).await;
    let mut protection = strict(&person, &["koordinering", "bom"]);
    protection.mandaterte_ansatte = vec![
        "bestillerkontor-saksbehandler".to_owned(),
        "bestillerkontor-beslutter".to_owned(),
    ];
    scene.protect("koordinering", protection).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let request = MottaSoknadRequest {
        parent: person.clone(),
        request_id: request_id(),
        eget_onske: "Et trygt sted.".to_owned(),
        kanal: Kanal::Telefon.into(),
        ..MottaSoknadRequest::default()
    };
    ok::<_, MottaSoknadResponse>(&inntak, &format!("{SOKNAD}/MottaSoknad"), request).await;
    let holder = scene.desk("bom", Rolle::Saksbehandler, SAK).await;
    let request = ListSoknaderRequest {
        parent: person.clone(),
        ..ListSoknaderRequest::default()
    };
    let found: ListSoknaderResponse = ok(&holder, &format!("{SOKNAD}/ListSoknader"), request).await;
    let soknad = found.soknader[0].name.clone();
    let request = StartKartleggingRequest {
        name: soknad.clone(),
        request_id: request_id(),
        ..StartKartleggingRequest::default()
    };
    let method = format!("{SOKNAD}/StartKartlegging");
    ok::<_, StartKartleggingResponse>(&holder, &method, request).await;
    let request = GjorKlarSoknadRequest {
        name: soknad.clone(),
        request_id: request_id(),
        funksjonsbeskrivelse: "Trenger struktur.".to_owned(),
        ..GjorKlarSoknadRequest::default()
    };
    let method = format!("{SOKNAD}/GjorKlarSoknad");
    ok::<_, GjorKlarSoknadResponse>(&holder, &method, request).await;

    let mut content = kommune.whole(&soknad);
    content.linjer.remove(0);
    content.hovedansvarlig = "enheter/bom".to_owned();
    content.parter.clear();
    let draft = |unit: &str| OpprettVedtakRequest {
        parent: person.clone(),
        request_id: request_id(),
        vedtak: Some(Vedtak {
            ansvarlig_enhet: unit.to_owned(),
            ..content.clone()
        }),
    };
    let method = format!("{VEDTAK}/OpprettVedtak");
    let status = refused::<_, OpprettVedtakResponse>(&holder, &method, draft("")).await;
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let given = draft("enheter/bestillerkontor");
    ok::<_, OpprettVedtakResponse>(&holder, &method, given).await;
    let caseworker = scene
        .desk("bestillerkontor", Rolle::Saksbehandler, SAK)
        .await;
    let request = ListVedtakRequest {
        parent: person.clone(),
        ..ListVedtakRequest::default()
    };
    let found: ListVedtakResponse = ok(&caseworker, &format!("{VEDTAK}/ListVedtak"), request).await;
    let name = found.vedtak[0].name.clone();
    let colleague = scene
        .desk_of("bestillerkontor", "uten-mandat", Rolle::Saksbehandler, SAK)
        .await;
    let request = HentVedtakRequest {
        name: name.clone(),
        versjon: 0,
    };
    let method = format!("{VEDTAK}/HentVedtak");
    let status = refused::<_, HentVedtakResponse>(&colleague, &method, request).await;
    assert_eq!(status.code(), Code::NotFound);

    let request = SendTilGodkjenningRequest {
        name: name.clone(),
        request_id: request_id(),
        etag: found.vedtak[0].etag.clone(),
    };
    let method = format!("{VEDTAK}/SendTilGodkjenning");
    let sent: SendTilGodkjenningResponse = ok(&caseworker, &method, request).await;
    let decider = scene.desk("bestillerkontor", Rolle::Beslutter, SAK).await;
    let request = FattVedtakRequest {
        name,
        request_id: request_id(),
        etag: sent.vedtak.unwrap().etag,
    };
    let method = format!("{VEDTAK}/FattVedtak");
    let decided: FattVedtakResponse = ok(&decider, &method, request).await;
    assert_eq!(decided.vedtak.unwrap().tilstand(), VedtakTilstand::Fattet);
    kommune.taken_on("bom", &person).await;
}

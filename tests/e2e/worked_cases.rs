//! The worked cases of the access rules, through the gateway.

use std::time::Duration;

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Periode, Rolle, Skjermingsgrunn},
    hendelse::{FolgRequest, FolgResponse},
    koordinering::*,
    rop::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, request_id, seen};

const HENT_VEDTAK: &str = "bestillerkontor.v1.VedtakService/HentVedtak";

fn hent(name: &str) -> HentVedtakRequest {
    HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    }
}

/// Nav asks what the diagnosis is: HELSE is withheld and consent is said to be
/// missing, whether or not there is one.
#[tokio::test(flavor = "multi_thread")]
async fn nav_as_a_party_is_told_that_consent_is_missing() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let vedtak = ok::<_, HentVedtakResponse>(&nav, HENT_VEDTAK, hent(&case.vedtak))
        .await
        .vedtak
        .unwrap();
    assert!(vedtak.medisinsk_grunnlag.is_empty() && vedtak.funksjonsvurdering.is_empty());
    assert!(vedtak.linjer.is_empty(), "a party sees its own lines only");
    assert_eq!(vedtak.parter, ["enheter/nav"]);
    let withheld = vedtak.skjerming.unwrap().klasser;
    let health = withheld
        .iter()
        .find(|k| k.klasse() == Dataklasse::Helse)
        .unwrap();
    assert_eq!(health.grunn(), Skjermingsgrunn::SamtykkeMangler);
    assert_eq!(health.regel, "P18");
}

/// No relation: not found, byte for byte as what does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn not_found_is_one_answer() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let stranger = scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let nobody = "personer/00000000-0000-4000-8000-00000000dead";
    let withheld =
        refused::<_, HentVedtakResponse>(&stranger, HENT_VEDTAK, hent(&case.vedtak)).await;
    let missing = refused::<_, HentVedtakResponse>(
        &stranger,
        HENT_VEDTAK,
        hent(&format!(
            "{nobody}/vedtak/00000000-0000-7000-8000-00000000dead"
        )),
    )
    .await;
    assert_eq!(withheld.code(), Code::NotFound);
    assert_eq!(seen(&withheld), seen(&missing));

    // Also for one who may know the person, but not under another's name.
    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let other = scene.person(NUMBERS[1]).await;
    let id = case.vedtak.rsplit('/').next().unwrap();
    let crossed = refused::<_, HentVedtakResponse>(
        &author,
        HENT_VEDTAK,
        hent(&format!("{other}/vedtak/{id}")),
    )
    .await;
    assert_eq!(seen(&crossed), seen(&missing));
    let gone = format!(
        "{}/vedtak/00000000-0000-7000-8000-00000000dead",
        case.person
    );
    let absent = refused::<_, HentVedtakResponse>(&author, HENT_VEDTAK, hent(&gone)).await;
    assert_eq!(seen(&absent), seen(&missing));
}

/// The unit that a line names reads it; HELSE only where it is a helseenhet.
///
/// Seen red: with an etag for whoever may do anything, which MeldBolig opens.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_unit_reads_and_the_same_record_has_several_views() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let to_bom = ok::<_, HentVedtakResponse>(&bom, HENT_VEDTAK, hent(&case.vedtak))
        .await
        .vedtak
        .unwrap();
    assert_eq!(to_bom.linjer.len(), 2);
    assert!(!to_bom.funksjonsvurdering.is_empty());
    assert!(to_bom.medisinsk_grunnlag.is_empty(), "BOM is no helseenhet");
    assert!(
        to_bom.etag.is_empty(),
        "an etag is for those who may use it"
    );
    let to_rop = ok::<_, HentVedtakResponse>(&clinician, HENT_VEDTAK, hent(&case.vedtak))
        .await
        .vedtak
        .unwrap();
    assert!(!to_rop.medisinsk_grunnlag.is_empty());

    // And the mapping that it stands on, but not the application (P3).
    let read = "bestillerkontor.v1.KartleggingService/HentKartlegging";
    let mapping = || HentKartleggingRequest {
        name: to_bom.kartlegging.clone(),
        ..Default::default()
    };
    let found = ok::<_, HentKartleggingResponse>(&bom, read, mapping())
        .await
        .kartlegging
        .unwrap();
    assert_eq!(found.funksjonsbeskrivelse, "Trenger struktur.");
    assert!(found.helsebeskrivelse.is_empty(), "BOM is no helseenhet");
    let found = ok::<_, HentKartleggingResponse>(&clinician, read, mapping())
        .await
        .kartlegging
        .unwrap();
    assert_eq!(found.helsebeskrivelse, "Rusmiddelbruk.");
    let party = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let missing = refused::<_, HentKartleggingResponse>(&party, read, mapping()).await;
    assert_eq!(missing.code(), Code::NotFound, "a party delivers nothing");
    let application = HentSoknadRequest {
        name: to_bom.soknad.clone(),
    };
    let read = "bestillerkontor.v1.SoknadService/HentSoknad";
    let missing = refused::<_, HentSoknadResponse>(&bom, read, application).await;
    assert_eq!(missing.code(), Code::NotFound);
}

/// Author never approver, and a receipt is only a receipt.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_the_own_draft() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let intake = MottaSoknadRequest {
        parent: person.clone(),
        request_id: request_id(),
        eget_onske: "Faste folk.".to_owned(),
        kanal: Kanal::Oppmote.into(),
        gjelder: vec![Tjenestetype::RopOppfolging.into()],
        ..Default::default()
    };
    let receipt = ok::<_, MottaSoknadResponse>(
        &inntak,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        intake,
    )
    .await;
    assert!(!receipt.kvittering.unwrap().referanse.is_empty());

    // Filing on a stranger opens no other agency's data, and nothing at Nav either.
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let list = "bestillerkontor.v1.SoknadService/ListSoknader";
    let request = ListSoknaderRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let status = refused::<_, ListSoknaderResponse>(&nav, list, request.clone()).await;
    assert_eq!(status.code(), Code::NotFound);

    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let soknad = ok::<_, ListSoknaderResponse>(&author, list, request)
        .await
        .soknader
        .remove(0);
    ok::<_, StartKartleggingResponse>(
        &author,
        "bestillerkontor.v1.SoknadService/StartKartlegging",
        StartKartleggingRequest {
            name: soknad.name.clone(),
            request_id: request_id(),
            ..Default::default()
        },
    )
    .await;
    ok::<_, GjorKlarSoknadResponse>(
        &author,
        "bestillerkontor.v1.SoknadService/GjorKlarSoknad",
        GjorKlarSoknadRequest {
            name: soknad.name.clone(),
            request_id: request_id(),
            funksjonsbeskrivelse: "Struktur.".to_owned(),
            helsebeskrivelse: String::new(),
            ..Default::default()
        },
    )
    .await;
    let draft = ok::<_, OpprettVedtakResponse>(
        &author,
        "bestillerkontor.v1.VedtakService/OpprettVedtak",
        OpprettVedtakRequest {
            parent: person.clone(),
            request_id: request_id(),
            vedtak: Some(crate::scene::draft_of(
                &soknad.name,
                samspor_chassis::domene::Dag::av(scene.mesh.now()),
            )),
        },
    )
    .await
    .vedtak
    .unwrap();
    let sent = ok::<_, SendTilGodkjenningResponse>(
        &author,
        "bestillerkontor.v1.VedtakService/SendTilGodkjenning",
        SendTilGodkjenningRequest {
            name: draft.name.clone(),
            request_id: request_id(),
            etag: draft.etag.clone(),
        },
    )
    .await
    .vedtak
    .unwrap();
    let fatt = "bestillerkontor.v1.VedtakService/FattVedtak";
    let request = |etag: &str| FattVedtakRequest {
        name: draft.name.clone(),
        request_id: request_id(),
        etag: etag.to_owned(),
    };
    let as_caseworker = refused::<_, FattVedtakResponse>(&author, fatt, request(&sent.etag)).await;
    assert_eq!(reason(&as_caseworker), Some(Feilgrunn::IkkeTillatt));
    let own = scene
        .desk_of(
            "bestillerkontor",
            "bestillerkontor-saksbehandler",
            Rolle::Beslutter,
            Formal::Saksbehandling,
        )
        .await;
    let as_decider = refused::<_, FattVedtakResponse>(&own, fatt, request(&sent.etag)).await;
    assert_eq!(
        (as_decider.code(), reason(&as_decider)),
        (Code::PermissionDenied, Some(Feilgrunn::IkkeTillatt))
    );

    let decider = scene
        .desk("bestillerkontor", Rolle::Beslutter, Formal::Saksbehandling)
        .await;
    let stale = refused::<_, FattVedtakResponse>(&decider, fatt, request(&draft.etag)).await;
    assert_eq!(
        (stale.code(), reason(&stale)),
        (Code::Aborted, Some(Feilgrunn::UtdatertEtag))
    );
    ok::<_, FattVedtakResponse>(&decider, fatt, request(&sent.etag)).await;
    let now = ok::<_, HentVedtakResponse>(&decider, HENT_VEDTAK, hent(&draft.name))
        .await
        .vedtak
        .unwrap();
    let again = refused::<_, FattVedtakResponse>(&decider, fatt, request(&now.etag)).await;
    assert_eq!(
        again.code(),
        Code::FailedPrecondition,
        "{}",
        again.message()
    );
    assert!(again.message().contains("FATTET"), "{}", again.message());
}

/// ROP milieu staff ask for a therapy note: it does not exist for them. The
/// clinician who treats the person reads it, and so does the person.
#[tokio::test(flavor = "multi_thread")]
async fn a_therapy_note_exists_only_for_who_treats_and_for_the_person() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let hent = "rop.v1.JournalService/HentBegrensetNotat";
    let request = || HentBegrensetNotatRequest {
        name: journal.restricted.clone(),
    };
    let milieu = scene.desk("rop", Rolle::Miljo, Formal::Ytelse).await;
    let status = refused::<_, HentBegrensetNotatResponse>(&milieu, hent, request()).await;
    assert_eq!(status.code(), Code::NotFound);
    let other = scene
        .desk_of("rop", "another-clinician", Rolle::Behandler, Formal::Ytelse)
        .await;
    let status = refused::<_, HentBegrensetNotatResponse>(&other, hent, request()).await;
    assert_eq!(status.code(), Code::NotFound);
    let treating = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    assert!(
        ok::<_, HentBegrensetNotatResponse>(&treating, hent, request())
            .await
            .notat
            .is_some()
    );
    let herself = scene.person_desk(&case.person).await;
    let own = ok::<_, HentBegrensetNotatResponse>(&herself, hent, request())
        .await
        .notat
        .unwrap();
    assert_eq!(own.tekst, "Fortrolig.");
}

/// Consent opens from its answer on; its withdrawal ends the stream and the
/// reading (I9).
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_consent_ends_the_stream_and_the_next_read() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let journal = scene.journal(&case.person).await;
    let herself = scene.person_desk(&case.person).await;
    let helper = scene
        .desk("hjemmetjeneste", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let read = "rop.v1.KriseplanService/HentKriseplan";
    let request = || HentKriseplanRequest {
        name: journal.plan.clone(),
    };
    let before = refused::<_, HentKriseplanResponse>(&helper, read, request()).await;
    assert_eq!(before.code(), Code::NotFound);
    let consent = ok::<_, GiSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/GiSamtykke",
        GiSamtykkeRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            enhet: "enheter/hjemmetjeneste".to_owned(),
            rolle: Rolle::Saksbehandler.into(),
            klasser: vec![Dataklasse::Tjeneste.into(), Dataklasse::Funksjon.into()],
            formal: Formal::Samordning.into(),
            periode: Some(Periode {
                fra: None,
                til: Some(scene.mesh.now().plus(Duration::from_hours(24)).to_proto()),
            }),
            form: Samtykkeform::Digital.into(),
            innhentet: Some(scene.mesh.now().to_proto()),
            post: String::new(),
        },
    )
    .await
    .samtykke
    .unwrap();
    let plan = ok::<_, HentKriseplanResponse>(&helper, read, request())
        .await
        .kriseplan
        .unwrap();
    assert!(!plan.hjelper.is_empty() && plan.behandling.is_empty());
    let mut stream = helper
        .stream::<_, FolgResponse>(
            "hendelse.v1.HendelseService/Folg",
            FolgRequest {
                parent: case.person.clone(),
                tjeneste: "rop".to_owned(),
                fra: None,
            },
        )
        .await
        .unwrap();
    ok::<_, TrekkSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/TrekkSamtykke",
        TrekkSamtykkeRequest {
            name: consent.name,
            request_id: request_id(),
        },
    )
    .await;
    let after = refused::<_, HentKriseplanResponse>(&helper, read, request()).await;
    assert_eq!(
        seen(&after),
        seen(&before),
        "honoured on the very next call"
    );
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without saying why"),
                Err(status) => return status,
            }
        }
    })
    .await
    .expect("the stream is still open");
    assert_eq!(reason(&ended), Some(Feilgrunn::RettOpphort));
}

/// Staff record a consent on the person's behalf where the relation is
/// confirmed, and for their own unit only together with another.
///
/// Seen red: without `context.bekreftet` in W6.ansatt; with the consent for the
/// own unit in force at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_on_behalf_needs_a_confirmed_relation_and_two_for_the_own_unit() {
    Box::pin(on_behalf(&Scene::start().await)).await;
}

pub async fn on_behalf(scene: &Scene) {
    let person = scene.person(NUMBERS[0]).await;
    let unit = "bestillerkontor";
    let counter = scene
        .desk(unit, Rolle::Inntak, Formal::Saksbehandling)
        .await;
    let caseworker = scene
        .desk(unit, Rolle::Saksbehandler, Formal::Saksbehandling)
        .await;
    let decider = scene
        .desk(unit, Rolle::Beslutter, Formal::Saksbehandling)
        .await;
    ok::<_, MottaSoknadResponse>(
        &counter,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        MottaSoknadRequest {
            parent: person.clone(),
            request_id: request_id(),
            eget_onske: "Ro.".to_owned(),
            kanal: Kanal::Oppmote.into(),
            ..Default::default()
        },
    )
    .await;
    let give = "koordinering.v1.SamtykkeService/GiSamtykke";
    let consent = |enhet: &str| GiSamtykkeRequest {
        parent: person.clone(),
        request_id: request_id(),
        enhet: format!("enheter/{enhet}"),
        rolle: Rolle::Saksbehandler.into(),
        klasser: vec![Dataklasse::Tjeneste.into()],
        formal: Formal::Saksbehandling.into(),
        periode: Some(Periode {
            fra: None,
            til: Some(scene.mesh.now().plus(Duration::from_hours(24)).to_proto()),
        }),
        form: Samtykkeform::Muntlig.into(),
        innhentet: Some(scene.mesh.now().to_proto()),
        post: String::new(),
    };
    let alone = refused::<_, GiSamtykkeResponse>(&caseworker, give, consent("nav")).await;
    assert_eq!(reason(&alone), Some(Feilgrunn::IkkeTillatt));

    // A second employee begins on the case: the relation is confirmed.
    let soknad = ok::<_, ListSoknaderResponse>(
        &caseworker,
        "bestillerkontor.v1.SoknadService/ListSoknader",
        ListSoknaderRequest {
            parent: person.clone(),
            ..Default::default()
        },
    )
    .await
    .soknader[0]
        .name
        .clone();
    ok::<_, StartKartleggingResponse>(
        &caseworker,
        "bestillerkontor.v1.SoknadService/StartKartlegging",
        StartKartleggingRequest {
            name: soknad,
            request_id: request_id(),
            ..Default::default()
        },
    )
    .await;
    let given = ok::<_, GiSamtykkeResponse>(&caseworker, give, consent("nav")).await;
    let state = given.samtykke.unwrap().tilstand();
    assert_eq!(state, SamtykkeTilstand::Gitt);

    let waiting = ok::<_, GiSamtykkeResponse>(&caseworker, give, consent(unit)).await;
    let waiting = waiting.samtykke.unwrap();
    assert_eq!(waiting.tilstand(), SamtykkeTilstand::TilBekreftelse);
    let confirm = "koordinering.v1.SamtykkeService/BekreftSamtykke";
    let confirmation = || BekreftSamtykkeRequest {
        name: waiting.name.clone(),
        request_id: request_id(),
    };
    let own = refused::<_, BekreftSamtykkeResponse>(&caseworker, confirm, confirmation()).await;
    assert_eq!(reason(&own), Some(Feilgrunn::IkkeTillatt));
    let confirmed = ok::<_, BekreftSamtykkeResponse>(&decider, confirm, confirmation()).await;
    let state = confirmed.samtykke.unwrap().tilstand();
    assert_eq!(state, SamtykkeTilstand::Gitt);
}

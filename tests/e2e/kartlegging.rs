//! One mapping, three readers, three views. The person of Sarpsborg 4.2 was
//! mapped three times, by three units; here once, and read by all.

use std::time::Duration;

use samspor::desk::Desk;
use samspor_chassis::tid::Tid;
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Periode, Rolle, Skjermingsgrunn},
    koordinering::*,
    tilgang::{Dataklasse, Formal},
};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::scene::*;

const HENT: &str = "bestillerkontor.v1.KartleggingService/HentKartlegging";
const LIST: &str = "bestillerkontor.v1.KartleggingService/ListKartlegginger";
const REGISTRER: &str = "bestillerkontor.v1.KartleggingService/RegistrerInstrument";

fn asked(at: Tid) -> Innhenting {
    Innhenting {
        spurt: Some(at.to_proto()),
        form: Innhentingsform::Muntlig.into(),
        ..Default::default()
    }
}

fn need(behov: Behovsniva, egne_ord: &str) -> Livsomrade {
    Livsomrade {
        behov: behov.into(),
        egne_ord: egne_ord.to_owned(),
        ..Default::default()
    }
}

async fn give(scene: &Scene, person: &str, unit: &str, classes: &[Dataklasse]) -> Samtykke {
    let herself = scene.person_desk(person).await;
    ok::<_, GiSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/GiSamtykke",
        GiSamtykkeRequest {
            parent: person.to_owned(),
            request_id: request_id(),
            enhet: format!("enheter/{unit}"),
            rolle: Rolle::Saksbehandler.into(),
            klasser: classes.iter().map(|class| (*class).into()).collect(),
            formal: Formal::Samordning.into(),
            periode: Some(Periode {
                fra: None,
                til: Some(scene.mesh.now().plus(Duration::from_hours(24)).to_proto()),
            }),
            ..Default::default()
        },
    )
    .await
    .samtykke
    .unwrap()
}

/// The second edition of the mapping of a case, which is open.
async fn revised(author: &Desk, person: &str) -> Kartlegging {
    let first = ok::<_, ListKartleggingerResponse>(
        author,
        LIST,
        ListKartleggingerRequest {
            parent: person.to_owned(),
            ..Default::default()
        },
    )
    .await
    .kartlegginger
    .remove(0);
    ok::<_, ReviderKartleggingResponse>(
        author,
        "bestillerkontor.v1.KartleggingService/ReviderKartlegging",
        ReviderKartleggingRequest {
            name: first.name.clone(),
            request_id: request_id(),
            etag: first.etag,
            revisjonsgrunn: "Første samtale hjemme.".to_owned(),
        },
    )
    .await
    .kartlegging
    .unwrap()
}

async fn author(scene: &Scene) -> Desk {
    scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await
}

/// A mapping in two editions: the second has instruments, areas and boevne.
async fn mapped(scene: &Scene) -> Kartlegging {
    let case = scene.case(NUMBERS[0]).await;
    let author = author(scene).await;
    let second = revised(&author, &case.person).await;
    let now = scene.mesh.now();
    let registered = ok::<_, RegistrerInstrumentResponse>(
        &author,
        REGISTRER,
        RegistrerInstrumentRequest {
            name: second.name.clone(),
            request_id: request_id(),
            instrument: "instrumenter/audit".to_owned(),
            svar: vec![4, 4, 3, 3, 2, 2, 1, 1, 2, 0],
            oppgitt_skar: Some(22.0),
            innhenting: Some(asked(now)),
        },
    )
    .await
    .kartlegging
    .unwrap();
    let areas = ok::<_, OppdaterLivsomraderResponse>(
        &author,
        "bestillerkontor.v1.KartleggingService/OppdaterLivsomrader",
        OppdaterLivsomraderRequest {
            name: second.name.clone(),
            request_id: request_id(),
            etag: registered.etag,
            livsomrader: Some(Livsomrader {
                bolig: Some(need(Behovsniva::Akutt, "Jeg mister leiligheten.")),
                okonomi: Some(need(Behovsniva::Stort, "Jeg har gjeld.")),
                arbeid_aktivitet: Some(need(Behovsniva::Middels, "Verkstedet gjør meg godt.")),
                familie_nettverk: Some(need(Behovsniva::Lite, "Søsteren min.")),
                fysisk_helse: Some(need(Behovsniva::Ingen, "")),
                psykisk_helse: Some(need(Behovsniva::Stort, "Jeg er redd om natta.")),
                rus: Some(need(Behovsniva::Stort, "Jeg drikker for å sove.")),
                juridisk: Some(need(Behovsniva::Ukjent, "")),
            }),
            innhenting: Some(asked(now)),
        },
    )
    .await
    .kartlegging
    .unwrap();
    ok::<_, FullforKartleggingResponse>(
        &author,
        "bestillerkontor.v1.KartleggingService/FullforKartlegging",
        FullforKartleggingRequest {
            name: second.name.clone(),
            request_id: request_id(),
            etag: areas.etag,
            boevne: Some(Boevne {
                niva: Boevneniva::MedOppfolging.into(),
                beskrivelse: "Holder orden med hjelp.".to_owned(),
            }),
            innhenting: Some(asked(now)),
            ..Default::default()
        },
    )
    .await
    .kartlegging
    .unwrap()
}

/// What a reader has of each area, in their order.
fn areas(of: &Kartlegging) -> [bool; 8] {
    let Livsomrader {
        bolig,
        okonomi,
        arbeid_aktivitet,
        familie_nettverk,
        fysisk_helse,
        psykisk_helse,
        rus,
        juridisk,
    } = of.livsomrader.clone().unwrap_or_default();
    [
        bolig,
        okonomi,
        arbeid_aktivitet,
        familie_nettverk,
        fysisk_helse,
        psykisk_helse,
        rus,
        juridisk,
    ]
    .map(|area| area.is_some())
}

fn why(of: &Kartlegging, class: Dataklasse) -> Option<Skjermingsgrunn> {
    let withheld = &of.skjerming.as_ref()?.klasser;
    let found = withheld.iter().find(|k| k.klasse() == class)?;
    Some(found.grunn())
}

/// S1: the ROP clinician reads health, BOM function without health, Nav what
/// the person consents to; and the person all of it.
///
/// Seen red: with HELSE to every unit that delivers (P3).
#[tokio::test(flavor = "multi_thread")]
async fn one_mapping_three_readers_three_views() {
    Box::pin(mapped_once(&Scene::start().await)).await;
}

pub async fn mapped_once(scene: &Scene) {
    let whole = Box::pin(mapped(scene)).await;
    let name = whole.name.clone();
    let person = name.split("/kartlegginger").next().unwrap().to_owned();
    let read = || HentKartleggingRequest {
        name: name.clone(),
        utgave: 0,
    };
    assert_eq!(
        (whole.utgave, whole.tilstand()),
        (2, KartleggingTilstand::Ferdig)
    );
    assert_eq!(areas(&whole), [true; 8]);
    assert_eq!(whole.instrumenter[0].skar, 22.0);

    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let to_rop = ok::<_, HentKartleggingResponse>(&clinician, HENT, read()).await;
    let to_rop = to_rop.kartlegging.unwrap();
    assert_eq!(to_rop.instrumenter[0].skar, 22.0);
    assert_eq!(to_rop.instrumenter[0].grenser.len(), 4);
    assert_eq!(to_rop.helsebeskrivelse, "Rusmiddelbruk.");
    assert_eq!(to_rop.boevne, whole.boevne);
    let health = [false, false, true, false, true, true, true, false];
    assert_eq!(areas(&to_rop), health, "function and health");

    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let to_bom = ok::<_, HentKartleggingResponse>(&bom, HENT, read()).await;
    let to_bom = to_bom.kartlegging.unwrap();
    let function = [false, false, true, false, false, false, false, false];
    assert_eq!(areas(&to_bom), function);
    assert_eq!(to_bom.boevne, whole.boevne);
    assert_eq!(to_bom.funksjonsbeskrivelse, "Trenger struktur.");
    assert!(to_bom.helsebeskrivelse.is_empty() && to_bom.instrumenter.is_empty());
    assert!(why(&to_bom, Dataklasse::Helse).is_some());
    let told = to_bom.skjerming.as_ref().unwrap();
    let health = told
        .klasser
        .iter()
        .find(|k| k.klasse() == Dataklasse::Helse);
    let instead: Vec<Dataklasse> = health.unwrap().isteden().collect();
    assert_eq!(instead, [Dataklasse::Funksjon]);

    // Nav does not know of it, until the person says so.
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let missing = refused::<_, HentKartleggingResponse>(&nav, HENT, read()).await;
    assert_eq!(missing.code(), Code::NotFound);
    // That there is a mapping is TJENESTE: function alone does not open it.
    give(scene, &person, "nav", &[Dataklasse::Funksjon]).await;
    let missing = refused::<_, HentKartleggingResponse>(&nav, HENT, read()).await;
    assert_eq!(missing.code(), Code::NotFound);
    let consent = give(
        scene,
        &person,
        "nav",
        &[Dataklasse::Tjeneste, Dataklasse::Funksjon],
    )
    .await;
    let to_nav = ok::<_, HentKartleggingResponse>(&nav, HENT, read()).await;
    let to_nav = to_nav.kartlegging.unwrap();
    assert_eq!(areas(&to_nav), function);
    assert_eq!(to_nav.boevne, whole.boevne);
    assert!(to_nav.helsebeskrivelse.is_empty() && to_nav.instrumenter.is_empty());
    assert_eq!(
        why(&to_nav, Dataklasse::Helse),
        Some(Skjermingsgrunn::SamtykkeMangler)
    );

    // The same record for all, and no other: nobody mapped again.
    let herself = scene.person_desk(&person).await;
    let all = ListKartleggingerRequest {
        parent: person.clone(),
        ..Default::default()
    };
    for desk in [&clinician, &bom, &nav, &herself] {
        let found = ok::<_, ListKartleggingerResponse>(desk, LIST, all.clone()).await;
        let names: Vec<&str> = found
            .kartlegginger
            .iter()
            .map(|k| k.name.as_str())
            .collect();
        assert_eq!(names, [name.as_str()]);
    }
    let to_her = ok::<_, HentKartleggingResponse>(&herself, HENT, read()).await;
    let to_her = to_her.kartlegging.unwrap();
    assert_eq!(areas(&to_her), [true; 8]);
    assert_eq!(to_her.instrumenter, whole.instrumenter);

    // The edition before it, by the same right.
    let first = HentKartleggingRequest {
        name: name.clone(),
        utgave: 1,
    };
    let earlier = ok::<_, HentKartleggingResponse>(&clinician, HENT, first).await;
    let earlier = earlier.kartlegging.unwrap();
    assert_eq!((earlier.utgave, earlier.instrumenter.len()), (1, 0));

    // The right ends with the consent, from the next call (I9).
    ok::<_, TrekkSamtykkeResponse>(
        &herself,
        "koordinering.v1.SamtykkeService/TrekkSamtykke",
        TrekkSamtykkeRequest {
            name: consent.name,
            request_id: request_id(),
        },
    )
    .await;
    let missing = refused::<_, HentKartleggingResponse>(&nav, HENT, read()).await;
    assert_eq!(missing.code(), Code::NotFound);
}

/// Wrong answers are refused by field, without quoting them; who reads adds
/// nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_form_is_refused_and_nothing_is_lost() {
    Box::pin(wrong_form(&Scene::start().await)).await;
}

pub async fn wrong_form(scene: &Scene) {
    let whole = Box::pin(mapped(scene)).await;
    let author = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let good = RegistrerInstrumentRequest {
        name: whole.name.clone(),
        request_id: request_id(),
        instrument: "instrumenter/phq9".to_owned(),
        svar: vec![1; 9],
        oppgitt_skar: None,
        innhenting: Some(asked(scene.mesh.now())),
    };
    let wrong: [(&str, RegistrerInstrumentRequest); 4] = [
        (
            "svar[2]",
            RegistrerInstrumentRequest {
                svar: vec![1, 1, 4, 1, 1, 1, 1, 1, 1],
                ..good.clone()
            },
        ),
        (
            "svar",
            RegistrerInstrumentRequest {
                svar: vec![1; 8],
                ..good.clone()
            },
        ),
        (
            "oppgitt_skar",
            RegistrerInstrumentRequest {
                oppgitt_skar: Some(8.0),
                ..good.clone()
            },
        ),
        (
            "oppgitt_skar",
            RegistrerInstrumentRequest {
                oppgitt_skar: Some(28.0),
                ..good.clone()
            },
        ),
    ];
    for (field, request) in wrong {
        let request = RegistrerInstrumentRequest {
            request_id: request_id(),
            ..request
        };
        let status = refused::<_, RegistrerInstrumentResponse>(&author, REGISTRER, request).await;
        assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
        let details = status.get_error_details();
        let faults = &details.bad_request().unwrap().field_violations;
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, [field]);
    }
    // A complete edition is not added to.
    let late = refused::<_, RegistrerInstrumentResponse>(&author, REGISTRER, good.clone()).await;
    assert_eq!(reason(&late), Some(Feilgrunn::UgyldigOvergang));
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let own = RegistrerInstrumentRequest {
        request_id: request_id(),
        ..good
    };
    let status = refused::<_, RegistrerInstrumentResponse>(&clinician, REGISTRER, own).await;
    assert_eq!(reason(&status), Some(Feilgrunn::FormalIkkeTillatt));
    let read = HentKartleggingRequest {
        name: whole.name.clone(),
        utgave: 0,
    };
    let kept = ok::<_, HentKartleggingResponse>(&author, HENT, read).await;
    assert_eq!(kept.kartlegging.as_ref(), Some(&whole));
    looked_into(&author, &whole).await;

    // The instruments are known to every unit of the municipality, and no
    // outside party.
    let list = "bestillerkontor.v1.KartleggingService/ListInstrumenter";
    let of = |unit: &str| ListInstrumenterRequest {
        parent: format!("enheter/{unit}"),
        ..Default::default()
    };
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let found = ok::<_, ListInstrumenterResponse>(&nav, list, of("nav")).await;
    assert_eq!(found.instrumenter.len(), 5);
    let phq9 = &found.instrumenter[3];
    assert_eq!((phq9.tittel.as_str(), phq9.ledd.len()), ("PHQ-9", 9));
}

/// An answer that warns is looked into before the edition is complete.
async fn looked_into(author: &Desk, whole: &Kartlegging) {
    const SERVICE: &str = "bestillerkontor.v1.KartleggingService";
    let method = format!("{SERVICE}/ReviderKartlegging");
    let request = ReviderKartleggingRequest {
        name: whole.name.clone(),
        request_id: request_id(),
        etag: whole.etag.clone(),
        revisjonsgrunn: "Har det verre.".to_owned(),
    };
    let _: ReviderKartleggingResponse = ok(author, &method, request).await;
    let request = RegistrerInstrumentRequest {
        name: whole.name.clone(),
        request_id: request_id(),
        instrument: "instrumenter/phq9".to_owned(),
        svar: vec![1, 1, 1, 1, 1, 1, 1, 1, 2],
        oppgitt_skar: None,
        innhenting: Some(asked(Tid::try_from(whole.kartlagt.unwrap()).unwrap())),
    };
    let warned: RegistrerInstrumentResponse = ok(author, REGISTRER, request).await;
    let warned = warned.kartlegging.unwrap();
    assert!(!warned.instrumenter.last().unwrap().varsler.is_empty());
    let complete = |etag: &str| FullforKartleggingRequest {
        name: whole.name.clone(),
        request_id: request_id(),
        etag: etag.to_owned(),
        innhenting: whole.innhenting.clone(),
        ..Default::default()
    };
    let method = format!("{SERVICE}/FullforKartlegging");
    let status =
        refused::<_, FullforKartleggingResponse>(author, &method, complete(&warned.etag)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
    let details = status.get_error_details();
    let faults = &details.bad_request().unwrap().field_violations;
    assert!(
        faults[0].description.contains("KvitterVarsel"),
        "{faults:?}"
    );
    let request = KvitterVarselRequest {
        name: whole.name.clone(),
        request_id: request_id(),
        vurdering: "Snakket med Kanari Kvitterson; har ingen plan.".to_owned(),
        varslet: "Fastlegen, samme dag.".to_owned(),
    };
    let method_seen = format!("{SERVICE}/KvitterVarsel");
    let seen: KvitterVarselResponse = ok(author, &method_seen, request).await;
    let seen = seen.kartlegging.unwrap();
    assert_eq!(seen.varselkvitteringer.len(), 1);
    let _: FullforKartleggingResponse = ok(author, &method, complete(&seen.etag)).await;
}

/// A unit that the person refuses to have contacted does not find the
/// application before the vedtak, not even by a consent that it has.
///
/// Seen red: without `stengt` in `sett_kontakt`.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_unit_does_not_find_the_application() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    ok::<_, MottaSoknadResponse>(
        &herself,
        "bestillerkontor.v1.SoknadService/MottaSoknad",
        MottaSoknadRequest {
            parent: person.clone(),
            request_id: request_id(),
            eget_onske: "Jeg vil bestemme hvem som spørres.".to_owned(),
            kanal: Kanal::Brev.into(),
            ..Default::default()
        },
    )
    .await;
    let list = "bestillerkontor.v1.SoknadService/ListSoknader";
    let all = ListSoknaderRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let found = ok::<_, ListSoknaderResponse>(&herself, list, all).await;
    let name = found.soknader[0].name.clone();
    let read = "bestillerkontor.v1.SoknadService/HentSoknad";
    let request = || HentSoknadRequest { name: name.clone() };
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    give(&scene, &person, "nav", &[Dataklasse::Tjeneste]).await;
    ok::<_, HentSoknadResponse>(&nav, read, request()).await;

    let say = "bestillerkontor.v1.SoknadService/SettKontaktsamtykke";
    let said = |tillatt: bool| SettKontaktsamtykkeRequest {
        name: name.clone(),
        request_id: request_id(),
        reservert_kontakt: false,
        kontaktsamtykker: vec![Kontaktsamtykke {
            enhet: "enheter/nav".to_owned(),
            tillatt,
        }],
    };
    ok::<_, SettKontaktsamtykkeResponse>(&herself, say, said(false)).await;
    let missing = refused::<_, HentSoknadResponse>(&nav, read, request()).await;
    assert_eq!(missing.code(), Code::NotFound);
    ok::<_, SettKontaktsamtykkeResponse>(&herself, say, said(true)).await;
    ok::<_, HentSoknadResponse>(&nav, read, request()).await;
}

/// What is recorded names a consent that koordinering has: the person's own to
/// the unit, in force, and of the class that is recorded.
///
/// Seen red: with consents to every unit attested.
#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_names_a_consent_that_covers_it() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let author = author(&scene).await;
    let mapping = revised(&author, &case.person).await.name;
    let register = async |consent: &str| {
        let request = RegistrerInstrumentRequest {
            name: mapping.clone(),
            request_id: request_id(),
            instrument: "instrumenter/audit".to_owned(),
            svar: vec![4, 4, 3, 3, 2, 2, 1, 1, 2, 0],
            innhenting: Some(Innhenting {
                samtykke: consent.to_owned(),
                ..asked(scene.mesh.now())
            }),
            ..Default::default()
        };
        let answer = author.call::<_, RegistrerInstrumentResponse>(REGISTRER, request);
        answer.await.result
    };
    let refused = async |consent: &str| {
        let status = register(consent).await.unwrap_err();
        assert_eq!(reason(&status), Some(Feilgrunn::UgyldigForesporsel));
        let details = status.get_error_details();
        let faults = &details.bad_request().unwrap().field_violations;
        assert_eq!(faults[0].field, "innhenting.samtykke");
    };
    let own = "bestillerkontor";
    let to_bom = give(&scene, &case.person, "bom", &[Dataklasse::Helse]).await;
    let of_dwelling = give(&scene, &case.person, own, &[Dataklasse::Bolig]).await;
    let nobodys = format!("{}/samtykker/{}", case.person, request_id());
    for consent in [&to_bom.name, &of_dwelling.name, &nobodys] {
        refused(consent).await;
    }
    let given = give(&scene, &case.person, own, &[Dataklasse::Helse]).await;
    register(&given.name).await.unwrap();
    let herself = scene.person_desk(&case.person).await;
    let request = TrekkSamtykkeRequest {
        name: given.name.clone(),
        request_id: request_id(),
    };
    let method = "koordinering.v1.SamtykkeService/TrekkSamtykke";
    ok::<_, TrekkSamtykkeResponse>(&herself, method, request).await;
    refused(&given.name).await;
}

//! Who is outside the municipality files an application and reads nothing
//! (P24); who the person allows is asked for its view.

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::Formal,
};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::Kommune;
use crate::scene::*;

const SOKNAD: &str = "bestillerkontor.v1.SoknadService";

fn sender(rolle: Innsenderrolle) -> Innsender {
    Innsender {
        navn: "Vakthavende".to_owned(),
        rolle: rolle.into(),
        ..Default::default()
    }
}

/// What a hospital knows; where the person lives is unknown to it.
fn packet() -> Sykehusmelding {
    let told = || "Opplyst".to_owned();
    Sykehusmelding {
        institusjon: "Sykehuset, post 2".to_owned(),
        funksjon: told(),
        nattbehov: told(),
        helse: told(),
        rusmidler: told(),
        legemidler: told(),
        risiko: told(),
        nettverk: told(),
        oppfolging: told(),
        anbefaling: "Døgnbemannet bolig".to_owned(),
        grunnlag: told(),
        ukjent: vec![
            Sykehusopplysning::Innlagt.into(),
            Sykehusopplysning::Utskrives.into(),
            Sykehusopplysning::Boligsituasjon.into(),
        ],
        ..Default::default()
    }
}

/// Every unit outside files for the person, and gets a receipt alone; the
/// hospital owes its packet (B2), also when it does not say who it is.
///
/// Seen red: with `innsender.rolle` alone asked for the packet; without
/// `frivillig` in Sarpsborg's file.
pub(super) async fn who_is_outside_files_and_reads_nothing(kommune: Kommune) {
    let outside = kommune.policy.municipality().holders_of("ekstern_part");
    for wanted in ["fastlege", "frivillig", "spesialisthelsetjenesten"] {
        assert!(outside.contains(&wanted.to_owned()), "{outside:?}");
    }
    let person = kommune.scene.person(NUMBERS[0]).await;
    let herself = kommune.scene.person_desk(&person).await;
    for unit in &outside {
        let formal = Formal::Saksbehandling;
        let desk = kommune.scene.desk(unit, Rolle::Inntak, formal).await;
        let hospital = unit == "spesialisthelsetjenesten";
        let request = || MottaSoknadRequest {
            parent: person.clone(),
            request_id: request_id(),
            eget_onske: format!("Sagt til {unit}: ro til å sove"),
            kanal: Kanal::System.into(),
            innsender: match unit.as_str() {
                "fastlege" => Some(sender(Innsenderrolle::Fastlege)),
                "frivillig" => Some(sender(Innsenderrolle::Frivillig)),
                "politi" => Some(sender(Innsenderrolle::Politi)),
                _ => None,
            },
            // What others say that the person allows opens nothing to them.
            kontaktsamtykker: vec![Kontaktsamtykke {
                enhet: format!("enheter/{unit}"),
                tillatt: true,
            }],
            ..Default::default()
        };
        let method = format!("{SOKNAD}/MottaSoknad");
        if hospital {
            let bare = refused::<_, MottaSoknadResponse>(&desk, &method, request()).await;
            let fault = bare.get_details_bad_request().unwrap();
            assert_eq!(fault.field_violations[0].field, "sykehusmelding");
        }
        let whole = MottaSoknadRequest {
            sykehusmelding: hospital.then(packet),
            ..request()
        };
        let receipt: MottaSoknadResponse = ok(&desk, &method, whole).await;
        let referanse = receipt.kvittering.unwrap().referanse;

        let request = ListSoknaderRequest {
            parent: person.clone(),
            ..Default::default()
        };
        let method = format!("{SOKNAD}/ListSoknader");
        let own: ListSoknaderResponse = ok(&herself, &method, request).await;
        let filed = own
            .soknader
            .iter()
            .find(|soknad| soknad.referanse == referanse);
        let filed = filed.unwrap();
        assert_eq!(
            filed.registrert_av.as_ref().unwrap().enhet,
            format!("enheter/{unit}")
        );
        assert_eq!(filed.fra_sykehus, hospital);

        let caseworker = kommune
            .scene
            .desk("bestillerkontor", Rolle::Saksbehandler, formal)
            .await;
        let request = StartKartleggingRequest {
            name: filed.name.clone(),
            request_id: request_id(),
            ..Default::default()
        };
        let method = format!("{SOKNAD}/StartKartlegging");
        let _: StartKartleggingResponse = ok(&caseworker, &method, request).await;
        for formal in [Formal::Saksbehandling, Formal::Samordning] {
            let reader = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
            let request = HentSoknadRequest {
                name: filed.name.clone(),
            };
            let method = format!("{SOKNAD}/HentSoknad");
            let status = refused::<_, HentSoknadResponse>(&reader, &method, request).await;
            assert_eq!(status.code(), Code::NotFound, "{unit} {formal:?}");
        }
    }
}

/// The person allows Nav to be asked: it reads what the application is about,
/// never health or economy, in the purpose of working together and until the
/// vedtak. It learns nothing of the person elsewhere by that.
///
/// Seen red: with no consent stated by bestillerkontor; without its end at the
/// vedtak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_the_person_allows_is_asked_until_the_vedtak() {
    let kommune = Kommune::start("karmoy").await;
    let scene = &kommune.scene;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    let name = scene.ready(&person).await;
    let read = async |formal: Formal| {
        let desk = scene.desk("nav", Rolle::Saksbehandler, formal).await;
        let request = HentSoknadRequest { name: name.clone() };
        let method = format!("{SOKNAD}/HentSoknad");
        let answer = desk.call::<_, HentSoknadResponse>(&method, request);
        answer.await.result.map(|found| found.soknad.unwrap())
    };
    let say = async |tillatt: bool| {
        let request = SettKontaktsamtykkeRequest {
            name: name.clone(),
            request_id: request_id(),
            reservert_kontakt: false,
            kontaktsamtykker: vec![Kontaktsamtykke {
                enhet: "enheter/nav".to_owned(),
                tillatt,
            }],
        };
        let method = format!("{SOKNAD}/SettKontaktsamtykke");
        let _: SettKontaktsamtykkeResponse = ok(&herself, &method, request).await;
    };
    assert!(read(Formal::Samordning).await.is_err());
    say(true).await;
    let seen = read(Formal::Samordning).await.unwrap();
    assert!(!seen.eget_onske.is_empty() && !seen.kartlegging.is_empty());
    let withheld = seen.skjerming.unwrap();
    assert!(
        seen.helseopplysninger.is_empty() && seen.okonomi.is_empty(),
        "{withheld:?}"
    );
    let other = read(Formal::Saksbehandling).await.unwrap_err();
    assert_eq!(reason(&other), Some(Feilgrunn::IkkeFunnet));
    let request = samspor_proto::bestillerkontor::HentKartleggingRequest {
        name: seen.kartlegging,
        ..Default::default()
    };
    let desk = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Samordning)
        .await;
    let method = "bestillerkontor.v1.KartleggingService/HentKartlegging";
    let status = refused::<_, HentKartleggingResponse>(&desk, method, request).await;
    assert_eq!(status.code(), Code::NotFound);

    say(false).await;
    assert!(read(Formal::Samordning).await.is_err());
    say(true).await;
    read(Formal::Samordning).await.unwrap();
    scene.decided_on(&person, &name, &["rop"]).await;
    assert!(read(Formal::Samordning).await.is_err());
}

//! What the access log holds when something goes wrong: a refusal, a mutation
//! whose answer was lost, a database that takes nothing.

use std::{sync::Arc, time::Duration};

use samspor_chassis::testing::{START, TestClock};
use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Hjemmel, Rolle},
    gateway::{ListInnsynRequest, ListInnsynResponse},
    hendelse::{FolgRequest, FolgResponse},
    internt::{Loggpost, Loggtype},
    koordinering::*,
    rop::*,
    tilgang::Formal,
};
use sqlx::Executor as _;
use tonic::Code;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, request_id};

const HENT_VEDTAK: &str = "bestillerkontor.v1.VedtakService/HentVedtak";
const SIKRE: &str = "koordinering.v1.PersonService/SikrePerson";
const MOTTA: &str = "bestillerkontor.v1.SoknadService/MottaSoknad";

fn sikre(number: &str) -> SikrePersonRequest {
    SikrePersonRequest {
        request_id: request_id(),
        fodselsnummer: number.to_owned(),
    }
}

fn application(person: &str) -> MottaSoknadRequest {
    MottaSoknadRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        eget_onske: "Faste folk.".to_owned(),
        kanal: Kanal::Oppmote.into(),
        gjelder: vec![Tjenestetype::RopOppfolging.into()],
        ..Default::default()
    }
}

fn of(rows: &[Loggpost], kind: Loggtype) -> Vec<&Loggpost> {
    rows.iter().filter(|row| row.r#type() == kind).collect()
}

/// A purpose that is not open is a refusal like any other: it is logged, and
/// the person whom the call named can see it. A person id that nobody knows
/// leaves a row about nobody, and no key.
///
/// Seen red: with refusals of the purpose told without a row, and with a key
/// made for every id.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_purpose_is_logged_about_the_person() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let curious = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Statistikk)
        .await;
    let request = |name: &str| HentVedtakRequest {
        name: name.to_owned(),
        versjon: 0,
    };
    let before = scene.log().await.len();
    let status =
        refused::<_, HentVedtakResponse>(&curious, HENT_VEDTAK, request(&case.vedtak)).await;
    assert_eq!(reason(&status), Some(Feilgrunn::FormalIkkeTillatt));
    let nobody =
        "personer/00000000-0000-4000-8000-00000000dead/vedtak/00000000-0000-7000-8000-00000000dead";
    refused::<_, HentVedtakResponse>(&curious, HENT_VEDTAK, request(nobody)).await;
    refused::<_, HentVedtakResponse>(&curious, HENT_VEDTAK, request("vedtak/x")).await;

    // Consumers follow their feeds meanwhile.
    let mut rows = scene.log().await.split_off(before);
    rows.retain(|row| row.metode.ends_with(HENT_VEDTAK));
    let [known, unknown, unreadable] = &rows[..] else {
        panic!("{} rows", rows.len());
    };
    for row in [known, unknown] {
        assert_eq!(row.r#type(), Loggtype::Avslag);
        assert_eq!(row.utfall(), Feilgrunn::FormalIkkeTillatt);
    }
    assert_eq!(unreadable.utfall(), Feilgrunn::UgyldigForesporsel);
    assert!(!known.personkode.is_empty());
    assert!(unknown.personkode.is_empty() && unreadable.personkode.is_empty());

    let herself = scene.person_desk(&case.person).await;
    let seen = ok::<_, ListInnsynResponse>(
        &herself,
        "gateway.v1.InnsynsloggService/ListInnsyn",
        ListInnsynRequest {
            parent: case.person.clone(),
            page_size: 5,
            ..Default::default()
        },
    )
    .await
    .innsyn;
    assert!(
        seen.iter()
            .any(|row| row.avslatt && row.metode.ends_with("HentVedtak"))
    );
}

/// A note that is exempt from the person's own access is not named in the
/// person's view of the log; whoever controls the log sees it.
///
/// Seen red: with every record of a row shown.
#[tokio::test(flavor = "multi_thread")]
async fn the_person_is_not_told_of_an_exempt_record() {
    let scene = Scene::start().await;
    let case = scene.case(NUMBERS[0]).await;
    let clinician = scene.desk("rop", Rolle::Behandler, Formal::Ytelse).await;
    let note = ok::<_, SkrivAapentNotatResponse>(
        &clinician,
        "rop.v1.JournalService/SkrivAapentNotat",
        SkrivAapentNotatRequest {
            parent: case.person.clone(),
            request_id: request_id(),
            tema: "Bekymring".to_owned(),
            tekst: "Opplysning fra en nabo.".to_owned(),
            hjemmel: Some(Hjemmel {
                lov: "helsepersonelloven".to_owned(),
                paragraf: "§ 39".to_owned(),
            }),
            unntatt_innsyn: true,
            unntatt_begrunnelse: "Fare for den som meldte.".to_owned(),
            ..Default::default()
        },
    )
    .await
    .notat
    .unwrap();
    let record = note.name.rsplit('/').next().unwrap().to_owned();
    let list = |parent: &str| ListInnsynRequest {
        parent: parent.to_owned(),
        page_size: 100,
        ..Default::default()
    };
    let method = "gateway.v1.InnsynsloggService/ListInnsyn";
    let names = |answer: ListInnsynResponse| -> Vec<String> {
        let posts = answer.innsyn.into_iter().flat_map(|row| row.poster);
        posts.map(|post| post.post).collect()
    };
    let herself = scene.person_desk(&case.person).await;
    let shown = names(ok::<_, ListInnsynResponse>(&herself, method, list(&case.person)).await);
    assert!(!shown.is_empty());
    assert!(
        !shown.iter().any(|name| name.contains(&record)),
        "{shown:?}"
    );
    let control = scene
        .desk("koordinering", Rolle::Loggkontroll, Formal::Kontroll)
        .await;
    let whole = names(ok::<_, ListInnsynResponse>(&control, method, list(&case.person)).await);
    assert!(whole.iter().any(|name| name.contains(&record)), "{whole:?}");
}

/// The mutation has been committed by its owner, but its facts cannot be
/// brought into force: the caller is not answered, the log says that it has
/// happened, and the retry is answered with the same record.
///
/// Seen red: with the outcome row of a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_happened_is_logged_as_such_though_its_answer_is_lost() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let inntak = scene.desk("nav", Rolle::Inntak, Formal::Oppfolging).await;
    let mut database = scene.database("gateway").await;
    let trigger = "CREATE TRIGGER stuck BEFORE INSERT ON gw_faktum \
                   BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    database.execute(trigger).await.unwrap();
    let before = scene.log().await.len();
    let request = application(&person);
    let status = refused::<_, MottaSoknadResponse>(&inntak, MOTTA, request.clone()).await;
    assert_eq!(status.code(), Code::Unavailable);
    let rows = scene.log().await;
    let rows = &rows[before..];
    assert_eq!(of(rows, Loggtype::Hensikt).len(), 1);
    let [outcome] = of(rows, Loggtype::Utfall)[..] else {
        panic!("{rows:?}");
    };
    assert_eq!(outcome.utfall(), Feilgrunn::Unspecified);
    assert_eq!(outcome.regler, ["W1"]);
    assert!(outcome.poster.iter().all(|post| post.utlevert == 0));

    database.execute("DROP TRIGGER stuck").await.unwrap();
    let again = ok::<_, MottaSoknadResponse>(&inntak, MOTTA, request).await;
    assert!(again.kvittering.is_some());
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let list = ListSoknaderRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let listed =
        ok::<_, ListSoknaderResponse>(&desk, "bestillerkontor.v1.SoknadService/ListSoknader", list)
            .await;
    assert_eq!(listed.soknader.len(), 1);
}

async fn people(scene: &Scene) -> usize {
    let mut database = scene.database("koordinering").await;
    let people = sqlx::query("SELECT 1 FROM person").fetch_all(&mut database);
    people.await.unwrap().len()
}

/// A database that is locked acknowledges nothing: the owner's lock refuses
/// the write and leaves no record, the log's lock refuses what would be read.
///
/// Seen red: with `logged` that does not wait for the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_acknowledges_nothing() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let desk = scene
        .desk(
            "bestillerkontor",
            Rolle::Saksbehandler,
            Formal::Saksbehandling,
        )
        .await;
    let herself = scene.person_desk(&person).await;
    for (part, grunn) in [
        ("koordinering", Feilgrunn::LagerUtilgjengelig),
        ("gateway", Feilgrunn::Utilgjengelig),
    ] {
        let mut database = scene.database(part).await;
        database.execute("BEGIN IMMEDIATE").await.unwrap();
        let status = refused::<_, SikrePersonResponse>(&desk, SIKRE, sikre(NUMBERS[1])).await;
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::Unavailable, Some(grunn)),
            "{part}"
        );
        if part == "gateway" {
            let list = ListSamtykkerRequest {
                parent: person.clone(),
                ..Default::default()
            };
            let read = "koordinering.v1.SamtykkeService/ListSamtykker";
            let status = refused::<_, ListSamtykkerResponse>(&herself, read, list).await;
            assert_eq!(reason(&status), Some(grunn), "read without its row");
        }
        database.execute("ROLLBACK").await.unwrap();
    }
    assert_eq!(people(&scene).await, 1, "nothing was stored");
    let stored = ok::<_, SikrePersonResponse>(&desk, SIKRE, sikre(NUMBERS[1])).await;
    assert_ne!(stored.person, person);
    assert_eq!(people(&scene).await, 2);
}

/// A stream ends with the token that opened it.
///
/// Seen red: with streams that outlive their token.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_outlive_its_token() {
    let clock = Arc::new(TestClock::new(START));
    let scene = Scene::on(clock.clone(), |_| {}).await;
    let person = scene.person(NUMBERS[0]).await;
    let herself = scene.person_desk(&person).await;
    let mut stream = herself
        .stream::<_, FolgResponse>(
            "hendelse.v1.HendelseService/Folg",
            FolgRequest {
                parent: person,
                tjeneste: "koordinering".to_owned(),
                fra: None,
            },
        )
        .await
        .unwrap();
    let seconds = u64::try_from(samspor::mesh::TOKEN_SECONDS).unwrap();
    clock.advance(Duration::from_secs(seconds));
    let ended = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without saying why"),
                Err(status) => return status,
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("the stream is still open");
    assert_eq!(reason(&ended), Some(Feilgrunn::RettOpphort));
}

//! Consent.

use std::time::Duration;

use samspor_chassis::{
    testing::{Database, request_id},
    tid::Clock as _,
};
use samspor_proto::{
    felles::{Feilgrunn, Periode, Rolle},
    koordinering::{
        BekreftSamtykkeRequest, BekreftSamtykkeResponse, GiSamtykkeRequest, GiSamtykkeResponse,
        HentSamtykkeRequest, HentSamtykkeResponse, ListSamtykkerRequest, ListSamtykkerResponse,
        Samtykke, SamtykkeTilstand, Samtykkeform, TrekkSamtykkeRequest, TrekkSamtykkeResponse,
    },
    tilgang::{Dataklasse, Formal},
};

use crate::benk::{Avslag, Benk, Hvem, until};

samspor_chassis::on_both_databases! {
    a_consent_is_given_and_withdrawn,
    a_consent_to_one_record_is_limited_to_it,
    what_staff_record_for_their_own_unit_waits_for_another,
    the_person_gives_the_own_and_no_other,
    never_journal,
    a_consent_of_another_person_is_not_found,
    a_consent_runs_out_by_the_clock,
    consents_are_listed_newest_first,
}

const DAY: Duration = Duration::from_hours(24);

fn request(benk: &Benk, parent: &str) -> GiSamtykkeRequest {
    let now = benk.clock.now();
    GiSamtykkeRequest {
        parent: parent.into(),
        request_id: request_id(),
        enhet: "enheter/nav".into(),
        rolle: Rolle::Saksbehandler.into(),
        klasser: vec![Dataklasse::Helse.into(), Dataklasse::Funksjon.into()],
        formal: Formal::Oppfolging.into(),
        periode: Some(Periode {
            fra: None,
            til: Some(now.plus(30 * DAY).into()),
        }),
        form: Samtykkeform::Muntlig.into(),
        innhentet: Some(now.into()),
        post: String::new(),
    }
}

async fn gi(benk: &Benk, who: &Hvem, request: GiSamtykkeRequest) -> Result<Samtykke, Avslag> {
    let answer: GiSamtykkeResponse = benk
        .call(who, "SamtykkeService/GiSamtykke", request)
        .await?;
    Ok(answer.samtykke.unwrap())
}

async fn trekk(benk: &Benk, who: &Hvem, name: &str) -> Result<Samtykke, Avslag> {
    let request = TrekkSamtykkeRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let answer: TrekkSamtykkeResponse = benk
        .call(who, "SamtykkeService/TrekkSamtykke", request)
        .await?;
    Ok(answer.samtykke.unwrap())
}

async fn bekreft(benk: &Benk, who: &Hvem, name: &str) -> Result<Samtykke, Avslag> {
    let request = BekreftSamtykkeRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let answer: BekreftSamtykkeResponse = benk
        .call(who, "SamtykkeService/BekreftSamtykke", request)
        .await?;
    Ok(answer.samtykke.unwrap())
}

async fn hent(benk: &Benk, name: &str) -> Result<Samtykke, Avslag> {
    let request = HentSamtykkeRequest { name: name.into() };
    let answer: HentSamtykkeResponse = benk
        .call(
            &Hvem::saksbehandler(),
            "SamtykkeService/HentSamtykke",
            request,
        )
        .await?;
    Ok(answer.samtykke.unwrap())
}

async fn a_consent_is_given_and_withdrawn(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let who = Hvem::saksbehandler();
    let given = gi(&benk, &who, request(&benk, &person)).await.unwrap();
    assert_eq!(given.tilstand(), SamtykkeTilstand::Gitt);
    assert_eq!(given.enhet, "enheter/nav");
    assert_eq!(given.eier, "enheter/rop");
    assert_eq!(given.hjemmel.as_ref().unwrap().lov, "helsepersonelloven");
    assert_eq!(given.registrert_av.as_ref().unwrap().ansatt, "a1");
    assert_eq!(benk.gjelder(&person).await, ["SAMTYKKE nav FUNKSJON|HELSE"]);
    assert_eq!(hent(&benk, &given.name).await.as_ref(), Ok(&given));

    benk.clock.advance(Duration::from_secs(1));
    let withdrawn = trekk(&benk, &who, &given.name).await.unwrap();
    assert_eq!(withdrawn.tilstand(), SamtykkeTilstand::Trukket);
    assert_eq!(withdrawn.trukket, Some(benk.clock.now().into()));
    assert_eq!(benk.gjelder(&person).await, [""; 0]);
    let facts = benk.fakta().await;
    assert_eq!(facts.len(), 2);
    assert_eq!(facts[0].id, facts[1].id, "the same fact ends");
    assert_eq!(facts[0].opprettet_av, "a1");

    let again = trekk(&benk, &who, &given.name).await.unwrap_err();
    assert_eq!(again.grunn, Feilgrunn::UgyldigOvergang);
    assert_eq!(again.nokler["tilstand"], "TRUKKET");
    assert_eq!(again.nokler["tillatt"], "GiSamtykke");
    for unit in ["rop", "nav"] {
        assert_eq!(
            benk.hendelser(unit).await,
            ["SamtykkeGitt", "SamtykkeTrukket"]
        );
    }
}

/// Guards against: a fact that names no record, and a name that is not stored.
async fn a_consent_to_one_record_is_limited_to_it(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let who = Hvem::saksbehandler();
    let mut one = request(&benk, &person);
    one.post = format!("{person}/kriseplaner/{}", request_id());
    one.klasser.push(Dataklasse::Tjeneste.into());
    let given = gi(&benk, &who, one.clone()).await.unwrap();
    assert_eq!(given.post, one.post);
    assert_eq!(hent(&benk, &given.name).await.unwrap().post, one.post);
    trekk(&benk, &who, &given.name).await.unwrap();
    let facts = benk.fakta().await;
    let of: Vec<&str> = facts.iter().map(|fact| fact.post.as_str()).collect();
    assert_eq!(of, [&one.post, &one.post], "and it ends as it was");
}

/// Seen red: with the consent in force at once; and with the recorder allowed
/// to confirm.
async fn what_staff_record_for_their_own_unit_waits_for_another(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let recorder = Hvem::saksbehandler();
    let colleague = Hvem::new("rop", "a2", Rolle::Miljo);
    let for_own_unit = || GiSamtykkeRequest {
        enhet: "enheter/rop".into(),
        ..request(&benk, &person)
    };
    let waiting = gi(&benk, &recorder, for_own_unit()).await.unwrap();
    assert_eq!(waiting.tilstand(), SamtykkeTilstand::TilBekreftelse);
    assert_eq!(benk.fakta().await, []);
    let request = ListSamtykkerRequest {
        parent: person.clone(),
        bare_gjeldende: true,
        ..ListSamtykkerRequest::default()
    };
    let listed: ListSamtykkerResponse = benk
        .call(&recorder, "SamtykkeService/ListSamtykker", request)
        .await
        .unwrap();
    assert_eq!(listed.samtykker, [], "it does not hold");

    let own = bekreft(&benk, &recorder, &waiting.name).await.unwrap_err();
    assert_eq!(own.grunn, Feilgrunn::IkkeTillatt);
    let elsewhere = Hvem::new("nav", "a1", Rolle::Saksbehandler);
    let same = bekreft(&benk, &elsewhere, &waiting.name).await;
    assert_eq!(same.unwrap_err().grunn, Feilgrunn::IkkeTillatt);
    let stranger = bekreft(&benk, &Hvem::innbygger(&other), &waiting.name).await;
    assert_eq!(stranger.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    assert_eq!(benk.fakta().await, []);

    benk.clock.advance(Duration::from_secs(1));
    let given = bekreft(&benk, &colleague, &waiting.name).await.unwrap();
    assert_eq!(given.tilstand(), SamtykkeTilstand::Gitt);
    assert_eq!(given.bekreftet, Some(benk.clock.now().into()));
    assert_eq!(given.bekreftet_av.as_ref().unwrap().ansatt, "a2");
    assert_eq!(hent(&benk, &given.name).await.as_ref(), Ok(&given));
    assert_eq!(benk.gjelder(&person).await, ["SAMTYKKE rop FUNKSJON|HELSE"]);
    let twice = bekreft(&benk, &colleague, &given.name).await.unwrap_err();
    assert_eq!(twice.nokler["tilstand"], "GITT");
    trekk(&benk, &recorder, &given.name).await.unwrap();
    assert_eq!(benk.gjelder(&person).await, [""; 0]);

    // The person confirms too, or says no before anything was opened.
    let waiting = gi(&benk, &recorder, for_own_unit()).await.unwrap();
    let herself = Hvem::innbygger(&person);
    let given = bekreft(&benk, &herself, &waiting.name).await.unwrap();
    assert_eq!(given.tilstand(), SamtykkeTilstand::Gitt);
    let waiting = gi(&benk, &recorder, for_own_unit()).await.unwrap();
    let refused = trekk(&benk, &herself, &waiting.name).await.unwrap();
    assert_eq!(refused.tilstand(), SamtykkeTilstand::Trukket);
    assert_eq!(benk.fakta().await.len(), 3);
    assert_eq!(
        benk.hendelser("rop").await,
        [
            "SamtykkeTilBekreftelse",
            "SamtykkeBekreftet",
            "SamtykkeTrukket",
            "SamtykkeTilBekreftelse",
            "SamtykkeBekreftet",
            "SamtykkeTilBekreftelse",
            "SamtykkeTrukket"
        ]
    );
}

/// To see it red, let `bare_egen` accept everybody.
async fn the_person_gives_the_own_and_no_other(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let mut own = request(&benk, &person);
    (own.form, own.innhentet) = (0, None);
    let given = gi(&benk, &Hvem::innbygger(&person), own.clone())
        .await
        .unwrap();
    assert_eq!(given.form(), Samtykkeform::Digital);
    assert_eq!(given.innhentet, Some(benk.clock.now().into()));
    assert_eq!(given.eier, "enheter/koordinering");

    own.request_id = request_id();
    let theirs = gi(&benk, &Hvem::innbygger(&other), own).await.unwrap_err();
    assert_eq!(theirs.grunn, Feilgrunn::IkkeFunnet);
    let taken = trekk(&benk, &Hvem::innbygger(&other), &given.name).await;
    assert_eq!(taken.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    assert!(
        trekk(&benk, &Hvem::innbygger(&person), &given.name)
            .await
            .is_ok()
    );

    // After a merge the person is one under either id.
    crate::sammenslaing::sla_sammen(&benk, &person, &other)
        .await
        .unwrap();
    let mut own = request(&benk, &other);
    (own.form, own.innhentet) = (0, None);
    assert!(gi(&benk, &Hvem::innbygger(&person), own).await.is_ok());
}

async fn never_journal(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    for class in [
        Dataklasse::Journal,
        Dataklasse::Straff,
        Dataklasse::Vurdering,
        Dataklasse::Tredjepart,
    ] {
        for who in [Hvem::saksbehandler(), Hvem::innbygger(&person)] {
            let mut request = request(&benk, &person);
            request.form = Samtykkeform::Digital.into();
            request.klasser.push(class.into());
            let refused = gi(&benk, &who, request).await.unwrap_err();
            assert_eq!(
                refused.felt,
                [("klasser[2]".to_owned(), Feilgrunn::FeltUkjentVerdi)]
            );
        }
    }
    let empty = GiSamtykkeRequest {
        parent: person.clone(),
        request_id: request_id(),
        ..GiSamtykkeRequest::default()
    };
    let refused = gi(&benk, &Hvem::saksbehandler(), empty).await.unwrap_err();
    let fields: Vec<&str> = refused
        .felt
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "enhet",
            "rolle",
            "formal",
            "klasser",
            "periode.til",
            "form",
            "innhentet"
        ]
    );
    assert_eq!(benk.fakta().await, []);
}

async fn a_consent_of_another_person_is_not_found(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let given = gi(&benk, &Hvem::saksbehandler(), request(&benk, &person))
        .await
        .unwrap();
    let stolen = given.name.replace(&person, &other);
    for refused in [
        hent(&benk, &stolen).await,
        trekk(&benk, &Hvem::saksbehandler(), &stolen).await,
    ] {
        assert_eq!(refused.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
    }
    let nobody = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    let refused = gi(&benk, &Hvem::saksbehandler(), request(&benk, nobody)).await;
    assert_eq!(refused.unwrap_err().grunn, Feilgrunn::IkkeFunnet);
}

async fn a_consent_runs_out_by_the_clock(database: Database) {
    let benk = Benk::start(&database).await;
    let person = benk.person(0).await;
    let given = gi(&benk, &Hvem::saksbehandler(), request(&benk, &person))
        .await
        .unwrap();
    benk.clock.advance(17 * DAY);
    until(|| async { benk.hendelser("nav").await.len() == 2 }).await;
    benk.clock.advance(13 * DAY);
    until(|| async { benk.hendelser("nav").await.len() == 3 }).await;
    assert_eq!(
        benk.hendelser("nav").await,
        ["SamtykkeGitt", "FristNaer", "SamtykkeUtlopt"]
    );
    assert_eq!(benk.gjelder(&person).await, [""; 0]);
    let past = hent(&benk, &given.name).await.unwrap();
    assert_eq!(past.tilstand(), SamtykkeTilstand::Utlopt);
    let late = trekk(&benk, &Hvem::saksbehandler(), &given.name).await;
    assert_eq!(late.unwrap_err().nokler["tilstand"], "UTLOPT");
}

async fn consents_are_listed_newest_first(database: Database) {
    let benk = Benk::start(&database).await;
    let (person, other) = (benk.person(0).await, benk.person(1).await);
    let who = Hvem::saksbehandler();
    let mut names = Vec::new();
    for _ in 0..3 {
        benk.clock.advance(Duration::from_secs(1));
        names.push(gi(&benk, &who, request(&benk, &person)).await.unwrap().name);
    }
    gi(&benk, &who, request(&benk, &other)).await.unwrap();
    trekk(&benk, &who, &names[1]).await.unwrap();
    names.reverse();

    let list = async |bare_gjeldende: bool| {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let request = ListSamtykkerRequest {
                parent: person.clone(),
                page_size: 2,
                page_token: token,
                bare_gjeldende,
            };
            let page: ListSamtykkerResponse = benk
                .call(&who, "SamtykkeService/ListSamtykker", request)
                .await
                .unwrap();
            assert!(page.samtykker.len() <= 2);
            seen.extend(page.samtykker.into_iter().map(|samtykke| samtykke.name));
            token = page.next_page_token;
            if token.is_empty() {
                return seen;
            }
        }
    };
    assert_eq!(list(false).await, names);
    assert_eq!(list(true).await, [names[0].clone(), names[2].clone()]);
    let request = ListSamtykkerRequest {
        parent: person.clone(),
        page_size: 202,
        ..ListSamtykkerRequest::default()
    };
    let refused: Result<ListSamtykkerResponse, _> = benk
        .call(&who, "SamtykkeService/ListSamtykker", request)
        .await;
    assert_eq!(
        refused.unwrap_err().felt,
        [("page_size".to_owned(), Feilgrunn::FeltOmrade)]
    );
}
